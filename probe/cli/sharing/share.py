"""Implement `probe share`: one file to give to an analyst, after showing its contents. Nothing is uploaded.

Write the text of at most 280 characters that a user pastes into a message, with the states of a run's apps.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.cells import cell_len

from probe import __version__
from probe.analysis.run_result.app_words import (
    BAD_CALLS,
    CALLS,
    STATES,
    apps_and_basics,
    are_basics,
    calls_of_app,
    state_of_calls,
)
from probe.analysis.run_result.app_words import INVALID as INVALID_WORD
from probe.analysis.run_result.run_targets import Targets, targets_of
from probe.analysis.run_result.unfinished_runs import Ending, ending_of, later
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.run.settings import defaults
from probe.cli.screen import WIDTH, UsageError, is_plain, say, wrapped, write_error
from probe.cli.typed_answers import is_yes
from probe.messages import listed, printable, tr, tr_plural
from probe.results import LAST, SHARED, ResultsError, is_run, numbered_run, reason_of, results_root
from probe.sharing import Outgoing
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.privacy.redact import KnownIdentifiers
    from probe.sharing import Outgoing

LONGEST = 280  # characters, of which wide ones count twice, as they do for some services
LONGEST_TITLE = 30
DIGEST = 16  # digits of the digest, which are also the name of the file
INVALID = "invalid"
ORDER = (*STATES, INVALID)  # the first one that an app has in any round is named
CALLS_ORDER = (
    *("blocked", "app_blocked", "likely_blocked", "app_likely_blocked", "degraded", "bad", "filtered_locally"),
    *("impaired", "down", "insufficient", "untestable", "ok"),
)
"""The keys of CALLS, and `bad` for BAD_CALLS. The first one that an app has in any round is named."""
WEB = "://"  # in the name of an app that is a web address


class PastedLine(NamedTuple):
    """Hold the words of a line of the text, and the titles of apps for which they are said."""

    words: Callable[[str], str]
    titles: Sequence[str]
    implied: bool = False  # by another line, or true of every run


def pasted_text(outgoing: Outgoing, records: Iterable[Mapping[str, Any]], targets: Targets, ending: Ending = "") -> str:
    """Return the text: version, network, date, the states of apps and of their calls, digest.

    It has no address and no path. That of an unfinished run begins with this fact.
    """
    begin = [tr("Unfinished run, a part is missing")] if ending else []
    head, tail = [*begin, *_head(outgoing)], f"sha256 {outgoing.manifest.sha256[:DIGEST]}"
    apps, basics = apps_and_basics(judge_apps(records, targets))
    titles = titles_by_state(apps)
    states = [PastedLine(partial(_state, state), names) for state, names in titles.items()]
    calls = [
        PastedLine(partial(_calls, word), names, word in _implied_words())
        for word, names in titles_by_calls(apps).items()
    ]
    failing = {_short_title(app) for app in basics if app["state"] not in {"ok", "insufficient", None}}
    others = [PastedLine(_basics, list(failing))] if failing else []
    own = [line for line in calls if not line.implied]
    gravest = [] if "ok" in list(titles)[:1] else states[:1]  # what calls do says more than that apps work
    important = [*gravest, *own, *states, *others, *calls]
    for lines, least in (
        ([*states, *calls, *others], len(important)),
        ([*states, *own, *others], 0),
        ([*states, *others], 0),
    ):
        named = list[PastedLine]()
        for line in important:
            if _length(_text(head, lines, [*named, line], tail)) <= LONGEST:
                named.append(line)
        text = _text(head, lines, named, tail)
        if _length(text) <= LONGEST and len(named) >= least:
            return text
    return _text(head, [], [], tail)


def _text(head: Sequence[str], lines: Sequence[PastedLine], named: Sequence[PastedLine], tail: str) -> str:
    """Return the text in which the lines in `named` have titles, and the others their number."""
    shown = [line.words(listed(sorted(line.titles)) if line in named else str(len(line.titles))) for line in lines]
    return "\n".join([*head, *shown, tail])


def titles_by_calls(apps: Iterable[AppVerdict]) -> dict[str, list[str]]:
    """Return the titles of apps by the word for their calls, the gravest word of any round first."""
    words = [tr(BAD_CALLS if key == "bad" else CALLS[key]) for key in CALLS_ORDER]
    ranks, titles = dict[str, int](), dict[str, str]()
    for app in apps:
        if state_of_calls(app) is not None and not are_basics(app):
            name, rank = app["app"], words.index(calls_of_app(app))
            ranks[name], titles[name] = min(rank, ranks.get(name, rank)), _short_title(app)
    by_rank = {rank: [titles[name] for name in ranks if ranks[name] == rank] for rank in sorted(set(ranks.values()))}
    return {words[rank]: alike for rank, alike in by_rank.items()}


def _implied_words() -> set[str]:
    """Return the words for calls that follow from the state of their app, or that no run can change."""
    return {tr(CALLS[key]) for key in ("app_blocked", "app_likely_blocked", "untestable")}


def titles_by_state(apps: Iterable[AppVerdict]) -> dict[str, list[str]]:
    """Return the titles of the apps by state, the gravest state first. Web addresses are counted and not named."""
    ranks, titles = dict[str, int](), dict[str, str]()
    for app in apps:
        name, rank = app["app"], ORDER.index(app["state"] or INVALID)
        ranks[name], titles[name] = min(rank, ranks.get(name, rank)), _short_title(app)
    found: dict[str, list[str]] = {}
    web = Counter(ORDER[rank] for name, rank in ranks.items() if WEB in name)
    for name, rank in ranks.items():
        if WEB not in name:
            found.setdefault(ORDER[rank], []).append(titles[name])
    for state, count in web.items():
        found.setdefault(state, []).append(tr_plural("{count} web address", "{count} web addresses", count))
    return {state: found[state] for state in ORDER if state in found}


def _short_title(app: AppVerdict) -> str:
    return shown_title(app["title"])[:LONGEST_TITLE]


def _head(outgoing: Outgoing) -> list[str]:
    point = outgoing.first
    made = point.origin.lab or point.origin.synthetic
    words = [tr("NOT REAL ({name})", name=made[:LONGEST_TITLE])] if made else []
    network = tr(
        "censorprobe {version} · {country} {network} · {day}",
        version=__version__,
        country=point.cc,
        network=point.asn,
        day=point.day,
    )
    return [*words, network]


def _state(state: str, apps: str) -> str:
    return tr("{state}: {apps}", state=tr(INVALID_WORD if state == INVALID else STATES[state]), apps=apps)


def _calls(word: str, apps: str) -> str:
    return tr("Calls, {state}: {apps}", state=word, apps=apps)


def _basics(names: str) -> str:
    return tr("basics failing: {names}", names=names)


def _length(text: str) -> int:
    return max(len(text), sum(map(cell_len, text.split("\n"))) + text.count("\n"))


SUFFIX, ENCRYPTED = ".censorprobe.zst", ".age"

app = new_app()


@app.command()
def share(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="Which run: the last, its number in probe list, or a file.")
    ] = LAST,
    out: Annotated[Path | None, opt("--out", help="Write to this file. Default: in shared/ of the results.")] = None,
    to: Annotated[
        list[str] | None, opt("--to", help="Encrypt for this public key of age (repeatable). Default: the setting.")
    ] = None,
    qr: Annotated[bool, opt("--qr", help="Also print the text as a QR code.")] = False,
    lab: Annotated[bool, opt("--lab", help="Allow runs of the lab and of probe synth.")] = False,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
    verbose: Annotated[bool, opt("--verbose", "-v", help="Also show what each field can reveal.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
) -> None:
    """Write one file of a run for an analyst, and a short text to paste. Nothing is uploaded.

    What leaves and what was removed is shown first. Lines of the run are not changed.
    """
    from probe.cli.sharing.leaving_fields import print_fields
    from probe.sharing import ShareError

    root = results_root(results)
    try:
        recipients = recipients_with(to if to is not None else kept_keys())
        outgoing = inspected(numbered_run(source, root) if is_run(source) else Path(source), lab)
        print_fields(outgoing, sys.stderr, is_plain(plain, sys.stderr), reveals=verbose)
        _ask(yes, bool(recipients))
        path = write(outgoing, recipients, out, root)
    except (ShareError, ResultsError) as refusal:
        raise UsageError(str(refusal), INVALID_INPUT) from None
    text = text_of(outgoing)
    say(sys.stdout, text)
    if qr:
        _print_code(text, is_plain(plain, sys.stdout))
    for sentence in next_steps(recipients):
        say(sys.stderr, wrapped(sentence))
    say(sys.stderr, f"saved {printable(path)}")


def kept_keys() -> list[str]:
    """Return the public key that the settings file keeps, in a list, or none."""
    return [key] if (key := defaults().get("recipient")) else []


def recipients_with(keys: list[str]) -> list[Any]:
    """Return the recipients with these public keys of age. Raises UsageError (2)."""
    from probe.sharing import ShareError
    from probe.sharing.encryption import recipients_of

    try:
        return recipients_of(keys)
    except ShareError as refusal:
        raise UsageError(str(refusal), 2) from None


def inspected(source: Path, lab: bool) -> "Outgoing":
    """Return what may be shared of a run. Raises UsageError, and ShareError for what may not."""
    from probe.sharing import inspect

    if not source.is_file():
        raise UsageError(tr("There is no results file {path}.", path=source), INVALID_INPUT)
    return inspect(source, _known(), artificial=lab)


def _known() -> "KnownIdentifiers":
    """Return what identifies this computer and its user today."""
    from probe.platforms.configured_resolvers import system_resolvers
    from probe.run.vantage import known_values
    from probe.targets.target_files import bundled_targets, load_target

    public = load_target(bundled_targets() / "resolvers.toml")
    literals = {endpoint.host for _, endpoint in public.endpoints() if endpoint.is_literal}
    return known_values(*(address for address in system_resolvers() if address not in literals))


def _ask(yes: bool, encrypted: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(tr("Nothing was written, since there is no terminal to ask at. Agree with --yes."), 2)
    if not encrypted:
        say(sys.stderr, wrapped(tr("The file is not encrypted. --to KEY encrypts it for one analyst.")))
    say(sys.stderr, tr("Write this file? [yes/no]"), end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was written."), 2)


def write(outgoing: "Outgoing", recipients: list[Any], out: Path | None, root: Path) -> Path:
    """Write the file to share, and return its path. Raises UsageError and ShareError."""
    from probe.sharing import pack, write_new
    from probe.sharing.encryption import encrypt

    path = out if out is not None else root / SHARED / _name(outgoing, bool(recipients))
    if out is not None and out.exists() and (not out.is_file() or out.stat().st_size):
        raise UsageError(tr("{path} exists and was not changed. Name another file with --out.", path=out), 2)
    packed = pack(outgoing)
    try:
        write_new(path, encrypt(packed, recipients) if recipients else packed)
    except OSError as error:
        refusal = tr(
            "{path} cannot be written: {reason}. Give another file with --out.", path=path, reason=reason_of(error)
        )
        raise write_error(error, path, refusal, 2) from None
    return path


def _name(outgoing: "Outgoing", encrypted: bool) -> str:
    """Return a name that says nothing about network and time, because it stays readable beside encrypted contents."""
    from probe.cli.sharing.share import DIGEST

    return outgoing.manifest.sha256[:DIGEST] + SUFFIX + (ENCRYPTED if encrypted else "")


def text_of(outgoing: "Outgoing") -> str:
    """Return the text to paste, with verdicts that are computed again from the file."""
    from probe.analysis.verdicts.verdicts import judge_each
    from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
    from probe.cli.sharing.share import pasted_text

    records, targets = list[dict[str, Any]](), dict[str, Mapping[str, Any]]()
    ending: Ending = "not_closed" if outgoing.interrupted else ""
    for (_, _, measurement), found in judge_each(usable_measurements([str(outgoing.source)], SkippedLines())):
        records += found
        targets |= targets_of([measurement])
        ending = later(ending, ending_of(measurement))
    return pasted_text(outgoing, records, targets, ending)


def _print_code(text: str, plain: bool) -> None:
    from probe.cli.sharing.qr_code import qr_lines

    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    lines = qr_lines(text, WIDTH, coloured=not plain) if encoding == "utf8" else None
    if lines is None:
        say(sys.stderr, wrapped(tr("The QR code does not fit 80 columns of this terminal. Copy the text instead.")))
        return
    for line in lines:
        say(sys.stdout, coloured=line)


def next_steps(recipients: list[Any]) -> list[str]:
    """Return where the user hands over the file, and how the analyst reads it."""
    address = defaults().get("hand_over")
    where = [tr("Your settings say where to hand it over: {address}", address=printable(address))] if address else []
    if recipients:
        return [*where, tr("The analyst reads the file with `probe receive FILE --identity KEYFILE`.")]
    return [*where, tr("The analyst reads the file with `probe receive FILE`. Send it over a channel that you trust.")]

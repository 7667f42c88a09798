"""Print for users: state words, sentences and evidence, in 80 columns, also without colour and Unicode."""

import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TextIO

from probe.formats.origin import REAL, Origin
from probe.messages import mark, printable, printable_lines, tr, tr_plural

Targets = Mapping[str, Mapping[str, Any]]  # name of a target, and what a measurement's `x_target` says about it
WIDTH = 80
STATE_WORDS = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("WORKS BADLY"),
    "impaired": mark("NOT WORKING, CAUSE UNCLEAR"),
    "down": mark("NOT WORKING, NO SIGN OF BLOCKING"),
    "ok": mark("OK"),
    "insufficient": mark("NOT ENOUGH DATA"),
}
CONNECTED_ONLY = mark("REACHABLE (only the connection was tested)")
INVALID_WORD = mark("THIS RUN CANNOT BE USED")
COLOURS = {"blocked": "31;1", "likely_blocked": "31", "degraded": "33", "impaired": "33", "down": "33", "ok": "32"}


class UsageError(Exception):
    """End a command with one sentence for the user and an exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code


def write_error(error: OSError, path: object, sentence: str, exit_code: int) -> Exception:
    """Return the error that ends a command which cannot write a file. `sentence` is for all but a full disk."""
    from probe.results import full_disk, is_full  # here, so that `probe --help` starts faster

    return full_disk(error, path) if is_full(error) else UsageError(sentence, exit_code)


def is_plain(asked: bool, stream: TextIO) -> bool:
    """Return whether to print without colour, cursor movement and Unicode."""
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    dumb = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return asked or dumb or not stream.isatty() or encoding != "utf8"


def origin_header(origin: Origin) -> str:
    """Return the header of artificial measurements."""
    if origin.lab:
        return tr("LAB {scenario}: emulated, nothing left this computer", scenario=origin.lab)
    return tr("SYNTHETIC {world}: invented by a program, no network was measured", world=origin.synthetic)


def say(stream: TextIO, text: str = "", *, coloured: str = "", end: str = "\n") -> None:
    """Print a text. Control characters become escapes, and characters that the stream's encoding lacks question marks.

    `coloured` is printed behind it as it is. It must come from our own code.
    """
    encoding = getattr(stream, "encoding", None) or "ascii"
    whole = printable_lines(text) + coloured
    print(whole.encode(encoding, "replace").decode(encoding), file=stream, flush=True, end=end)


def wrapped(text: str, indent: int = 0, first: str | None = None) -> str:
    """Wrap a text at 80 columns. `first` starts the first line instead of the indent."""
    pad = " " * indent
    return textwrap.fill(
        printable(text),
        WIDTH - 1,
        initial_indent=pad if first is None else first,
        subsequent_indent=pad,
        break_on_hyphens=False,
    )


def state_word(record: Mapping[str, Any]) -> str:
    """Return the words for a verdict's state. An `ok` that rests on a TCP connect alone says so."""
    if not record.get("valid", True):
        return tr(INVALID_WORD)
    state = str(record.get("state"))
    if state == "ok" and record.get("proof") == "tcp":
        return tr(CONNECTED_ONLY)
    return tr(STATE_WORDS[state]) if state in STATE_WORDS else state.upper()


def evidence_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of the deciding evidence: mechanisms, hop, counts here and at the helper, rule."""
    mechanisms, hop = ", ".join(record.get("mechanisms") or ()), record.get("hop") or {}
    if mechanisms and hop.get("ttl"):
        yield tr("{mechanisms} at hop {ttl}.", mechanisms=mechanisms, ttl=hop["ttl"])
    elif mechanisms:
        yield f"{mechanisms}."
    attempts, controls = int(record.get("attempts") or 0), int(record.get("controls") or 0)
    if attempts:
        yield tr_plural(
            "{failed} of {count} attempt failed here.",
            "{failed} of {count} attempts failed here.",
            attempts,
            failed=record.get("failures", 0),
        )
    else:
        yield tr("No attempt was made here.")
    if controls:
        yield tr_plural(
            "{worked} of {count} attempt worked from the test helper.",
            "{worked} of {count} attempts worked from the test helper.",
            controls,
            worked=record.get("control_successes", 0),
        )
    else:
        yield tr("No test helper tried it.")
    yield tr("Rule {rule}.", rule=record.get("rule_id"))


def print_verdicts(
    records: Iterable[Mapping[str, Any]],
    stream: TextIO,
    plain: bool,
    *,
    origin: Origin = REAL,
    evidence: bool = True,
    targets: Targets = MappingProxyType({}),
) -> None:
    """Print verdicts: the state, the plain sentence, the technical sentence and the evidence.

    Services of one target that share rule and evidence share one paragraph. `targets` gives the facts about each
    target by name, see `targets_of`. Without them the target's short name is shown.
    """
    if origin.artificial:
        say(stream, origin_header(origin))
        say(stream)
    kept = list(records)
    for alike in _alike(kept):
        _print_verdict(alike, stream, plain, evidence, targets.get(str(alike[0].get("target"))))
    if sentence := outage_of(kept):
        say(stream)
        say(stream, wrapped(sentence))


def outage_of(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence about services whose part of the Internet is not reachable, "" if there are none."""
    count = _in_outage(records)
    return _outage_sentence(count) if count else ""


def _in_outage(records: Iterable[Mapping[str, Any]]) -> int:
    """Return how many services have an endpoint that was silent like a neutral host."""
    from probe.analysis.rules.addresses import OUTAGE  # here, so that other commands start faster

    valid = (record for record in records if record.get("valid", True))
    return sum(any(part.get("rule_id") == OUTAGE for part in record.get("endpoints") or ()) for record in valid)


def _outage_sentence(count: int) -> str:
    return tr_plural(
        "A part of the Internet is not reachable from this network. {count} service needs that part, and no service "
        "is accused for it. Run the test again later.",
        "A part of the Internet is not reachable from this network. {count} services need that part, and no service "
        "is accused for it. Run the test again later.",
        count,
    )


def targets_of(measurements: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return `x_target` of each measurement, by the target's name, with the services of all its measurements."""
    keys = [one for measurement in measurements if isinstance(one := measurement.get("test_keys"), dict)]
    found: dict[str, Mapping[str, Any]] = {}
    for test_keys in keys:
        if isinstance(target := test_keys.get("x_target"), dict):
            name = str(target.get("name"))
            found[name] = with_services(found.get(name), target)
    return found


def with_services(earlier: Mapping[str, Any] | None, target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `x_target` with the services of an earlier measurement of the target added."""
    known, services = (earlier or {}).get("services"), target.get("services")
    if not isinstance(known, dict) or not isinstance(services, dict):
        return target
    return {**target, "services": {**known, **services}}


def _alike(records: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield records of one target and round that share rule and evidence, in the order of the first of each group."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    rounds: Counter[tuple[str, str]] = Counter()  # how often a service occurred before in the same file
    for record in records:
        shared = ("mechanisms", "anomalies", "rule_id", "because", "hop", "pass_rate", "invalid_reason")
        file, service = str(record.get("measurement_file")), str(record.get("service"))
        where = (file, str(record.get("target")), rounds[file, service])
        rounds[file, service] += 1
        key = (*where, state_word(record), *(str(record.get(key)) for key in shared))
        groups.setdefault(key, []).append(record)
    yield from groups.values()


def _print_verdict(
    alike: list[Mapping[str, Any]], stream: TextIO, plain: bool, evidence: bool, target: Mapping[str, Any] | None
) -> None:
    from probe.analysis.verdicts.plain_sentences import plain_sentence  # here, so that other commands start faster

    record = alike[0]
    _print_heading(alike, stream, plain)
    valid = record.get("valid", True)
    if record.get("state") == "ok" and valid:
        if record.get("anomalies"):
            names = ", ".join(record["anomalies"])
            say(stream, wrapped(tr("It works. Interference without effect was also seen: {names}.", names=names), 4))
        return
    say(stream, wrapped(plain_sentence(record, target, alike=alike[1:]), 4))
    if valid:
        say(stream, wrapped(tr("Technical: {sentence}", sentence=record.get("because")), 4))
    if evidence and valid:
        say(stream, wrapped(tr("Evidence: {sentences}", sentences=" ".join(evidence_of(_summed(alike)))), 4))


def _print_heading(alike: list[Mapping[str, Any]], stream: TextIO, plain: bool) -> None:
    """Print the names of the services and the state, on a second line if both do not fit in one."""
    record = alike[0]
    word, state = printable(state_word(record)), str(record.get("state"))
    shown = word if plain else f"\x1b[{COLOURS.get(state, '0')}m{word}\x1b[0m"
    heading = wrapped(f"{_names(alike)}:", 4, "")
    fits = len(heading.split("\n")[-1]) + 1 + len(word) < WIDTH
    say(stream, heading + (" " if fits else "\n    "), coloured=shown)


def _names(alike: list[Mapping[str, Any]]) -> str:
    """Return the target once with every role, `signal/chat, storage`, or a web address alone."""
    if "://" in str(alike[0].get("target")):
        return str(alike[0]["target"])
    first, *others = [str(record.get("service")) for record in alike]
    return ", ".join([first, *(name.partition("/")[2] or name for name in others)])


def _summed(alike: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first record with the counts of all."""
    counts = ("attempts", "failures", "controls", "control_successes")
    return {**alike[0], **{key: sum(int(record.get(key) or 0) for record in alike) for key in counts}}


def size(count: int) -> str:
    """Return a number of bytes with a unit: B, kB or MB."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"

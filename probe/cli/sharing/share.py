"""Implement `probe share`: one file to give to an analyst, after showing its contents. Nothing is uploaded."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.analysis.run_result.run_targets import targets_of
from probe.cli.answers import is_yes
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import WIDTH, UsageError, is_plain, say, wrapped, write_error
from probe.messages import printable, tr
from probe.results import LAST, SHARED, ResultsError, is_run, numbered_run, reason_of, results_root

if TYPE_CHECKING:
    from probe.privacy.redact import Known
    from probe.sharing import Outgoing

SUFFIX, ENCRYPTED = ".censorprobe.zst", ".age"

app = new_app()


@app.command()
def share(
    source: Annotated[
        str, typer.Argument(metavar="[last|N|FILE]", help="Which run: the last, its number in probe list, or a file.")
    ] = LAST,
    out: Annotated[Path | None, opt("--out", help="Write to this file. Default: in shared/ of the results.")] = None,
    to: Annotated[
        list[str] | None, opt("--to", help="Encrypt for the analyst with this public key of age (repeatable).")
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
        recipients = recipients_with(to or [])
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
    say(sys.stderr, wrapped(next_step(recipients)))
    say(sys.stderr, f"saved {printable(path)}")


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


def _known() -> "Known":
    """Return what identifies this computer and its user today."""
    from probe.platforms.resolvers import system_resolvers
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
    from probe.cli.sharing.pasted_text import DIGEST

    return outgoing.manifest.sha256[:DIGEST] + SUFFIX + (ENCRYPTED if encrypted else "")


def text_of(outgoing: "Outgoing") -> str:
    """Return the text to paste, with verdicts that are computed again from the file."""
    from probe.analysis.verdicts.verdicts import judge_each
    from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
    from probe.cli.sharing.pasted_text import pasted_text

    records, targets = list[dict[str, Any]](), dict[str, Mapping[str, Any]]()
    for (_, _, measurement), found in judge_each(usable_measurements([str(outgoing.source)], SkippedLines())):
        records += found
        targets |= targets_of([measurement])
    return pasted_text(outgoing, records, targets)


def _print_code(text: str, plain: bool) -> None:
    from probe.cli.sharing.qr_code import qr_lines

    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    lines = qr_lines(text, WIDTH, coloured=not plain) if encoding == "utf8" else None
    if lines is None:
        say(sys.stderr, wrapped(tr("The QR code does not fit 80 columns of this terminal. Copy the text instead.")))
        return
    for line in lines:
        say(sys.stdout, coloured=line)


def next_step(recipients: list[Any]) -> str:
    """Return how the analyst reads the file."""
    if recipients:
        return tr("The analyst reads the file with `probe receive FILE --identity KEYFILE`.")
    return tr("The analyst reads the file with `probe receive FILE`. Send it over a channel that you trust.")

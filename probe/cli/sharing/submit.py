"""Implement `probe submit`: publish one run through OONI's server, after showing what becomes public."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, is_plain, say, wrapped
from probe.cli.server_addresses import proxy_address, server_address
from probe.cli.typed_answers import is_yes
from probe.messages import listed, mark, tr, tr_plural
from probe.ooni.submission.outcomes import Protocol, run_key
from probe.results import LAST, ResultsError, is_run, numbered_run, results_root

if TYPE_CHECKING:
    from probe.ooni.submission.sendable import SendableLines
    from probe.sharing import Outgoing

NOTHING_SENDABLE = mark("This run has no measurement that can be sent. Nothing was sent.")
app = new_app()


@app.command()
def submit(
    source: Annotated[
        str, typer.Argument(metavar="RUN", help="Which run: the last, its number in probe list, or a file.")
    ] = LAST,
    server: Annotated[str | None, opt("--server", help="Address of another server than OONI's.")] = None,
    protocol: Annotated[
        Protocol, opt("--protocol", help="Send one request per measurement, or reports of the older collector.")
    ] = Protocol.SUBMIT,
    proxy: Annotated[
        str | None, opt("--proxy", help="Send through this proxy: http://HOST:PORT or socks5://HOST:PORT.")
    ] = None,
    later: Annotated[
        bool, opt("--later", help="Only put the run into the queue. `probe queue send` sends it.")
    ] = False,
    # without a variable, because one that was set for other commands must not publish a run
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    verbose: Annotated[bool, opt("--verbose", "-v", help="Also show what each field can reveal.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
) -> None:
    """Publish the measurements of one run through OONI's server.

    What becomes public is shown first. What cannot be sent now waits in the queue, see `probe queue`. Measurements
    without network or country, and those of the lab, are never sent.
    """
    from probe.cli.sharing.sending import send_and_report
    from probe.ooni.submission.exchanges import SERVER

    root, address, through = results_root(results), server_address(server or SERVER), proxy_address(proxy)
    outgoing, selection = _selected(numbered(source, root))
    _show(outgoing, selection, address, plain, verbose)
    _ask(yes)
    for sentence in enqueue(root, address, protocol, outgoing.source, selection):
        say(sys.stderr, wrapped(sentence))
    if not later:
        send_and_report(root, through, due_only=False)


def numbered(source: str, root: Path) -> Path:
    """Return the file that a user names by path or number. Raise UsageError."""
    try:
        return numbered_run(source, root) if is_run(source) else Path(source)
    except ResultsError as refusal:
        raise UsageError(str(refusal), INVALID_INPUT) from None


def _selected(source: Path) -> "tuple[Outgoing, SendableLines]":
    """Return the inspected run and what of it may be sent. Name the rest. Raise UsageError if nothing may be sent."""
    outgoing, selection = sendable(source)
    for sentence in left_out_sentences(selection):
        say(sys.stderr, wrapped("probe: " + sentence))
    if not selection.lines:
        raise UsageError(tr(NOTHING_SENDABLE), INVALID_INPUT)
    return outgoing, selection


def sendable(source: Path) -> "tuple[Outgoing, SendableLines]":
    """Return the inspected run and what of it may be sent. Raise UsageError if the run may not be shared at all."""
    from probe.cli.sharing.share import inspected
    from probe.ooni.submission.sendable import select
    from probe.sharing import ShareError

    try:
        outgoing = inspected(source, lab=True)  # so that the reason below is given, and no advice about --lab
        return outgoing, select(outgoing)
    except ShareError as refusal:
        raise UsageError(str(refusal), INVALID_INPUT) from None


def left_out_sentences(selection: "SendableLines") -> list[str]:
    """Return a sentence for each reason why lines of the run stay here."""
    reasons = sorted(set(selection.left_out.values()))
    by_reason = {reason: [line for line, why in selection.left_out.items() if why == reason] for reason in reasons}
    return [_left_out(numbers, reason) for reason, numbers in by_reason.items()]


def _left_out(numbers: list[int], reason: str) -> str:
    """Return the sentence for lines that stay here for one reason."""
    return tr_plural(
        "{count} measurement is not sent, because {reason} (line {numbers}).",
        "{count} measurements are not sent, because {reason} (lines {numbers}).",
        len(numbers),
        reason=reason,
        numbers=listed([*map(str, numbers[:5]), *(["…"] if len(numbers) > 5 else [])]),
    )


def _show(outgoing: "Outgoing", selection: "SendableLines", server: str, plain: bool, verbose: bool) -> None:
    """Show the fields of the run, and what becomes public."""
    from probe.cli.sharing.leaving_fields import print_fields

    print_fields(outgoing, sys.stderr, is_plain(plain, sys.stderr), reveals=verbose)
    say(sys.stderr)
    for sentence in notice(len(selection.lines), server):
        say(sys.stderr, wrapped(sentence))


def notice(count: int, server: str) -> list[str]:
    """Return the text that the user agrees to: the public data, the parties that see them, and the consequences."""
    public = tr_plural(
        "{count} measurement becomes public with everything in this table. You cannot remove it later.",
        "{count} measurements become public with everything in this table. You cannot remove them later.",
        count,
    )
    return [
        public,
        tr("They go to {server}. OONI publishes measurements for all people, under its licence.", server=server),
        tr("This server sees your IP address, and notes if it is in another country or network than the measurements."),
        tr("Your network operator can see that you contact this server. Tor or a VPN hides that (`--proxy`)."),
        tr("The time, the country and the network can lead to you if few people there measure."),
    ]


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(tr("Nothing was sent, since there is no terminal to ask at. Agree with --yes."), 2)
    say(sys.stderr, tr("Publish these measurements? [yes/no]"), end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was sent, since you did not agree."), 2)


def enqueue(root: Path, server: str, protocol: Protocol, source: Path, selection: "SendableLines") -> list[str]:
    """Put the measurements into the queue. Return a sentence if some are there already. Raise UsageError (7)."""
    from probe.cli.queue_states import opened_queue

    with opened_queue(root) as queue:
        new = queue.add(server, protocol, run_key(source), selection.lines)
    known = len(selection.lines) - new
    twice = tr_plural(
        "{count} measurement was in the queue already, or was sent before. It is not sent twice.",
        "{count} measurements were in the queue already, or were sent before. They are not sent twice.",
        known,
    )
    return [twice] if known else []

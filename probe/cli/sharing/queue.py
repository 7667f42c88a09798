"""Implement `probe queue`: what waits to be published, and what was published."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt
from probe.cli.queue_states import STATES, entries, opened_queue, state_counts
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, say, wrapped
from probe.cli.server_addresses import proxy_address
from probe.cli.sharing.sending import send_and_report, uncertain_sentence
from probe.messages import tr, tr_plural
from probe.ooni.submission.outcomes import SubmissionState
from probe.results import results_root

if TYPE_CHECKING:
    from probe.ooni.submission.queue_file import QueueEntry

Results = Annotated[Path | None, opt("--results", help="Results folder.")]

app = new_app()


@app.callback()
def queue() -> None:
    """List, send and drop measurements that `probe submit` put into the queue."""


@app.command("list")
def list_entries(
    sent: Annotated[bool, opt("--sent", help="Also list what was sent, with the ids that the server gave.")] = False,
    json: Annotated[bool, opt("--json", help="Print one JSON object per measurement.")] = False,
    results: Results = None,
) -> None:
    """List the measurements that were not sent, in the order in which they are sent."""
    found = entries(results_root(results))
    shown = [entry for entry in found if sent or entry.state != SubmissionState.SENT]
    if json:
        from json import dumps

        for entry in shown:
            say(sys.stdout, dumps(entry._asdict()))
        return
    for entry in shown:
        _print(entry)
    counts = Counter(SubmissionState(entry.state) for entry in found)
    say(sys.stderr, wrapped(state_counts(counts) or tr("The queue is empty.")))
    if counts[SubmissionState.UNCERTAIN]:
        say(sys.stderr, wrapped(uncertain_sentence()))


@app.command()
def send(
    due: Annotated[
        bool,
        opt("--due", help="Skip a server that failed a short time ago. Use this when a timer starts the command."),
    ] = False,
    uncertain: Annotated[
        bool,
        opt(
            "--uncertain",
            help="Also send measurements again that the server may already have. They may then be public twice.",
        ),
    ] = False,
    proxy: Annotated[
        str | None, opt("--proxy", help="Send through this proxy: http://HOST:PORT or socks5://HOST:PORT.")
    ] = None,
    results: Results = None,
) -> None:
    """Send what waits, in order. The runs were agreed to in `probe submit`, so nothing is asked."""
    root, through = results_root(results), proxy_address(proxy)
    if not entries(root):
        say(sys.stderr, tr("The queue is empty."))
        return
    if uncertain:
        with opened_queue(root) as opened, opened.sole_sender():
            opened.send_again()
    send_and_report(root, through, due_only=due)


@app.command()
def drop(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="NUMBER", help="Numbers in `probe queue list`.")
    ] = None,
    all: Annotated[bool, opt("--all", help="Drop everything that was not sent.")] = False,
    results: Results = None,
) -> None:
    """Remove measurements from the queue, which are then not sent. The runs stay."""
    if bool(numbers) == all:
        raise UsageError(tr("Name the numbers of measurements, or use --all."), 2)
    root = results_root(results)
    wanted = set(numbers or [])
    removed = 0
    if entries(root):
        with opened_queue(root) as opened:
            removed = opened.drop(None if all else wanted)
    say(
        sys.stdout,
        tr_plural(
            "{count} measurement was removed from the queue.",
            "{count} measurements were removed from the queue.",
            removed,
        ),
    )
    if removed < len(wanted):
        raise UsageError(tr("Some numbers are not in the queue, or were sent."), INVALID_INPUT)


def _print(entry: "QueueEntry") -> None:
    state = tr(STATES[SubmissionState(entry.state)])
    found = entry.measurement_uid or entry.reason
    say(sys.stdout, f"{entry.id:>5}  {entry.run}:{entry.line}  {entry.test_name}  {state}  {found}".rstrip())

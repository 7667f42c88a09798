"""Send the queue for a command, and print what happened."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.cli.queue_states import STATES, opened_queue, state_counts
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import say, wrapped
from probe.messages import tr
from probe.ooni.submission.outcomes import State
from probe.platforms import event_loop

if TYPE_CHECKING:
    from probe.ooni.submission.outcomes import Outcome
    from probe.ooni.submission.queue_file import Entry
    from probe.ooni.submission.sending import Sent

UNSENT = 4  # exit code


def send_and_report(root: Path, proxy: str | None, *, due_only: bool) -> None:
    """Send what waits, and print the outcomes. Exit with 4 if something still waits, or with 6 if some were refused."""
    from probe.ooni.submission.sending import send_waiting

    with opened_queue(root) as queue:
        sent = event_loop.run(send_waiting(queue, proxy=proxy, due_only=due_only, note=_print))
        left = queue.waiting_servers()
    _print_sum(sent)
    if sent.troubles or left:
        raise typer.Exit(UNSENT)
    if sent.counts[State.REFUSED]:
        raise typer.Exit(INVALID_INPUT)


def _print(entry: "Entry", outcome: "Outcome") -> None:
    """Print one outcome. The id of a measurement that was sent finds it at OONI."""
    found = outcome.measurement_uid or outcome.reason
    say(sys.stderr, f"{entry.id:>5}  {entry.test_name}  {tr(STATES[outcome.state])}  {found}".rstrip())


def _print_sum(sent: "Sent") -> None:
    say(sys.stdout, state_counts(sent.counts) or tr("Nothing was sent."))
    for server, reason in sent.troubles.items():
        sentence = tr(
            "{server} did not take everything: {reason}. `probe queue send` tries again.", server=server, reason=reason
        )
        say(sys.stderr, wrapped(sentence))
    for server, when in sent.not_due.items():
        day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))
        say(sys.stderr, wrapped(tr("{server} is tried again after {time}.", server=server, time=day)))
    if sent.counts[State.UNCERTAIN]:
        say(sys.stderr, wrapped(uncertain_sentence()))


def uncertain_sentence() -> str:
    """Return what an uncertain measurement is, and what to do."""
    return tr(
        "Only the server knows whether it has the uncertain ones. `probe queue send --uncertain` sends them again, "
        "and they may then be public twice."
    )

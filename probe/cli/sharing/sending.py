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
from probe.ooni.submission.outcomes import SubmissionState
from probe.platforms import event_loop

if TYPE_CHECKING:
    from probe.ooni.submission.batch_sending import Sent
    from probe.ooni.submission.outcomes import SubmissionOutcome
    from probe.ooni.submission.queue_file import QueueEntry

UNSENT = 4  # exit code


def send_and_report(root: Path, proxy: str | None, *, due_only: bool) -> None:
    """Send what waits, and print the outcomes. Exit with 4 if something still waits, or with 6 if some were refused."""
    from probe.ooni.submission.batch_sending import send_waiting

    with opened_queue(root) as queue:
        sent = event_loop.run(send_waiting(queue, proxy=proxy, due_only=due_only, note=_print))
        left = queue.waiting_servers()
    _print_sum(sent)
    if sent.troubles or left:
        raise typer.Exit(UNSENT)
    if sent.counts[SubmissionState.REFUSED]:
        raise typer.Exit(INVALID_INPUT)


def _print(entry: "QueueEntry", outcome: "SubmissionOutcome") -> None:
    say(sys.stderr, f"{entry.id:>5}  {outcome_line(entry, outcome)}")


def outcome_line(entry: "QueueEntry", outcome: "SubmissionOutcome") -> str:
    """Return one outcome in words. The id of a measurement that was sent finds it at OONI."""
    found = outcome.measurement_uid or outcome.reason
    return f"{entry.test_name}  {tr(STATES[outcome.state])}  {found}".rstrip()


def _print_sum(sent: "Sent") -> None:
    say(sys.stdout, sum_of(sent))
    for sentence in trouble_sentences(sent):
        say(sys.stderr, wrapped(sentence))


def sum_of(sent: "Sent") -> str:
    """Return how many measurements have each outcome."""
    return state_counts(sent.counts) or tr("Nothing was sent.")


def trouble_sentences(sent: "Sent") -> list[str]:
    """Return a sentence for each server that did not take everything, and what uncertain measurements are."""
    found = []
    for server, reason in sent.troubles.items():
        sentence = tr(
            "{server} did not take everything: {reason}. `probe queue send` tries again.", server=server, reason=reason
        )
        found.append(sentence)
    for server, when in sent.not_due.items():
        day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))
        found.append(tr("{server} is tried again after {time}.", server=server, time=day))
    if sent.counts[SubmissionState.UNCERTAIN]:
        found.append(uncertain_sentence())
    return found


def uncertain_sentence() -> str:
    """Return what an uncertain measurement is, and what to do."""
    return tr(
        "It is not known whether the server has the uncertain measurements. `probe queue send --uncertain` sends them "
        "again. They may then be public twice."
    )

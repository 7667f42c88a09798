"""Open the queue for a command, and put the states of measurements in it into words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, write_error
from probe.messages import mark, tr
from probe.ooni.submission.outcomes import SubmissionState
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.ooni.submission.queue_file import Queue, QueueEntry

STATES = {
    SubmissionState.WAITING: mark("waiting"),
    SubmissionState.SENDING: mark("being sent"),
    SubmissionState.SENT: mark("sent"),
    SubmissionState.REFUSED: mark("refused by the server"),
    SubmissionState.UNCERTAIN: mark("uncertain"),
}


def state_counts(counts: Mapping[SubmissionState, int]) -> str:
    """Return how many measurements have each state, such as "waiting: 2, sent: 3"."""
    return ", ".join(f"{tr(words)}: {counts[state]}" for state, words in STATES.items() if counts.get(state))


def submissions(root: Path) -> "dict[str, dict[SubmissionState, int]] | None":
    """Return the number of measurements by run and state, None without a queue. Raise UsageError."""
    from probe.ooni.submission.queue_file import has_queue

    if not has_queue(root):
        return None
    with opened_queue(root) as queue:
        return queue.counts()


def entries(root: Path) -> "list[QueueEntry]":
    """Return what the queue of a results folder contains. No queue is made. Raise UsageError."""
    from probe.ooni.submission.queue_file import has_queue

    if not has_queue(root):
        return []
    with opened_queue(root) as queue:
        return queue.entries()


@contextmanager
def opened_queue(root: Path) -> "Iterator[Queue]":
    """Open the queue of a results folder. Raise UsageError (7) if it cannot be used, and FullDisk."""
    from probe.ooni.submission.queue_file import QUEUE, QueueError, open_queue

    try:
        with open_queue(root) as queue:
            yield queue
    except QueueError as refusal:
        raise UsageError(str(refusal), 7) from None
    except OSError as error:
        file = root / QUEUE
        sentence = tr("The queue {path} cannot be used: {reason}", path=file, reason=reason_of(error))
        raise write_error(error, file, sentence, 7) from None

"""Judge finished measurements while others are still under way, in a thread of its own.

The verdicts of a written measurement are final: they come from it alone, and the helper's fresh answers are in it.
The first target is judged at once. Later ones that finish within half a second are judged together, which takes a third
of the processor's time.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from probe.cli.run.progress.known_verdicts import KnownVerdicts
from probe.targets.target import Target

Records = Sequence[Mapping[str, Any]]
TOGETHER = 0.5  # seconds that a finished target waits for others. The first one does not wait.


class FinishedTarget(NamedTuple):
    """Hold a finished target: its measurements, and the seconds that they took."""

    target: Target
    documents: Sequence[Mapping[str, Any]]
    seconds: float


class LiveVerdicts:
    """Judge targets in the order in which they finish, and call `tell` with each target and its verdict records.

    Without records a fault of the rules prevented a verdict. The run computes all verdicts again at its end. It
    reports the fault then.
    """

    def __init__(self, tell: Callable[[FinishedTarget, Records], None]) -> None:
        self._tell, self.known = tell, KnownVerdicts()
        self._finished: queue.SimpleQueue[FinishedTarget | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closing, self._has_told = threading.Event(), False

    def add(self, finished: FinishedTarget) -> None:
        """Judge these measurements as soon as possible."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="verdicts", daemon=True)
            self._thread.start()
        self._finished.put(finished)

    def close(self) -> None:
        """Wait until all that was added is judged and told."""
        self._closing.set()
        if self._thread is not None:
            self._finished.put(None)
            self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            try:
                for finished, records in _judged(batch, self.known):
                    self._tell(finished, records)
                    self._has_told = True
            except OSError:  # the terminal was closed, and the measurements go on
                return

    def _next(self) -> list[FinishedTarget]:
        """Wait for finished targets, and for one alone until a verdict was told. Return none at the end."""
        first = self._finished.get()
        batch = [] if first is None else [first]
        if not self._has_told:
            return batch
        self._closing.wait(TOGETHER)
        while batch and not self._finished.empty():
            if (more := self._finished.get()) is None:
                self._finished.put(None)
                break
            batch.append(more)
        return batch


def _judged(batch: Sequence[FinishedTarget], known: KnownVerdicts) -> list[tuple[FinishedTarget, Records]]:
    """Judge targets together. After a fault of the rules judge each alone, so that only one has no records."""
    try:
        return _records(batch, known)
    except Exception:  # the docstring of the class says who reports it
        return [(batch[0], ())] if len(batch) == 1 else [pair for one in batch for pair in _judged([one], known)]


def _records(batch: Sequence[FinishedTarget], known: KnownVerdicts) -> list[tuple[FinishedTarget, Records]]:
    from probe.analysis.verdicts.verdicts import judge_each

    measurements = [("-", place, dict(document)) for place, one in enumerate(batch) for document in one.documents]
    found: list[list[Mapping[str, Any]]] = [[] for _ in batch]
    for (_, place, measurement), records in judge_each(measurements):
        known.add(measurement, records)
        found[place] += records
    return list(zip(batch, found, strict=True))

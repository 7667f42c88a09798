"""Judge finished measurements while others are still under way, in a thread of its own.

The verdicts of a written measurement are final: they come from it alone, and the helper's fresh answers are in it.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from probe.targets.target import Target

Records = Sequence[Mapping[str, Any]]


class Finished(NamedTuple):
    """Hold a finished target: its measurements, and the seconds that they took."""

    target: Target
    documents: Sequence[Mapping[str, Any]]
    seconds: float


class LiveVerdicts:
    """Judge targets in the order in which they finish, and call `tell` with each target and its verdict records.

    Without records a fault of the rules prevented a verdict. The run computes all verdicts again at its end. It
    reports the fault then.
    """

    def __init__(self, tell: Callable[[Finished, Records], None]) -> None:
        self._tell = tell
        self._finished: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, finished: Finished) -> None:
        """Judge these measurements as soon as possible."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="verdicts", daemon=True)
            self._thread.start()
        self._finished.put(finished)

    def close(self) -> None:
        """Wait until all that was added is judged and told."""
        if self._thread is not None:
            self._finished.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (finished := self._finished.get()) is not None:
            try:
                self._tell(finished, _judged(finished))
            except OSError:  # the terminal was closed, and the measurements go on
                return


def _judged(finished: Finished) -> Records:
    from probe.analysis.verdicts.verdicts import judge_measurements

    documents = (("-", number, dict(document)) for number, document in enumerate(finished.documents, 1))
    try:
        return list(judge_measurements(documents))
    except Exception:  # the docstring of the class says who reports it
        return ()

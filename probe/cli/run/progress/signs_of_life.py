"""Say at intervals that a run goes on, so that a slow computer does not look like a broken program."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE = 5.0  # seconds without a line, after which one says what is under way


class SignsOfLife:
    """Call `tell` from a thread of its own whenever nothing was `said` for `SILENCE`."""

    def __init__(self, tell: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._last, self._ended = clock(), threading.Event()

    def said(self) -> None:
        """Note that a line was printed now."""
        self._last = self._clock()

    @contextmanager
    def while_measuring(self) -> Iterator[None]:
        """Tell until the block ends."""
        thread = threading.Thread(target=self._work, name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _work(self) -> None:
        while not self._ended.wait(max(0.0, self._last + SILENCE - self._clock())):
            if self._clock() - self._last >= SILENCE:
                self.said()
                try:
                    self._tell()
                except OSError:  # the terminal was closed, and the measurements go on
                    return

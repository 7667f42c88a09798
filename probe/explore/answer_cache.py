"""Keep computed answers, and compute each one once, however many clients ask at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

from probe.explore.computation import PROCESSES

MOST_BYTES = 256 * 1024 * 1024  # of all kept answers
MOST_WAITING = 64  # different questions that are being computed or wait
THREADS = 4  # for answers that take milliseconds
Answer = bytes | Sequence[str]  # a document, or the rows of a long answer


class BusyError(Exception):
    """Report that too many questions wait, or that the server ends."""


class AnswerCache:
    """Wait for answers in threads, and keep the ones that were used last. Quick answers do not wait for long ones."""

    def __init__(self, new_question: Callable[[], None] = lambda: None) -> None:
        self._new_question = new_question  # called before a long answer is computed, and may raise
        self._quick, self._long = ThreadPoolExecutor(THREADS, "quick"), ThreadPoolExecutor(PROCESSES, "long")
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._bytes, self._closed = 0, False
        self._waiting: dict[Hashable, asyncio.Future[Answer]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Answer], *, quick: bool = False) -> Answer:
        """Return the kept answer, or compute it. Raises BusyError and what `compute` raises.

        The computation goes on if this client leaves.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if not quick and key not in self._waiting:
            self._new_question()
        return await asyncio.shield(self._started(key, compute, self._quick if quick else self._long))

    def _started(
        self, key: Hashable, compute: Callable[[], Answer], threads: ThreadPoolExecutor
    ) -> "asyncio.Future[Answer]":
        if key in self._waiting:
            return self._waiting[key]
        if self._closed or len(self._waiting) >= MOST_WAITING:
            raise BusyError
        future = asyncio.get_running_loop().run_in_executor(threads, compute)
        self._waiting[key] = future
        future.add_done_callback(lambda done: self._finish(key, done))
        return future

    def _finish(self, key: Hashable, done: "asyncio.Future[Answer]") -> None:
        del self._waiting[key]
        if not done.cancelled() and done.exception() is None:
            self._keep(key, done.result())

    def _keep(self, key: Hashable, answer: Answer) -> None:
        size = _size(answer)
        if size > MOST_BYTES // 4:  # one answer must not displace all others
            return
        self._kept[key] = answer
        self._bytes += size
        while self._bytes > MOST_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)

    def close(self) -> None:
        """Start no further computation."""
        self._closed = True
        for threads in (self._quick, self._long):
            threads.shutdown(wait=False, cancel_futures=True)


def _size(answer: Answer) -> int:
    return len(answer) if isinstance(answer, bytes) else sum(map(len, answer)) + 100 * len(answer)

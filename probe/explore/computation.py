"""Compute answers in processes with a lower priority, so that known answers are not delayed."""

import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.writing.workers import exit_with_parent
from probe.messages import tr
from probe.platforms.processes import lower_priority
from probe.platforms.signals import ignore_interrupt

PROCESSES = 2  # DuckDB uses all cores for one question already
NICENESS = 5
T = TypeVar("T")


class Computation:
    """Run functions in worker processes. Workers that the system ended are replaced."""

    def __init__(self, seconds: float | None = None) -> None:
        """Start the workers. `seconds` limits the time of one function."""
        self._pool, self._replacing, self._closed = _new_pool(), threading.Lock(), False
        self._seconds = seconds

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return the result of a function of a module. Raises its exceptions, and StoreError if its worker ended."""
        pool = self._pool
        try:
            return pool.submit(function, *arguments).result(self._seconds)
        except TimeoutError:
            self._end_workers(pool)
            raise StoreError(
                tr("The computation took too long and was stopped. Ask about fewer measurements.")
            ) from None
        except BrokenProcessPool:
            with self._replacing:
                if self._pool is pool and not self._closed:
                    self._pool = _new_pool()
            raise StoreError(
                tr(
                    "The computation was stopped, perhaps because it needed too much memory. "
                    "Ask about fewer measurements."
                )
            ) from None

    def _end_workers(self, pool: ProcessPoolExecutor) -> None:
        """End the workers of a pool, and replace it if it is still in use. What else they compute is asked again."""
        with self._replacing:
            for worker in list(pool._processes.values()):
                worker.kill()
            if self._pool is pool and not self._closed:
                self._pool = _new_pool()

    def close(self) -> None:
        """End the worker processes, also those that compute."""
        with self._replacing:
            self._closed, workers = True, list(self._pool._processes.values())
        for worker in workers:
            worker.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Leave Ctrl-C to the server, and lower the priority."""
    ignore_interrupt()
    exit_with_parent()
    lower_priority(NICENESS)

"""Run the work on a store in worker processes, or in this process for one job."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from typing import Any

from probe.analysis.store.manifest import StoreError
from probe.messages import tr


@dataclass(frozen=True)
class Workers:
    """Run tasks. `submit` starts one in a worker, or runs it in this process. `jobs` is the number of workers."""

    jobs: int
    submit: Callable[..., "Future[Any]"]

    def all(self, task: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
        """Return the results of the calls in their order. Raises StoreError if a worker was killed."""
        return [result_of(future) for future in [self.submit(task, *call) for call in calls]]


@contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """Start worker processes, which end with the block."""
    if jobs <= 1:
        yield Workers(1, run_here)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=exit_with_parent)
    try:
        yield Workers(jobs, pool.submit)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def result_of(future: "Future[Any]") -> Any:
    """Return the result of a task. Raises StoreError if its worker was killed."""
    try:
        return future.result()
    except BrokenProcessPool:
        raise StoreError(
            tr("A worker process was killed, perhaps for lack of memory. Run the same command again to continue.")
        ) from None


def run_here(task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Run a task in this process."""
    future: Future[Any] = Future()
    future.set_result(task(*arguments))
    return future


def exit_with_parent() -> None:
    """Watch the parent process in a thread. Without it a worker would wait forever for batches of a killed parent."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent.sentinel,), daemon=True).start()


def _wait_and_exit(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)

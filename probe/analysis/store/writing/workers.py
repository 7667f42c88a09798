"""Processes that do a store's work: as many as there are cores to spare, or none but this one."""

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


@dataclass(frozen=True)
class Workers:
    """`submit` has work done, elsewhere or here and now; `jobs` is how many pieces of it at once."""

    jobs: int
    submit: Callable[..., "Future[Any]"]

    def all(self, task: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
        """What each call gives, in their order. Raises StoreError where a worker was killed."""
        return [result_of(future) for future in [self.submit(task, *call) for call in calls]]


@contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """Start them, and end them with the block."""
    if jobs <= 1:
        yield Workers(1, _do_here)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_die_with_parent)
    try:
        yield Workers(jobs, pool.submit)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def result_of(future: "Future[Any]") -> Any:
    """What came of it. Raises StoreError where the worker was killed."""
    try:
        return future.result()
    except BrokenProcessPool:
        raise StoreError(
            "a worker was killed (was memory short?); the same command again goes on where this one stopped"
        ) from None


def _do_here(task: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(task(*arguments))
    return future


def _die_with_parent() -> None:
    """What a worker does first: it would wait for ever for the next batch of a parent that was killed."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_die, args=(parent.sentinel,), daemon=True).start()


def _wait_and_die(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)

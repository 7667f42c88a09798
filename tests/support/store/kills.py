"""Kill the work on a store at every step that it makes on the disk, and check what is left."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.store.maintenance import forget as forgetting
from probe.analysis.store.maintenance import migrate as migrating
from probe.analysis.store.manifest import Manifest
from probe.analysis.store.writing import merge, moves
from tests.support.store.stores import Rows, everything, rows_of

State = dict[str, Rows]


class Killed(BaseException):
    """Stand for the end of the process. No handler of the program catches it."""


@contextmanager
def killed_at(step: int) -> Iterator[list[str]]:
    """End the work before its step of that number. Yields the names of the steps that were begun."""
    begun: list[str] = []

    def before(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            begun.append(name)
            if len(begun) > step:
                raise Killed
            return work(*arguments, **more)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (moves, "_rename"),
            (forgetting, "remove_replaced"),
            (merge, "remove_replaced"),
            (merge, "move"),
            (migrating, "remove_replaced"),
            (migrating, "_become_new"),
            (Manifest, "begin_move"),
            (Manifest, "finish_load"),
            (Manifest, "finish_merge"),
            (Manifest, "finish_forget"),
            (Manifest, "add"),
            (Manifest, "shrink"),
        ):
            patch.setattr(owner, name, before(name, getattr(owner, name)))
        yield begun


PARTS = range(4)
"""Parts of the steps, for tests that take long."""


def kill_everywhere(
    source: Path, folder: Path, work: Callable[[Path], Any], repair: Callable[[Path], Any], least: int, part: int
) -> None:
    """Kill the work on copies of a store at each step, and check that it is then undone or done, and can be repeated.

    `repair` is any command that writes to the store. The work must have at least `least` steps. It is killed at every
    fourth of them, of which `part` is the first.
    """
    before = everything(source)
    after = everything_after(source, folder / "whole", work)
    step = part
    while True:
        store = shutil.copytree(source, folder / f"killed-{step}")
        try:
            with killed_at(step) as begun:
                work(store)
        except Killed:
            pass
        else:
            break
        hashes = [row["line_hash"] for row in rows_of(store, "measurements")]  # as a reader finds it now
        assert len(hashes) == len(set(hashes)), begun
        repair(store)
        if everything(store) != after:
            assert everything(store) == before, begun
            work(store)
        assert everything(store) == after, begun
        shutil.rmtree(store)
        step += len(PARTS)
    assert step >= least


def everything_after(source: Path, copy: Path, work: Callable[[Path], Any]) -> State:
    work(shutil.copytree(source, copy))
    return everything(copy)

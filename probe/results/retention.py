"""Choose earlier runs beyond a limit of age or space: closed runs, in the form of our names."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from probe.results.folders import RUN_FOLDER, RUN_NAME

_RUN = re.compile(RUN_FOLDER + RUN_NAME + r"(?:jsonl|jsonl\.zst|jsonl\.part|pcapng|summary\.json)", re.ASCII)


class ClosedRun(NamedTuple):
    """Hold the files of one run, its begin in UTC, and their size in bytes."""

    began: datetime
    files: tuple[Path, ...]
    size: int


def closed_runs(root: Path) -> list[ClosedRun]:
    """Return the closed runs under `root`, oldest first, lab runs included. Received and shared files are none.

    A run with a `.part` file may still be going on, and is left out. Links are not followed.
    """
    files: dict[tuple[datetime, str], list[tuple[Path, int]]] = {}
    for began, path, size in _own_files(root):
        files.setdefault((began, str(path.parent / path.name.partition(".")[0])), []).append((path, size))
    return [
        ClosedRun(began, tuple(path for path, _ in found), sum(size for _, size in found))
        for (began, _), found in sorted(files.items())
        if _is_closed([path.name for path, _ in found])
    ]


def _own_files(root: Path) -> Iterator[tuple[datetime, Path, int]]:
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in sorted(names)):
            found = _RUN.fullmatch(path.relative_to(root).as_posix())
            with suppress(OSError, ValueError):  # removed in the meantime, or no date
                state = path.lstat()
                if found is not None and stat.S_ISREG(state.st_mode):
                    yield datetime.strptime(f"{found[1]} {found[2]}+0000", "%Y-%m-%d %H%M%S%z"), path, state.st_size


def _is_closed(names: list[str]) -> bool:
    return not any(name.endswith(".part") for name in names) and any(".jsonl" in name for name in names)


def runs_beyond(
    runs: Iterable[ClosedRun], oldest: datetime | None, most_bytes: int | None, written: Path | None
) -> list[ClosedRun]:
    """Return the runs that began before `oldest`, and the oldest others that make all together too large.

    The run of the file `written` is never one of them, although it counts.
    """
    runs = list(runs)
    left = sum(run.size for run in runs)
    beyond = []
    for run in runs:
        if written in run.files:
            continue
        if (oldest is not None and run.began < oldest) or (most_bytes is not None and left > most_bytes):
            beyond.append(run)
            left -= run.size
    return beyond


def remove(run: ClosedRun, root: Path) -> bool:
    """Remove the files of a run, and folders that are then empty. Return False if a file could not be removed."""
    try:
        for path in run.files:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    for folder in run.files[0].parents:
        if folder == root:
            break
        with suppress(OSError):  # other files are in it
            folder.rmdir()
    return True

"""Read --keep and --max-disk, and remove runs beyond them after a run."""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from probe.cli.screen import UsageError, say, size, wrapped
from probe.messages import printable, tr, tr_plural

HOURS = {"h": 1, "d": 24, "w": 24 * 7}
BYTES = {"K": 10**3, "M": 10**6, "G": 10**9}
MOST_NAMED = 10


class Limits(NamedTuple):
    """Hold how old and how large earlier runs may become. None is no limit."""

    keep: timedelta | None = None
    max_disk: int | None = None


UNLIMITED = Limits()


def limits(keep: str | None, max_disk: str | None) -> Limits:
    """Return the limits of the two options. Raises UsageError (2)."""
    return Limits(_age(keep) if keep is not None else None, _bytes(max_disk) if max_disk is not None else None)


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([hdw])", text, re.ASCII)
    if found is None or int(found[1]) == 0:
        raise UsageError(
            tr("--keep {text} is no age. Use a number with h, d or w, such as 30d for 30 days.", text=repr(text)), 2
        )
    return timedelta(hours=int(found[1]) * HOURS[found[2]])


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([KMG])", text.upper(), re.ASCII)
    if found is None or int(found[1]) == 0:
        raise UsageError(
            tr("--max-disk {text} is no size. Use a number with K, M or G, such as 500M.", text=repr(text)), 2
        )
    return int(found[1]) * BYTES[found[2]]


def remove_old_runs(root: Path, given: Limits, written: Path | None, records: Iterable[Mapping[str, Any]]) -> None:
    """Remove earlier runs beyond the limits, and say which. `written` is the file of this run."""
    from probe.results.retention import closed_runs, remove, runs_beyond

    if given == UNLIMITED:
        return
    if any(record.get("invalid_reason") == "clock" for record in records):
        say(sys.stderr, wrapped(tr("No earlier run was removed, because the clock of this computer is wrong.")))
        return
    oldest = datetime.now(UTC) - given.keep if given.keep is not None else None
    beyond = runs_beyond(closed_runs(root), oldest, given.max_disk, written)
    removed = [run for run in beyond if remove(run, root)]
    if removed:
        count = tr_plural(
            "Removed {count} earlier run ({bytes}), because of --keep or --max-disk:",
            "Removed {count} earlier runs ({bytes}), because of --keep or --max-disk:",
            len(removed),
            bytes=size(sum(run.size for run in removed)),
        )
        say(sys.stderr, wrapped(count))
    for run in removed[:MOST_NAMED]:
        say(sys.stderr, f"    {printable(run.files[0])}")
    if (more := len(removed) - MOST_NAMED) > 0:
        say(sys.stderr, "    " + tr_plural("and {count} more", "and {count} more", more))
    if len(removed) < len(beyond):
        kept = len(beyond) - len(removed)
        say(sys.stderr, tr_plural("{count} run could not be removed.", "{count} runs could not be removed.", kept))

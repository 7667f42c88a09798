"""Judge the measurements of sources or of a file, in several processes."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.ruleset.tables import RULESET
from probe.analysis.verdicts.verdicts import Flattened
from tests.analysis.equality.differences import Report, differences
from tests.analysis.equality.engines import disagreements
from tests.analysis.equality.judged_file import (
    Count,
    Judged,
    Unreadable,
    groups_of,
    pack,
    unpack,
    write_file,
)
from tests.analysis.equality.judging import batches, flattened, outcomes
from tests.analysis.equality.sources import Source

Given = TypeVar("Given")
Made = TypeVar("Made")


def write(file: Path, sources: list[Source], jobs: int) -> dict[str, Count]:
    """Judge all sources and write the file. Return the counts by group."""
    return write_file(file, _in_processes(_member, sources, jobs), {"ruleset": RULESET})


def _member(source: Source) -> tuple[Source, bytes, Count]:
    lines = ((f"{source.group}/{source.name}:{name}", raw) for name, raw in source.lines())
    return source, *pack(one for batch in batches(lines) for one in _judged(batch))


def _judged(batch: list[tuple[str, bytes]]) -> Iterator[Judged]:
    for (id, raw), outcome in zip(batch, outcomes(batch), strict=True):
        yield Judged(id, raw, outcome)


def compare(file: Path, jobs: int, only: frozenset[str], left_out: frozenset[str]) -> Report:
    """Judge the measurements of a file again, and return the differences. Raise Unreadable."""
    groups, found, counted = groups_of(file)[1], Report(left_out), dict[str, Count]()
    parts = [(file, name, left_out) for name in _chosen(file, only)]
    for name, report, count in _in_processes(_compared, parts, jobs):
        found.join(report)
        counted.setdefault(name.partition("/")[0], Count()).join(count)
    if damaged := [name for name, count in counted.items() if count != groups[name]]:
        raise Unreadable(f"{file} is damaged: the records of {', '.join(damaged)} do not fit their digest")
    return found


def _chosen(file: Path, only: frozenset[str]) -> list[str]:
    """Return the members of some groups, of all without `only`. Raise Unreadable if a group has none."""
    members, groups = groups_of(file)
    lacking = only - groups.keys() if groups else {"any group"}
    if lacking:
        raise Unreadable(f"{file} has no measurements of {', '.join(sorted(lacking))}")
    return [name for name in members if not only or name.partition("/")[0] in only]


def _compared(part: tuple[Path, str, frozenset[str]]) -> tuple[str, Report, Count]:
    file, member, left_out = part
    report, count = Report(left_out), Count()
    for batch in batches(unpack(file, member)):
        for before, now in zip(batch, outcomes([(one.id, one.raw) for one in batch]), strict=True):
            count.add(before)
            report.add(differences(before.id, before.outcome, now))
    return member, report, count


def engines(file: Path, jobs: int, only: frozenset[str]) -> tuple[int, list[str]]:
    """Judge a file's measurements with SQLite and DuckDB.

    Return the number of rows, and a text for each row and measurement that differs. Raise Unreadable.
    """
    counted, found = 0, list[str]()
    parts = [(file, name) for name in _chosen(file, only)]
    for count, texts in _in_processes(_decided, parts, jobs):
        counted, found = counted + count, found + texts
    return counted, found


def _decided(part: tuple[Path, str]) -> tuple[int, list[str]]:
    counted, found = 0, list[str]()
    with SQLiteEngine() as sqlite, DuckDBEngine() as duckdb:
        for batch in batches(unpack(*part), duckdb.most_measurements):
            read = (flattened(one.id, one.raw) for one in batch)
            count, texts = disagreements([one for one in read if isinstance(one, Flattened)], sqlite, duckdb)
            counted, found = counted + count, found + texts
    return counted, found


def _in_processes(work: Callable[[Given], Made], parts: Iterable[Given], jobs: int) -> Iterator[Made]:
    """Yield what `work` makes of each part, in order. One job works in this process."""
    if jobs <= 1:
        yield from map(work, parts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, parts)

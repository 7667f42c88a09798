"""Check that a store is whole: files, rows, order, identities and manifest agree."""

import heapq
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from probe.analysis.store.columns import TABLES
from probe.analysis.store.database import locked
from probe.analysis.store.files import REPLACED, month_of, staged_file, table_files
from probe.analysis.store.identity_index import (
    NO_PART,
    batches_of,
    ids_in,
    index_file,
    index_files,
    read_ids,
    reading_part,
)
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.versions import VERSION, check_known, note_on_version, reading
from probe.analysis.store.views import Store
from probe.analysis.store.writing.sorting import ORDER
from probe.messages import tr


def check(folder: Path) -> Iterator[str]:
    """Iterate over sentences that say what is wrong with a store, none if it is whole. Raises StoreError.

    No other command may write to the store at the same time.
    """
    version = check_known(folder)
    with locked(folder):
        if version not in (0, VERSION):
            yield str(note_on_version(folder))
            return
        for problems in (_interrupted, _missing, _rows, _twice, _contradictions):
            yield from problems(folder)


def _interrupted(folder: Path) -> Iterator[str]:
    """Find what a killed command left."""
    with reading(folder) as database:
        known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        moves = database.execute("SELECT count(*) FROM moves").fetchone()[0] if "moves" in known else 0
        staged = [name for (name,) in database.execute("SELECT name FROM staged")] if "staged" in known else []
    if moves or (folder / REPLACED).exists():
        yield tr("A command was interrupted while it moved files. The next `probe ingest` repairs this.")
    for path in (staged_file(folder, table, name) for name in staged for table in TABLES):
        if not path.is_file():
            yield tr("{path} is missing. Its measurements are lost. Ingest their files into a new store.", path=path)


def _missing(folder: Path) -> Iterator[str]:
    """Find files without their counterparts. Measurements without transactions have no observations."""
    files = {table: {(month_of(file), file.stem) for file in table_files(folder, table)} for table in TABLES}
    for table in ("observations", "verdicts"):
        for month, name in sorted(files[table] - files["measurements"]):
            yield tr("{table}: month {month}, file {name} has no measurements.", table=table, month=month, name=name)
    for month, name in sorted(files["measurements"] - files["verdicts"]):
        yield tr("verdicts: month {month}, file {name} is missing.", month=month, name=name)
    measured = {index_file(file) for file in table_files(folder, "measurements")}
    for path in sorted(measured.symmetric_difference(index_files(folder))):
        yield tr("{path}: identities and measurements do not agree.", path=path)


def _rows(folder: Path) -> Iterator[str]:
    """Read every row. Find unreadable files, wrong months, a wrong order, and rows of no measurement."""
    for file in table_files(folder, "measurements"):
        try:
            yield from _of_load(folder, file)
        except StoreError as error:
            yield str(error)


def _of_load(folder: Path, file: Path) -> Iterator[str]:
    place, ids = file.relative_to(folder / "measurements"), ids_in(file)
    known = {identity.hex() for identity in ids}
    if index_file(file).is_file() and read_ids(index_file(file)) != sorted(ids):
        yield tr("{path}: identities and measurements do not agree.", path=index_file(file))
    for table in TABLES:
        path = folder / table / place
        if path.is_file():
            yield from _of_table(path, table, known)


def _of_table(path: Path, table: str, known: set[str]) -> Iterator[str]:
    """Read a file row by row, and name each kind of wrong row once."""
    wrong, last = dict[str, None](), tuple[Any, ...]()
    for *key, day in _keys(path, [*ORDER[table].split(", "), "day"]):
        if str(day)[:7] != month_of(path):
            wrong[tr("a row has another month")] = None
        if tuple(key) < last:
            wrong[tr("rows are not in order")] = None
        if key[3] not in known:
            wrong[tr("rows belong to no measurement")] = None
        last = tuple(key)
    for reason in wrong:
        yield tr(NO_PART, path=path, reason=reason)


def _keys(path: Path, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Read all columns, since a damaged one is found only so, and iterate over the values of some."""
    with reading_part(path):
        for batch in batches_of(path):
            values = (batch.column(name).fill_null("" if name != "row" else 0) for name in columns)
            yield from zip(*(column.to_pylist() for column in values), strict=True)


def _twice(folder: Path) -> Iterator[str]:
    """Find measurements that are in two files of a month."""
    for _, files in groupby(index_files(folder), lambda file: file.parent):
        try:
            every = heapq.merge(*map(read_ids, files))
        except StoreError as error:
            yield str(error)
            continue
        for identity, same in groupby(every):
            if (count := len(list(same))) > 1:
                yield tr("The measurement {identity} is stored {count} times.", identity=identity.hex(), count=count)


NAMED = 20  # tests with measurements that contradict each other
_CONTRADICTED = """
SELECT coalesce(min(run_id), '') AS run, count(*) AS held, count(*) OVER () AS tests,
  arg_min(measurement_file, (measurement_file, measurement_line)) AS file,
  arg_min(measurement_line, (measurement_file, measurement_line)) AS line,
  arg_max(measurement_file, (measurement_file, measurement_line)) AS other_file,
  arg_max(measurement_line, (measurement_file, measurement_line)) AS other_line
FROM measurements GROUP BY coalesce(claim, line_hash) HAVING count(*) > 1 ORDER BY file, line LIMIT """


def _contradictions(folder: Path) -> Iterator[str]:
    """Find tests of a run that have measurements with different contents. All but one were changed or invented."""
    if not table_files(folder, "measurements"):
        return
    try:
        with Store(folder) as store:
            rows = store.sql(_CONTRADICTED + str(NAMED)).to_pylist()
    except StoreError as error:
        yield str(error)
        return
    for row in rows:
        first = tr("{file}, line {number}", file=row["file"], number=row["line"])
        last = tr("{file}, line {number}", file=row["other_file"], number=row["other_line"])
        yield tr(
            "{count} measurements name the same test of run {run} and have different contents: {first}, and {last}. "
            "At least one was changed later or made up. `probe compare` counts each as a run of its own.",
            count=row["held"],
            run=row["run"],
            first=first,
            last=last,
        )
    if rows and rows[0]["tests"] > NAMED:
        yield tr("Such contradictions in other tests, which are not listed: {count}.", count=rows[0]["tests"] - NAMED)

"""Bring a store of an earlier version to this one. A kill at any point leaves the earlier store or the new one.

The new files are written beside the old ones, so that the disk needs space for both.
"""

import json
import math
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.engines.duckdb_files import HIVE, duckdb_in_memory, literal_name
from probe.analysis.observations.measurement_identity import SIZE, claim_of_ours
from probe.analysis.sql.expressions import literal
from probe.analysis.store.columns import TABLES, schema, select_list
from probe.analysis.store.database import locked, refusal
from probe.analysis.store.files import STAGED, WORK, staged_file, table_files, write_rows
from probe.analysis.store.maintenance.info import rows_in
from probe.analysis.store.manifest import LINE_HASHES, NAME, SCHEMA, StoreError
from probe.analysis.store.versions import VERSION, check_known, version_of
from probe.analysis.store.writing.merge import LEAST_BYTES, MOST_BYTES
from probe.analysis.store.writing.moves import move, remove_replaced, undo_move
from probe.analysis.store.writing.sorting import months_in, no_space_in, write_sorted
from probe.analysis.store.writing.workers import Workers, workers
from probe.messages import tr
from probe.platforms.durability import sync_all

Files = Mapping[str, Sequence[Path]]
_FACTS = "line_hash, run_id, test_name, input, target, measurement_start_time, facts"
_MEMORY = "512MB"
_ROWS = 20_000
_NO_FACTS = (ValueError, TypeError, AttributeError, KeyError, RecursionError)  # of a row that no release wrote


@dataclass(frozen=True)
class Converted:
    """Hold the new files by table, and the numbers of measurements in them and of duplicates that they lack."""

    files: dict[str, list[Path]]
    measurements: int
    duplicates: int


def convert(old: Files, staged: Files, month: str, parts: int, work: Path) -> list[Converted]:
    """Write the rows of one month with new identities, divided into parts. Raises StoreError for unreadable files."""
    import duckdb

    connection = duckdb_in_memory(work / "converting")
    try:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        sources = {table: _source(connection, table, old[table], staged[table], month) for table in TABLES}
        total = _note_identities(connection, sources["measurements"])
        return [_part(connection, sources, month, part, parts, work, total) for part in range(parts)]
    except (duckdb.Error, pa.ArrowException, *_NO_FACTS) as error:
        if (full := no_space_in(str(error))) is not None:
            raise full from None
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(tr("The rows of the store cannot be converted: {reason}", reason=reason)) from None
    finally:
        connection.close()


def _source(connection: Any, table: str, old: Sequence[Path], staged: Sequence[Path], month: str) -> str:
    """Return a SELECT of the rows of one month, from files in partitions and from staged ones."""
    of_month = [file for file in old if file.parent.parent.name.startswith(f"day={month}")]
    selects = []
    for files, options in ((of_month, HIVE), (staged, "hive_partitioning = false")):
        if files:
            names = ", ".join(literal(literal_name(file)) for file in files)
            source = f"read_parquet([{names}], union_by_name = true, {options})"
            there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
            selects.append(f"SELECT {select_list(table, there)} FROM {source} WHERE day[:7] = '{month}'")
    nothing = f"SELECT {select_list(table, ())} WHERE false"
    return " UNION ALL ".join(selects or [nothing])


def _note_identities(connection: Any, measurements: str) -> int:
    """Make the table `renamed` of old and new identities, without repeated measurements. Returns their number."""
    connection.execute("CREATE TABLE every (old VARCHAR, new VARCHAR)")
    writer, total = connection.cursor(), 0
    for batch in connection.sql(f"SELECT {_FACTS} FROM ({measurements})").to_arrow_reader(_ROWS):
        rows = batch.to_pylist()
        total += len(rows)
        found = pa.table({"old": [row["line_hash"] for row in rows], "new": [_identity(row) for row in rows]})
        writer.register("found", found)
        writer.execute("INSERT INTO every SELECT old, new FROM found")
    connection.execute("CREATE TABLE renamed AS SELECT min(old) AS old, new FROM every GROUP BY new")
    return total


def _identity(row: dict[str, Any]) -> str:
    """Return the identity of a measurement of our probe, or the beginning of the hash of another's line."""
    facts = json.loads(row["facts"])
    run, name, start = row["run_id"], row["test_name"], row["measurement_start_time"]
    if run and name and start and not facts.get("foreign"):
        return claim_of_ours(run, name, row["input"], row["target"], start).hex()
    return str(row["line_hash"])[: 2 * SIZE]


def _part(
    connection: Any, sources: dict[str, str], month: str, part: int, parts: int, work: Path, total: int
) -> Converted:
    """Write one part of every table. Every measurement is in one part. The first part counts the duplicates."""
    made = {}
    for table in TABLES:
        columns = select_list(table, schema(table).names).replace('"line_hash"', 'new AS "line_hash"', 1)
        columns = columns.replace('"claim"', 'new AS "claim"')
        found = connection.sql(
            f"SELECT {columns} FROM ({sources[table]}) JOIN renamed ON line_hash = old "
            f"WHERE hash(new) % {parts} = {part}"
        )
        made[table] = work / f"converted-{table}-{month}-{part}.parquet"
        rows = write_rows(made[table], found.to_arrow_reader(_ROWS), schema(table), sync=False)
        if table == "measurements":
            measurements = rows
    (kept,) = connection.execute("SELECT count(*) FROM renamed").fetchone()
    return Converted({table: [file] for table, file in made.items()}, measurements, 0 if part else total - kept)


_CONVERT = f"""
CREATE TABLE files_now AS SELECT digest, name, lines, rejected, of_lab FROM files;
CREATE TABLE rejected_now AS
  SELECT substr(hash, 1, {SIZE}) AS hash, measurement_file, measurement_line, reason FROM rejected;
DROP TABLE files; DROP TABLE rejected; DROP TABLE lines; DROP TABLE pieces; DROP TABLE settling;
{SCHEMA}
INSERT INTO files SELECT *, 0 FROM files_now;
INSERT OR IGNORE INTO rejected SELECT * FROM rejected_now;
INSERT INTO settings VALUES ('{LINE_HASHES}', 'yes');
DROP TABLE files_now; DROP TABLE rejected_now;
"""


class _Earlier:
    """Record moves in the database of version 1."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def begin_move(self, name: str) -> None:
        """Record that files of that name are being moved."""
        self.database.execute("INSERT INTO settling VALUES (?)", (name,))

    def undo_moves(self, folder: Path) -> None:
        """Undo what an interrupted command began."""
        for (name,) in self.database.execute("SELECT name FROM settling").fetchall():
            undo_move(folder, name)
            self.database.execute("DELETE FROM settling WHERE name = ?", (name,))
        remove_replaced(folder)

    def staged(self) -> list[str]:
        """Return the names of staged files that wait for a load."""
        return [name for (name,) in self.database.execute("SELECT name FROM pieces ORDER BY name")]


def migrate(folder: Path, *, jobs: int = 1) -> dict[str, int]:
    """Bring a store to the newest version, and return {"from", "to", "measurements", "duplicates"}.

    `duplicates` counts measurements that the earlier version held more than once, in different spellings. Raises
    StoreError and FullDisk.
    """
    with _opened(folder) as database, workers(jobs) as pool:
        version = version_of(database)
        done = {"from": version, "to": VERSION, "measurements": 0, "duplicates": 0}
        return done if version != 1 else done | _migrate(folder, _Earlier(database), pool)


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Lock a store of any version, and open its database."""
    check_known(folder)
    with locked(folder):
        try:
            with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as database:
                yield database
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(folder / WORK, ignore_errors=True)
            raise refusal(error, folder) from None


def _migrate(folder: Path, earlier: _Earlier, pool: Workers) -> dict[str, int]:
    shutil.rmtree(folder / WORK, ignore_errors=True)
    earlier.undo_moves(folder)
    name, work = uuid.uuid4().hex, folder / WORK
    work.mkdir()
    staged, old = earlier.staged(), {table: table_files(folder, table) for table in TABLES}
    counts = {"measurements": 0, "duplicates": 0}
    waiting = {table: [staged_file(folder, table, one) for one in staged] for table in TABLES}
    for number, (month, parts) in enumerate(_months(old, waiting)):
        made = convert(old, waiting, month, parts, work)
        for part, converted in enumerate(made):
            _write(converted, work, f"{name}-{number}-{part}", pool)
            counts["measurements"] += converted.measurements
            counts["duplicates"] += converted.duplicates
    if counts["measurements"] + counts["duplicates"] != sum(
        map(rows_in, (*old["measurements"], *waiting["measurements"]))
    ):
        raise StoreError(tr("Not every measurement of {folder} was converted. Nothing was changed.", folder=folder))
    sync_all(folder)
    replaced = [file.relative_to(folder) for files in old.values() for file in files]
    move(folder, earlier, name, replaced)
    _become_new(earlier.database)
    _clean(folder, earlier)
    return counts


def _become_new(database: sqlite3.Connection) -> None:
    """Convert the database in one transaction. From then on the store has the newest version."""
    database.executescript(f"BEGIN; {_CONVERT} COMMIT;")


def _months(old: dict[str, list[Path]], waiting: dict[str, list[Path]]) -> list[tuple[str, int]]:
    """Return each month with the number of files that its rows are divided into."""
    sizes: dict[str, int] = {}
    for file in old["observations"] + old["measurements"]:
        month = file.parent.parent.name.removeprefix("day=")[:7]
        sizes[month] = sizes.get(month, 0) + file.stat().st_size
    for month in months_in(waiting["measurements"]):
        sizes.setdefault(month, 0)
    return [(month, math.ceil(size / (MOST_BYTES - LEAST_BYTES)) or 1) for month, size in sorted(sizes.items())]


def _write(converted: Converted, work: Path, name: str, pool: Workers) -> None:
    write_sorted(converted.files, work, name, pool)
    for files in converted.files.values():
        for file in files:
            file.unlink()


def _clean(folder: Path, earlier: _Earlier) -> None:
    """Remove the files of the earlier version."""
    remove_replaced(folder)
    shutil.rmtree(folder / WORK)
    shutil.rmtree(folder / STAGED, ignore_errors=True)
    earlier.database.execute("VACUUM")

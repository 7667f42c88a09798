"""Read the rows of a store of version 1, with identities of measurements in place of hashes of lines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from probe.analysis.engines.duckdb_files import HIVE, duckdb_in_memory
from probe.analysis.observations.identity import SIZE, identity_of_ours
from probe.analysis.store.columns import TABLES, schema, select_list
from probe.analysis.store.files import write_rows
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing.sorting import no_space_in
from probe.messages import tr

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
            names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
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
        return identity_of_ours(run, name, row["input"], row["target"], start).hex()
    return str(row["line_hash"])[: 2 * SIZE]


def _part(
    connection: Any, sources: dict[str, str], month: str, part: int, parts: int, work: Path, total: int
) -> Converted:
    """Write one part of every table. Every measurement is in one part. The first part counts the duplicates."""
    made = {}
    for table in TABLES:
        columns = select_list(table, schema(table).names).replace('"line_hash"', 'new AS "line_hash"', 1)
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

"""Read rows of the table `verdicts`, from any place in the order of the store's files."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probe.analysis.engines.duckdb_files import HIVE, duckdb_in_memory
from probe.analysis.store.columns import VERDICT, select_list
from probe.analysis.store.files import table_files
from probe.explore.parameters import VerdictsParameters

_START = "coalesce(corrected_start_time, measurement_start_time)"  # rows of earlier releases have the second only
_CONDITIONS = {
    "service": "service = ?",
    "cc": "probe_cc = ?",
    "asn": "probe_asn = ?",
    "since": f"{_START} >= ?",
    "until": f"{_START} < ?",
    "state": "state = ?",
}
Place = tuple[int, int]  # number of a file, and the number of rows of it that were read


class VerdictRows:
    """Read rows with one DuckDB, on a connection per thread. Files are read in the order of their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._duckdb = duckdb_in_memory()
        self._duckdb.execute("SET parquet_metadata_cache = true")
        self._of_thread = threading.local()

    def page(self, asked: VerdictsParameters, place: Place) -> tuple[list[dict[str, Any]], Place | None]:
        """Return at most `limit` rows from a place on, and the place after them, None at the end."""
        files, rows = table_files(self._folder, "verdicts"), list[dict[str, Any]]()
        number, done = place
        for number, file in enumerate(files[place[0] :], place[0]):
            after = done if number == place[0] else 0
            for row in self._of_file(file, asked, after, asked.limit + 1 - len(rows)):
                if len(rows) == asked.limit:
                    return rows, (number, after)
                after = row.pop("file_row_number") + 1
                rows.append(row)
        return rows, None

    def _of_file(self, file: Path, asked: VerdictsParameters, after: int, most: int) -> Iterator[dict[str, Any]]:
        """Yield rows of one file in their order. DuckDB keeps it, and stops reading after `most` rows."""
        source, cursor = self._source(file), self._cursor()
        there = {name for name, *_ in cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        given = {name: value for name in _CONDITIONS if (value := getattr(asked, name)) is not None}
        conditions = ["file_row_number >= ?", *(_CONDITIONS[name] for name in given)]
        if not asked.lab:
            conditions += ["coalesce(lab, '') = ''", "coalesce(synthetic, '') = ''"]
        # The columns that a file lacks have defaults, and can be compared.
        rows = f"SELECT {select_list('verdicts', there)}, file_row_number FROM {source}"
        statement = f"SELECT * FROM ({rows}) WHERE {' AND '.join(conditions)} LIMIT {most}"
        names = [*VERDICT, "file_row_number"]
        for values in cursor.execute(statement, [after, *map(str, given.values())]).fetchall():
            yield dict(zip(names, values, strict=True))

    def _source(self, file: Path) -> str:
        """Return the FROM clause of one file. Version 1 of stores has day and country in the folder names only."""
        old = file.relative_to(self._folder / "verdicts").parts[0].startswith("day=")
        folders = HIVE if old else "hive_partitioning = false"
        return f"read_parquet({_quoted(str(file))}, file_row_number = true, {folders})"

    def _cursor(self) -> Any:
        if not hasattr(self._of_thread, "cursor"):
            self._of_thread.cursor = self._duckdb.cursor()
        return self._of_thread.cursor


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def to_json(rows: list[dict[str, Any]]) -> list[str]:
    """Return each row as JSON. `endpoints`, `media` and `pass_rate` are JSON in the store, and values here."""
    return [json.dumps(row | {name: json.loads(row[name]) if row[name] else None for name in _JSON}) for row in rows]


_JSON = ("endpoints", "media", "pass_rate")

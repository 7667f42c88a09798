"""A store's table `verdicts`, asked through Spark: the statements are DuckDB's and SQLite's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.compare.verdict_table import OPTIONAL, StoreError, VerdictTable
from probe.analysis.spark.ingest import url
from probe.analysis.spark.session import ClusterError, cluster_errors_told
from probe.analysis.verdicts.verdict_row import COLUMNS, LISTS, TYPES

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

_SQL_TYPES = {str: "STRING", int: "BIGINT", bool: "BOOLEAN"}
_EMPTY = {str: "''", int: "0", bool: "FALSE"}


class SparkVerdictTable(VerdictTable):
    """As its parent, but for how each thing is said to Spark. Whatever goes wrong there is a ClusterError."""

    def __init__(self, spark: "SparkSession", folder: Path) -> None:
        """Open the folder that `probe ingest` made. Raises StoreError."""
        self._spark = spark
        try:
            with cluster_errors_told():
                frame = spark.read.option("mergeSchema", "true").parquet(url(folder.resolve() / "verdicts"))
                there = set(frame.columns)
        except ClusterError as error:
            raise StoreError(f"{folder}: cannot be read as a store ({error})") from None
        if lacking := [name for name in COLUMNS if name not in there | OPTIONAL]:
            raise StoreError(f"{folder}: the store's verdicts have no column {lacking[0]}; ingest again")
        self._see(frame.selectExpr(*(_column(name, name in there) for name in COLUMNS)))

    def filtered(self, condition: str, values: Sequence[str]) -> "VerdictTable":
        self._see(self._spark.sql(f"SELECT * FROM verdicts WHERE {condition}", args=list(values)))
        return self

    def note(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        types = ", ".join(columns).replace("VARCHAR", _SQL_TYPES[str])
        self._spark.createDataFrame([tuple(row) for row in rows], types).createOrReplaceTempView(name)

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._spark.sql(statement, args=list(values)).collect()]

    def _see(self, frame: Any) -> None:
        frame.createOrReplaceTempView("verdicts")


def _column(name: str, there: bool) -> str:
    """A store's column as the row has it: of the row's type, never NULL."""
    if not there:
        return f"'' AS {name}"
    value = f"array_join({name}, ' ')" if name in LISTS else name
    return f"COALESCE(CAST({value} AS {_SQL_TYPES[TYPES[name]]}), {_EMPTY[TYPES[name]]}) AS {name}"

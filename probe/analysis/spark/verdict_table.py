"""Give access to a store's table `verdicts` through Spark, with the statements of DuckDB and SQLite."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.compare.verdict_table import (
    EMPTY,
    EVERYTHING,
    NO_COLUMN,
    OPTIONAL,
    UNREADABLE,
    StoreError,
    VerdictTable,
)
from probe.analysis.spark.ingest import url
from probe.analysis.spark.session import ClusterError, cluster_errors
from probe.analysis.verdicts.verdict_row import COLUMNS, LISTS, TYPES
from probe.messages import tr

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

_SQL_TYPES = {str: "STRING", int: "BIGINT", bool: "BOOLEAN", float: "DOUBLE"}


class SparkVerdictTable(VerdictTable):
    """Run the statements of `VerdictTable` in Spark. Every method raises ClusterError for a failure of Spark."""

    def __init__(self, spark: "SparkSession", folders: Sequence[Path]) -> None:
        """Open the stores that `probe ingest` made. Raises StoreError.

        A measurement of an earlier store is left out of the later ones, and `repeated` counts it.
        """
        self._spark = spark
        first, *others = [_frame(spark, folder) for folder in folders]
        for other in others:
            copies = other.select("line_hash").distinct().join(first.select("line_hash"), "line_hash", "left_semi")
            self.repeated += copies.count()
            # Without a checkpoint Spark's optimizer fails in later statements (NoSuchElementException, Spark 4.3).
            first = first.unionByName(other.join(copies, "line_hash", "left_anti")).localCheckpoint()
        first.createOrReplaceTempView(EVERYTHING)
        self._use(first)

    def filtered(self, condition: str, values: Sequence[str]) -> "VerdictTable":
        self._use(self._spark.sql(f"SELECT * FROM verdicts WHERE {condition}", args=list(values)))
        return self

    def note(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        types = ", ".join(columns).replace("VARCHAR", _SQL_TYPES[str])
        self._spark.createDataFrame([tuple(row) for row in rows], types).createOrReplaceTempView(name)

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._spark.sql(statement, args=list(values)).collect()]

    def _use(self, frame: Any) -> None:
        frame.createOrReplaceTempView("verdicts")


def _frame(spark: "SparkSession", folder: Path) -> Any:
    try:
        with cluster_errors():
            frame = spark.read.option("mergeSchema", "true").parquet(url(folder.resolve() / "verdicts"))
            there = set(frame.columns)
    except ClusterError as error:
        raise StoreError(tr(UNREADABLE, folder=folder, reason=error)) from None
    if missing := [name for name in COLUMNS if name not in {*there, *OPTIONAL}]:
        raise StoreError(tr(NO_COLUMN, folder=folder, column=missing[0]))
    return frame.selectExpr(*(_column(name, name in there) for name in COLUMNS))


def _column(name: str, there: bool) -> str:
    """Return SQL for a store's column with the type of the row's column, never NULL."""
    if not there:
        return f"{OPTIONAL[name]} AS {name}"
    value = f"array_join({name}, ' ')" if name in LISTS else name
    empty = OPTIONAL.get(name, EMPTY[TYPES[name]])
    return f"COALESCE(CAST({value} AS {_SQL_TYPES[TYPES[name]]}), {empty}) AS {name}"

"""Run the statements of the pipeline on Spark, with the text that SQLite and DuckDB run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from probe.analysis.engines.arrow import arrow_table
from probe.analysis.engines.engine import FilledTables
from probe.analysis.pipeline.statement import InputTable, Statement

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

# The statements are interpreted, because each runs once per batch. Four partitions suffice for a batch.
_SETTINGS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "4",
}


class SparkPipeline(FilledTables):
    """Run the statements in a Spark session, whose settings are put back at the end of the block.

    Planning takes most of the time in small batches, so that SQLite and DuckDB are quicker on one machine.
    """

    most_measurements = 2_000

    def __init__(self, spark: "SparkSession") -> None:
        self._spark = spark
        self._before = {name: spark.conf.get(name) for name in _SETTINGS}
        self._set(_SETTINGS)
        self.put_constants()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._set(self._before)

    def _set(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            self._spark.conf.set(name, value)

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None:
        """Replace the rows of one table that Python fills."""
        self._spark.createDataFrame(arrow_table(table, rows)).createOrReplaceTempView(table.name)

    def run(self, statement: Statement) -> None:
        """Fill the table of a statement. Where it need not be kept, each reader computes what it reads.

        A checkpoint computes the rows once, and keeps the plans of the statements that read them short.
        """
        frame = self._spark.sql(statement.select)
        (frame.localCheckpoint() if statement.kept else frame).createOrReplaceTempView(statement.name)

    def joined(self, column: str) -> str:
        """Return the aggregate that joins the values of a column with spaces, in any order."""
        return f"array_join(collect_list(CAST({column} AS STRING)), ' ')"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._spark.sql(query).collect()]

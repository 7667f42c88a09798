"""Read, fill and rejudge a store with Spark. No module outside of this package imports another one of it.

Spark divides the work among machines. A machine runs the functions of `store` with SQLite and DuckDB. The statements
of `compare`, `series` and `events` run in DuckDB on the store's files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.compare.verdict_table import Contradictions, StoreError, VerdictTable
from probe.analysis.spark import spark_session as sessions
from probe.analysis.spark.cluster_workers import cluster_workers
from probe.analysis.spark.file_reading import ingest
from probe.analysis.spark.spark_session import ClusterError, UnreachableError
from probe.analysis.store.maintenance.rejudge import rejudge_with
from probe.analysis.store.writing.ingest import Report
from probe.analysis.store.writing.workers import Workers
from probe.messages import mark, tr
from probe.results import Source

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore
    from probe.analysis.spark.spark_session import SparkSession

__all__ = ["ClusterError", "SparkEngine", "UnreachableError", "spark_engine"]


IN_BUCKET = mark(
    "{name} is in a bucket, and Spark reads stores in folders. Leave out --engine spark, or copy the store first: "
    "probe store copy {name} DIR"
)
_Steps = list[tuple[str, tuple[Any, ...]]]


class SparkEngine:
    """Work in one Spark session. Every method raises ClusterError for what fails in Spark."""

    def __init__(self, spark: "SparkSession") -> None:
        self._spark = spark

    def verdict_table(self, stores: "Sequence[Path | BucketStore]") -> "ClusterVerdictTable":
        """Open the tables `verdicts` of some stores together. Raises StoreError, also for a store in a bucket."""
        on_disk = [store.resolve() for store in stores if isinstance(store, Path)]
        for store in stores:
            if not isinstance(store, Path):
                raise StoreError(tr(IN_BUCKET, name=store))
        return ClusterVerdictTable(cluster_workers(self._spark), on_disk)

    def ingest(self, sources: Sequence[Source], store: Path, *, lab: bool, jobs: int) -> Report:
        """Add the measurements of the files to a store. The cluster decides on the number of tasks, not `jobs`.

        Raises StoreError.
        """
        return ingest(cluster_workers(self._spark), sources, store, lab=lab)

    def rejudge(self, store: Path, *, jobs: int) -> dict[str, float]:
        """Compute the verdicts of a store again. The cluster decides on the number of tasks, not `jobs`.

        Raises StoreError.
        """
        return rejudge_with(cluster_workers(self._spark), store.resolve())


class ClusterVerdictTable(VerdictTable):
    """Run each statement in a task of the cluster, with DuckDB on the files of the stores."""

    def __init__(self, pool: Workers, stores: Sequence[Path]) -> None:
        """Open the stores. Raises StoreError."""
        self._pool, self._stores, self._steps = pool, stores, _Steps()
        ((self.repeated, self.contradictions),) = pool.all(_facts, [(stores,)])

    def filtered(self, condition: str, values: Sequence[str]) -> VerdictTable:
        self._steps.append(("filtered", (condition, values)))
        return self

    def note(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._steps.append(("note", (name, columns, rows)))

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        (rows,) = self._pool.all(_selected, [(self._stores, self._steps, statement, values)])
        return list(rows)


def _facts(stores: Sequence[Path]) -> tuple[int, Contradictions]:
    table = VerdictTable.of_stores(stores)
    return table.repeated, table.contradictions


def _selected(stores: Sequence[Path], steps: _Steps, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Open the stores on a machine of the cluster, and return the rows of one SELECT."""
    table = VerdictTable.of_stores(stores)
    for name, arguments in steps:
        getattr(table, name)(*arguments)
    return table.select(statement, values)


@contextmanager
def spark_engine(master: str) -> Iterator[SparkEngine]:
    """Start a Spark session, which ends with the block. `master` is a value of `--master`. Raises ClusterError."""
    with sessions.session(master) as spark:
        yield SparkEngine(spark)

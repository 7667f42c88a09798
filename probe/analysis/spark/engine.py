"""Read, fill and rejudge a store with Spark. No module outside of this package imports another one of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.spark import session as sessions
from probe.analysis.spark.ingest import ingest
from probe.analysis.spark.rejudge import rejudge
from probe.analysis.spark.session import ClusterError, UnreachableError
from probe.analysis.spark.verdict_table import SparkVerdictTable
from probe.analysis.store.writing.ingest import Report
from probe.messages import mark, tr
from probe.results import Source

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore
    from probe.analysis.spark.session import SparkSession

__all__ = ["ClusterError", "SparkEngine", "UnreachableError", "spark_engine"]


IN_BUCKET = mark(
    "{name} is in a bucket, and Spark reads stores in folders. Leave out --engine spark, or copy the store first: "
    "probe store copy {name} DIR"
)


class SparkEngine:
    """Work in one Spark session. Every method raises ClusterError for what fails in Spark."""

    def __init__(self, spark: "SparkSession") -> None:
        self._spark = spark

    def verdict_table(self, stores: "Sequence[Path | BucketStore]") -> SparkVerdictTable:
        """Open the tables `verdicts` of some stores together. Raises StoreError, also for a store in a bucket."""
        on_disk = [store for store in stores if isinstance(store, Path)]
        for store in stores:
            if not isinstance(store, Path):
                raise StoreError(tr(IN_BUCKET, name=store))
        return SparkVerdictTable(self._spark, on_disk)

    def ingest(self, sources: Sequence[Source], store: Path, *, lab: bool, jobs: int) -> Report:
        """Add the measurements of the files to a store. The cluster decides on the number of tasks, not `jobs`.

        Raises StoreError.
        """
        return ingest(self._spark, sources, store, lab=lab)

    def rejudge(self, store: Path, *, jobs: int) -> dict[str, float]:
        """Compute the verdicts of a store again. The cluster decides on the number of tasks, not `jobs`.

        Raises StoreError.
        """
        return rejudge(self._spark, store)


@contextmanager
def spark_engine(master: str) -> Iterator[SparkEngine]:
    """Start a Spark session, which ends with the block. `master` is a value of `--master`. Raises ClusterError."""
    with sessions.session(master) as spark:
        yield SparkEngine(spark)

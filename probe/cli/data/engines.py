"""Choose what carries out the work on a store: DuckDB in this process, or Spark on a cluster.

`store_engine` is the only place outside of `probe/analysis/spark` that imports that package. It does so only for
`--engine spark`, so that nothing else needs or loads pyspark. An import contract in `pyproject.toml` checks this.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

from probe.cli.options import opt
from probe.cli.screen import UsageError
from probe.messages import printable, tr

if TYPE_CHECKING:
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.object_storage.bucket_store import BucketStore
    from probe.analysis.store.writing.ingest import Report
    from probe.results import Source

NO_NETWORK, USAGE = 4, 2
DEFAULT_MASTER = "local[*]"


class EngineName(StrEnum):
    """List the values of `--engine`."""

    DUCKDB = "duckdb"
    SPARK = "spark"


Engine = Annotated[EngineName, opt("--engine", help="What does the work: duckdb in this process, or spark.")]
Master = Annotated[
    str | None,
    opt(
        "--master",
        help=f"Where Spark runs: local[N], spark://HOST:PORT, sc://HOST:PORT (Connect). Default: {DEFAULT_MASTER}.",
    ),
]


class StoreEngine(Protocol):
    """Read, fill and rejudge a store. `probe.analysis.spark.spark_engine` has the other implementation."""

    def verdict_table(self, stores: "Sequence[Path | BucketStore]") -> "VerdictTable":
        """Open the tables `verdicts` of some stores together. Raises StoreError, and ResultsError for buckets."""
        ...

    def ingest(self, sources: Sequence["Source"], store: Path, *, lab: bool, jobs: int) -> "Report":
        """Add the measurements of the files to a store. Raises StoreError."""
        ...

    def rejudge(self, store: Path, *, jobs: int) -> dict[str, float]:
        """Compute the verdicts of a store again. Raises StoreError."""
        ...


class LocalEngine:
    """Work with DuckDB and processes of this computer."""

    def verdict_table(self, stores: "Sequence[Path | BucketStore]") -> "VerdictTable":
        """Open the tables `verdicts` of some stores together. Raises StoreError, and ResultsError for buckets."""
        from probe.analysis.compare.verdict_table import VerdictTable

        return VerdictTable.of_stores(stores)

    def ingest(self, sources: Sequence["Source"], store: Path, *, lab: bool, jobs: int) -> "Report":
        """Add the measurements of the files to a store. Raises StoreError."""
        from probe.analysis.store.writing.ingest import ingest

        return ingest(sources, store, lab=lab, jobs=jobs)

    def rejudge(self, store: Path, *, jobs: int) -> dict[str, float]:
        """Compute the verdicts of a store again, with `jobs` processes. Raises StoreError."""
        from probe.analysis.store.maintenance.rejudge import rejudge

        return rejudge(store, jobs=jobs)


@contextmanager
def store_engine(name: EngineName, master: str | None) -> Iterator[StoreEngine]:
    """Return the engine that the options ask for. Spark's session ends with the block. Raises UsageError."""
    if name is not EngineName.SPARK:
        if master is not None:
            raise UsageError(tr("The option --master is for Spark only. Add --engine spark, or leave it out."), USAGE)
        yield LocalEngine()
        return
    from probe.analysis.spark.spark_engine import ClusterError, UnreachableError, spark_engine

    try:
        with spark_engine(DEFAULT_MASTER if master is None else master) as engine:
            yield engine
    except ClusterError as error:
        raise UsageError(printable(str(error)), NO_NETWORK if isinstance(error, UnreachableError) else USAGE) from None

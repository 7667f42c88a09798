"""`--engine` and `--master`: who does the work, DuckDB in this process or Spark on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from probe.cli.options import opt
from probe.cli.screen import UsageError, clean

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

NO_NETWORK, USAGE = 4, 2
HERE = "local[*]"


class EngineName(StrEnum):
    """Who does the work."""

    DUCKDB = "duckdb"
    SPARK = "spark"


Engine = Annotated[EngineName, opt("--engine", help="Who does the work: duckdb in this process, or spark.")]
Master = Annotated[
    str | None,
    opt("--master", help=f"Spark's: local[N], spark://HOST:PORT, sc://HOST:PORT (Connect); default {HERE}."),
]


@contextmanager
def spark_of(engine: EngineName, master: str | None) -> Iterator["SparkSession | None"]:
    """A session where Spark is asked for, ended with the block; None where it is not. Raises UsageError."""
    if engine is not EngineName.SPARK:
        if master is not None:
            raise UsageError("--master is Spark's: say --engine spark too", USAGE)
        yield None
        return
    from probe.analysis.spark.session import ClusterError, UnreachableError, session

    try:
        with session(HERE if master is None else master) as spark:
            yield spark
    except ClusterError as error:
        raise UsageError(clean(str(error)), NO_NETWORK if isinstance(error, UnreachableError) else USAGE) from None

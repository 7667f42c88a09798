"""Run functions of the store as tasks of a cluster, with the interface of worker processes."""

import pickle  # between the driver and its own tasks  # nosec B403
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.writing.workers import Workers, run_here
from probe.results import FullDisk

if TYPE_CHECKING:
    from probe.analysis.spark.spark_session import SparkSession

MOST_TASKS = 20_000  # at a time
_CALLS, _RESULTS = "place BIGINT, call BINARY", "place BIGINT, result BINARY"
_ROWS_TO_COUNT = 10_000  # more than any cluster has cores


@dataclass(frozen=True)
class ClusterWorkers(Workers):
    """Run the calls of `all` on the cluster. `submit` runs a call on the driver. `jobs` is the number of cores."""

    spark: Any

    def all(self, task: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
        """Return the results of the calls in their order. A call can run twice, if Spark loses a machine.

        The modules of a task must be installed on all machines. Raises the StoreError, FullDisk or OSError of a call,
        and ClusterError for every other failure.
        """
        if not calls:
            return []
        rows = [(place, pickle.dumps(call)) for place, call in enumerate(calls)]
        one = self.spark.createDataFrame(rows, _CALLS).coalesce(1)  # one part is divided evenly, several are not
        each = one.repartition(min(len(rows), MOST_TASKS)).mapInArrow(partial(_run, task), _RESULTS)
        return [_result(row.result) for row in sorted(each.collect(), key=lambda row: row.place)]


def cluster_workers(spark: "SparkSession") -> ClusterWorkers:
    """Return the workers of a session. Spark Connect tells the number of cores only by its default division."""
    cores = spark.range(_ROWS_TO_COUNT).mapInArrow(_one_per_part, "part INT").count()
    return ClusterWorkers(cores, run_here, spark)


def _one_per_part(batches: Iterable[Any]) -> Iterator[Any]:
    for _ in batches:
        pass
    yield pa.record_batch({"part": pa.array([0], "int32")})


def _run(task: Callable[..., Any], batches: Iterable[Any]) -> Iterator[Any]:
    """Run the calls in batches of _CALLS, for `mapInArrow`."""
    for batch in batches:
        for place, call in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            done = pickle.dumps(_outcome(task, pickle.loads(call)))  # the driver has pickled it  # nosec B301
            yield pa.record_batch({"place": pa.array([place], "int64"), "result": pa.array([done], "binary")})


def _outcome(task: Callable[..., Any], call: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return task(*call), None
    except (StoreError, FullDisk) as error:
        return None, error
    except OSError as error:
        if error.errno is None:  # no error of the system
            raise
        return None, error


def _result(pickled: bytes) -> Any:
    """Return the result of a call, or raise its exception."""
    result, error = pickle.loads(bytes(pickled))  # a task has pickled it  # nosec B301
    if error is not None:
        raise error
    return result

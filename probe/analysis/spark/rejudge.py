"""Judge a store again on a cluster, with one task per file of measurements.

Each task judges its own measurements with DuckDB or SQLite (`store/judging.py`) and writes their verdicts. A
verdict needs one measurement only, so that no rows move between machines. With the statements in Spark itself
(`spark/pipeline.py`), each of them would move rows, and the driver would wait for each before it plans the next.
"""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from probe.analysis.spark.ingest import MOST_TASKS
from probe.analysis.store.files import WORK, table_files
from probe.analysis.store.rejudging.rejudge import judge_file, put_in_place
from probe.analysis.store.writing.ingest import open_for_writing

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

_COUNTS_DDL = "measurements BIGINT, verdicts BIGINT"


def rejudge(spark: "SparkSession", folder: Path) -> dict[str, float]:
    """Judge every measurement of a store again, as `store.rejudging` does. Raises StoreError and ClusterError."""
    began, folder = time.monotonic(), folder.resolve()
    with open_for_writing(folder):
        (folder / WORK).mkdir(exist_ok=True)
        files = [(str(file.relative_to(folder / "measurements")),) for file in table_files(folder, "measurements")]
        each = spark.createDataFrame(files, "path STRING").repartition(max(1, min(len(files), MOST_TASKS)))
        counts = each.mapInArrow(partial(judge_files, folder=folder), _COUNTS_DDL).collect()
        put_in_place(folder, [Path(path) for (path,) in files])
    seconds = round(time.monotonic() - began, 3)
    measurements, verdicts = (sum(row[place] for row in counts) for place in (0, 1))
    return {"measurements": measurements, "verdicts": verdicts, "seconds": seconds}


def judge_files(batches: Iterable[Any], *, folder: Path) -> Iterator[Any]:
    """Judge files given by path, for `mapInArrow`, and return their counts. A task can run twice without harm."""
    for batch in batches:
        done = [judge_file(folder, Path(path), folder / WORK / path) for path in batch.column(0).to_pylist()]
        columns = [pa.array([pair[place] for pair in done], "int64") for place in (0, 1)]
        yield pa.RecordBatch.from_arrays(columns, names=["measurements", "verdicts"])

"""Lines → store on a cluster: its machines read, flatten, judge and write; the driver decides what counts, as ever.

Nothing counts before the manifest says so: a killed ingest leaves what the next one, of either engine, sweeps away.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from probe.analysis.spark.flattened import FILES_DDL, ROWS_DDL, rows_of_files
from probe.analysis.store.columns import PARTITIONS, TABLES
from probe.analysis.store.files import WORK, table_files
from probe.analysis.store.manifest import FileTally, Manifest, Rejected, StoreError
from probe.analysis.store.writing.ingest import OF_LAB, Report, open_for_writing
from probe.analysis.store.writing.partitions import load_staged, move
from probe.analysis.store.writing.sorting import ORDER
from probe.analysis.store.writing.workers import workers
from probe.results import STDIN, file_name

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

MOST_TASKS = 20_000  # a task a file, up to here: a file is what can be read again alone

# A line that came before, in this reading or in the store; what could not be read at all never did.
_REPEATS = """
SELECT file_place, number FROM (
  SELECT file_place, number, held.line_hash AS held,
    ROW_NUMBER() OVER (PARTITION BY lines_read.line_hash ORDER BY file_place, number) AS nth
  FROM lines_read LEFT JOIN held ON lines_read.line_hash = held.line_hash
  WHERE lines_read.line_hash IS NOT NULL)
WHERE nth > 1 OR held IS NOT NULL
"""
_ONCE = """
SELECT * FROM lines_read WHERE number > 0 AND NOT EXISTS (
  SELECT 1 FROM repeats WHERE repeats.file_place = lines_read.file_place AND repeats.number = lines_read.number)
"""
_ROWS = {
    "measurements": "SELECT measurement.* FROM once WHERE reason IS NULL",
    "observations": "SELECT one.* FROM once LATERAL VIEW explode(observations) AS one",
    "verdicts": "SELECT one.* FROM once LATERAL VIEW explode(verdicts) AS one",
}
_REJECTED = """
SELECT COALESCE(line_hash, problem_hash) AS told, measurement_file, measurement_line, reason
FROM once WHERE reason IS NOT NULL ORDER BY file_place, number
"""
_FILES = """
SELECT file_place, MAX(digest) AS digest, MAX(number) AS lines FROM lines_read GROUP BY file_place ORDER BY file_place
"""
_COUNTS = f"""
SELECT file_place, SUM(CASE WHEN reason IS NULL THEN 1 ELSE 0 END) AS accepted,
  SUM(CASE WHEN reason IS NULL THEN 0 ELSE 1 END) AS rejected,
  SUM(CASE WHEN reason LIKE '{OF_LAB}%' THEN 1 ELSE 0 END) AS of_lab
FROM once GROUP BY file_place
"""


def ingest(spark: "SparkSession", sources: Iterable[Path], folder: Path, *, lab: bool = False) -> Report:
    """Take every line of the files into the store at `folder`; what it has already counts as a duplicate.

    Files and store lie where every machine sees them under the same path. Raises StoreError and ClusterError.
    """
    began, report, files, folder = time.monotonic(), Report(), list(sources), folder.resolve()
    if STDIN in files:
        raise StoreError("a cluster reads files, not -; write the lines into one")
    with open_for_writing(folder) as manifest, workers(1) as pool:
        load_staged(folder, manifest, pool)  # what a killed ingest of the other engine left waiting
        name = uuid.uuid4().hex
        for tally in _taken(spark, files, folder, name, manifest, lab):
            report.add(tally)
        shutil.rmtree(folder / WORK, ignore_errors=True)  # a killed driver's Java may still write there
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _taken(
    spark: "SparkSession", files: list[Path], folder: Path, name: str, manifest: Manifest, lab: bool
) -> list[FileTally]:
    """Make one settling of that name of all files; says what came of each."""
    work = folder / WORK / name
    task = partial(rows_of_files, known=manifest.digests(lab), lab=lab, now=datetime.now(UTC))
    paths = [(place, str(file.resolve())) for place, file in enumerate(files)]
    each = spark.createDataFrame(paths, FILES_DDL).repartition(min(len(files), MOST_TASKS))
    _kept(spark, each.mapInArrow(task, ROWS_DDL), work / "lines_read")
    _held(spark, folder).createOrReplaceTempView("held")
    _kept(spark, spark.sql(_REPEATS), work / "repeats")
    spark.sql(_ONCE).createOrReplaceTempView("once")
    for table in TABLES:
        _write(spark, table, work / table)
    tallies = _tallies(spark, files, manifest, lab)
    _name_files(folder, name)
    os.sync()
    move(folder, manifest, name)
    first = {tally.digest: tally for tally in reversed(tallies)}  # a copy's lines are repeats, which tell nothing
    manifest.add_loaded(name, _hashes(folder, name), _rejected(spark), first.values())
    return tallies


def _kept(spark: "SparkSession", frame: Any, place: Path) -> None:
    """Write down what would else be worked out each time anew, and call it as its folder is called."""
    frame.write.parquet(url(place), compression="zstd")
    spark.read.parquet(url(place)).createOrReplaceTempView(place.name)


def _held(spark: "SparkSession", folder: Path) -> Any:
    if not table_files(folder, "measurements"):
        return spark.createDataFrame([], "line_hash STRING")
    return spark.read.parquet(url(folder / "measurements")).select("line_hash")


def _write(spark: "SparkSession", table: str, place: Path) -> None:
    """Write one file for each day and country, sorted as `load_staged` sorts."""
    rows = spark.sql(_ROWS[table]).repartition(*PARTITIONS).sortWithinPartitions(*ORDER[table].split(", "))
    writer = rows.write.partitionBy(*PARTITIONS).option("maxRecordsPerFile", 0)
    writer.parquet(url(place), compression="zstd")


def _name_files(folder: Path, name: str) -> None:
    """Give Spark's files the place and the name under `work` that a settling's have. Raises StoreError."""
    for table in TABLES:
        made = folder / WORK / name / table
        for part in sorted(made.rglob("*.parquet")):
            place = folder / WORK / table / part.parent.relative_to(made) / f"{name}.parquet"
            if place.exists():
                raise StoreError(f"Spark wrote two files for {part.parent.relative_to(made)}, where one was asked for")
            place.parent.mkdir(parents=True, exist_ok=True)
            part.rename(place)


def _tallies(spark: "SparkSession", files: list[Path], manifest: Manifest, lab: bool) -> list[FileTally]:
    counts = {row.file_place: row for row in spark.sql(_COUNTS).collect()}
    tallies = []
    for place, digest, lines in spark.sql(_FILES).collect():
        before = manifest.read_before(digest, lab) if digest else None
        tally = before or FileTally(file_name(files[place]), digest, lines)
        if before is None and place in counts:
            _, tally.accepted, tally.rejected, tally.of_lab = counts[place]
        if before is None:
            tally.duplicates = lines - tally.accepted - tally.rejected
        tallies.append(tally)
    return tallies


def _hashes(folder: Path, name: str) -> Iterator[bytes]:
    """The lines that the settling of that name holds; none is ever gathered with all others."""
    for file in table_files(folder, "measurements"):
        if file.stem == name:
            for text in pq.read_table(file, columns=["line_hash"], partitioning=None).column("line_hash").to_pylist():
                yield bytes.fromhex(text)


def _rejected(spark: "SparkSession") -> Iterator[Rejected]:
    for told, file, line, reason in spark.sql(_REJECTED).toLocalIterator():
        yield Rejected(bytes.fromhex(told), file, line, reason)


def url(path: Path) -> str:
    """A path of this file system, wherever the cluster looks by default."""
    return f"file://{path}"

"""Add measurements to a store on a cluster. Its machines read, flatten, judge and write. The driver finds duplicates.

Rows do not count before the manifest records them. The next ingest, of either engine, removes what a killed one left.
"""

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.spark.flattened import FILES_DDL, ROWS_DDL, rows_of_files
from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import WORK, load_of, table_files
from probe.analysis.store.index import index_files, make_index, read_ids
from probe.analysis.store.manifest import LINE_HASHES, FileTally, Manifest, Rejected, StoreError
from probe.analysis.store.writing.admission import ARTIFICIAL
from probe.analysis.store.writing.ingest import Report, open_for_writing
from probe.analysis.store.writing.merge import LEAST_BYTES, MOST_BYTES, Merger
from probe.analysis.store.writing.moves import move
from probe.analysis.store.writing.partitions import load_staged
from probe.analysis.store.writing.sorting import ORDER
from probe.analysis.store.writing.workers import workers
from probe.messages import tr
from probe.platforms.durability import sync_all
from probe.results import STDIN, Source, file_name

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

PACKED = 8  # bytes of a line that become one in the store, at least
MOST_TASKS = 20_000  # one task per file up to this number, since a file can be read again alone

# Lines whose measurement was accepted before, in these files or in the store, where version 1 left hashes of lines.
# Lines that could not be read are never repeats.
_REPEATS = """
SELECT file_place, number FROM (
  SELECT file_place, number, held.line_hash AS held, held_line.line_hash AS held_line,
    SUM(CASE WHEN reason IS NULL THEN 1 ELSE 0 END) OVER (
      PARTITION BY lines_read.line_hash ORDER BY file_place, number
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS accepted_before
  FROM lines_read LEFT JOIN held ON lines_read.line_hash = held.line_hash
    LEFT JOIN held_line ON lines_read.hash_of_line = held_line.line_hash
  WHERE lines_read.line_hash IS NOT NULL)
WHERE accepted_before > 0 OR held IS NOT NULL OR held_line IS NOT NULL
"""
_LARGEST_MONTH = (
    "SELECT MAX(size) FROM (SELECT SUM(measurement.bytes) AS size FROM once GROUP BY SUBSTRING(measurement.day, 1, 7))"
)
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
SELECT COALESCE(line_hash, problem_hash) AS identity, measurement_file, measurement_line, reason
FROM once WHERE reason IS NOT NULL ORDER BY file_place, number
"""
_FILES = """
SELECT file_place, MAX(digest) AS digest, MAX(number) AS lines FROM lines_read GROUP BY file_place ORDER BY file_place
"""
_COUNTS = f"""
SELECT file_place, SUM(CASE WHEN reason IS NULL THEN 1 ELSE 0 END) AS accepted,
  SUM(CASE WHEN reason IS NULL THEN 0 ELSE 1 END) AS rejected,
  SUM(CASE WHEN reason IN {ARTIFICIAL} THEN 1 ELSE 0 END) AS of_lab
FROM once GROUP BY file_place
"""


def ingest(spark: "SparkSession", sources: Iterable[Source], folder: Path, *, lab: bool = False) -> Report:
    """Add every measurement of the files to the store. One that the store has already counts as a duplicate.

    Every machine must have files and store under the same path. Raises StoreError and ClusterError.
    """
    began, report, given, folder = time.monotonic(), Report(), list(sources), folder.resolve()
    files = [source for source in given if isinstance(source, Path)]
    if len(files) < len(given):
        raise StoreError(tr("Spark reads files on disks only. Leave out --engine spark to read from s3://."))
    if STDIN in files:
        raise StoreError(tr("Spark cannot read standard input. Write the measurements into a file first."))
    with open_for_writing(folder) as manifest, workers(1) as pool:
        load_staged(folder, manifest, pool)  # left by a killed ingest of the local engine
        name = uuid.uuid4().hex
        for tally in _load(spark, files, folder, name, manifest, lab):
            report.add(tally)
        Merger(folder, manifest, pool).merge_crowded()
        shutil.rmtree(folder / WORK, ignore_errors=True)  # the Java process of a killed driver may still write there
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _load(
    spark: "SparkSession", files: list[Path], folder: Path, name: str, manifest: Manifest, lab: bool
) -> list[FileTally]:
    """Load all files under one name, and return the counts of each file."""
    work = folder / WORK / name
    task = partial(rows_of_files, known=manifest.digests(lab), lab=lab, now=datetime.now(UTC))
    paths = [(place, str(file.resolve())) for place, file in enumerate(files)]
    each = spark.createDataFrame(paths, FILES_DDL).repartition(min(len(files), MOST_TASKS))
    _save(spark, each.mapInArrow(task, ROWS_DDL), work / "lines_read")
    held, migrated = _stored_hashes(spark, folder), manifest.setting(LINE_HASHES) is not None
    held.createOrReplaceTempView("held")
    held.where("true" if migrated else "false").createOrReplaceTempView("held_line")
    _save(spark, spark.sql(_REPEATS), work / "repeats")
    spark.sql(_ONCE).createOrReplaceTempView("once")
    parts = _parts(spark)
    for table in TABLES:
        _write(spark, table, work / table, parts)
    tallies = _tallies(spark, files, manifest, lab)
    _name_files(folder, name)
    make_index(folder / WORK)
    sync_all(folder)
    move(folder, manifest, name)
    first = {tally.digest: tally for tally in reversed(tallies)}  # a second copy of a file has only duplicates
    manifest.add_loaded(name, _hashes(folder, name), _rejected(spark), first.values())
    return tallies


def _save(spark: "SparkSession", frame: Any, place: Path) -> None:
    """Write a frame to a folder, and make a view with the folder's name, so that it is computed once."""
    frame.write.parquet(url(place), compression="zstd")
    spark.read.parquet(url(place)).createOrReplaceTempView(place.name)


def _stored_hashes(spark: "SparkSession", folder: Path) -> Any:
    if not table_files(folder, "measurements"):
        return spark.createDataFrame([], "line_hash STRING")
    return spark.read.parquet(url(folder / "measurements")).select("line_hash")


def _parts(spark: "SparkSession") -> int:
    """Return the number of files into which each month is divided, so that none is too large."""
    (largest,) = spark.sql(_LARGEST_MONTH).first() or (0,)
    return 1 + int(largest or 0) // (PACKED * (MOST_BYTES - LEAST_BYTES))


def _write(spark: "SparkSession", table: str, place: Path, parts: int) -> None:
    """Write one file for each month and part, in the order of `load_staged`. A measurement is in one part."""
    where = "SUBSTRING(day, 1, 7) AS month", f"PMOD(HASH(line_hash), {parts}) AS part"
    rows = spark.sql(_ROWS[table]).selectExpr("*", *where).repartition("month", "part")
    writer = rows.sortWithinPartitions("month", "part", *ORDER[table].split(", ")).write.partitionBy("month", "part")
    writer.option("maxRecordsPerFile", 0).parquet(url(place), compression="zstd")


def _name_files(folder: Path, name: str) -> None:
    """Move Spark's files to the folders and the name that a load has under `work`. Raises StoreError."""
    for table in TABLES:
        made = folder / WORK / name / table
        for part in sorted(made.rglob("*.parquet")):
            partition = part.parent.relative_to(made)
            number = partition.name.partition("=")[2]
            place = folder / WORK / table / partition.parent / f"{name}-{number}.parquet"
            if place.exists():
                raise StoreError(tr("Spark wrote two files for {partition} instead of one.", partition=partition))
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
    """Iterate over the identities of the measurements in the load of that name, file by file."""
    for file in index_files(folder):
        if load_of(file) == name:
            yield from read_ids(file)


def _rejected(spark: "SparkSession") -> Iterator[Rejected]:
    for identity, file, line, reason in spark.sql(_REJECTED).toLocalIterator():
        yield Rejected(bytes.fromhex(identity), file, line, reason)


def url(path: Path) -> str:
    """Return a path as a URL of the local file system, since a cluster may use another one by default."""
    return f"file://{path}"

"""Implement `probe ingest`: add measurements to a store, or judge a store again with `--rejudge`."""

import json as jsonlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.data.engines import USAGE, Engine, EngineName, Master, StoreEngine, store_engine
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import SkippedLines, files_of
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr
from probe.platforms.installation import command_for
from probe.platforms.processes import available_cores
from probe.results import Source, is_remote
from probe.results.remote import RemoteFile

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

Store = Annotated[Path, opt("--store", help="Folder of the store. It is created if it does not exist.")]

WORTH_A_PROCESS = 8 << 20  # bytes of measurements
RATIO = 10  # of measurements that are packed

app = new_app()


@app.command()
def ingest(
    store: Store,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Results files, folders, s3://BUCKET/PREFIX, or - for standard input."),
    ] = None,
    lab: Annotated[
        bool, opt("--lab", help="Include artificial measurements: those of the lab, and synthetic ones.")
    ] = False,
    jobs: Annotated[
        int | None, opt("--jobs", min=1, max=256, help="Number of processes. Default: one per core.")
    ] = None,
    rejudge: Annotated[
        bool, opt("--rejudge", help="Judge all measurements of the store again, without reading files.")
    ] = False,
    json: Annotated[bool, opt("--json", help="Print the counts as one JSON object.")] = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Add measurements to a store of Parquet tables. A measurement that is in it already is not added again.

    Lines that cannot be used are kept in the table `rejected` with the reason. After an interruption the same command
    continues.
    """
    if rejudge == bool(paths):
        raise UsageError(tr("probe ingest needs either results files or --rejudge."), USAGE)
    require_analysis_extra()
    check_on_disk(store)
    files = [] if rejudge else named_files(paths or [])
    cores = jobs or (available_cores() if rejudge else processes_for(files))
    with store_engine(engine, master) as chosen:
        counts = _run(chosen, files, store, lab=lab, jobs=cores, rejudge=rejudge)
    if json:
        say(sys.stdout, jsonlib.dumps(counts))
        return
    say(sys.stdout, _summary(counts, store))
    if counts.get("rejected"):
        command = f"probe sql 'SELECT * FROM rejected' --store {store}"
        say(sys.stderr, tr("Some lines could not be used. This shows the reasons: {command}", command=command))


def _summary(counts: dict[str, float], store: Path) -> str:
    if "verdicts" in counts:
        return tr(
            "Measurements judged again: {measurements}. Verdicts in {store}: {verdicts}. Time: {seconds} s.",
            store=store,
            **counts,
        )
    return tr(
        "Files: {files}. Lines: {lines}. Added to {store}: {accepted}. Already there: {duplicates}. "
        "Not usable: {rejected}. Time: {seconds} s.",
        store=store,
        **counts,
    )


def named_files(paths: list[str]) -> list[Source]:
    """Return the files, and name those that are refused. Raises UsageError."""
    found, skipped = files_of(paths), SkippedLines()
    for problem in found.refused:
        skipped.name(problem)
    skipped.print_count()
    return found.files


def processes_for(files: Sequence[Source]) -> int:
    """Return one process per core, and fewer for little data: a process takes as long to start as 8 MB to be read."""
    return max(1, min(available_cores(), sum(map(_unpacked_size, files)) // WORTH_A_PROCESS))


def _unpacked_size(file: Source) -> int:
    """Return about how many bytes a file has without its compression. A file that is gone has none."""
    try:
        size = file.size if isinstance(file, RemoteFile) else file.stat().st_size
    except OSError:
        return 0
    return size * (1 if str(file).endswith((".jsonl", ".json")) else RATIO)


def _run(
    engine: StoreEngine, files: list[Source], store: Path, *, lab: bool, jobs: int, rejudge: bool
) -> dict[str, float]:
    from dataclasses import asdict

    from probe.analysis.store.manifest import StoreError

    try:
        return engine.rejudge(store, jobs=jobs) if rejudge else asdict(engine.ingest(files, store, lab=lab, jobs=jobs))
    except StoreError as error:
        raise UsageError(str(error), USAGE) from None


def opened_store(named: Path) -> "Path | BucketStore":
    """Return the store, and say that it is of an earlier version, if it is. Raises StoreError and ResultsError."""
    from probe.analysis.store.versions import located, note_on_version

    store = located(named)
    note = note_on_version(store)
    if note is not None:
        say(sys.stderr, printable(note))
    return store


def check_on_disk(store: Path) -> None:
    """Check that a store is not in a bucket. Raises UsageError with the command that copies it."""
    if not is_remote(store):
        return
    from probe.analysis.object_storage import NOT_WRITABLE, address_of

    raise UsageError(printable(tr(NOT_WRITABLE, name=address_of(store))), USAGE)


def require_analysis_extra() -> None:
    """Check that DuckDB and pyarrow are installed. Raises UsageError."""
    from importlib.util import find_spec

    if find_spec("duckdb") is None or find_spec("pyarrow") is None:
        raise UsageError(
            tr(
                "A store needs DuckDB and pyarrow. This command installs them: {command}",
                command=command_for("analysis"),
            ),
            USAGE,
        )

"""`probe ingest`: lines → a store, once each; `--rejudge` judges a store again without its lines."""

import json as jsonlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.data.engines import USAGE, Engine, EngineName, Master, spark_of
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say

if TYPE_CHECKING:
    from probe.analysis.spark.session import SparkSession

INVALID_INPUT = 6
NEEDS = (
    "a store needs DuckDB and pyarrow, which the extra [analysis] brings: pip install 'censorprobe[analysis]', "
    "or in a checkout: pip install -e '.[analysis]'"
)
Store = Annotated[Path, opt("--store", help="The store's folder; made if there is none.")]

app = new_app()


@app.command()
def ingest(
    store: Store,
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH…", help="Files of lines, folders of them, or - for stdin.")
    ] = None,
    lab: Annotated[bool, opt("--lab", help="Take lines that were written inside the lab, too.")] = False,
    jobs: Annotated[int | None, opt("--jobs", min=1, max=256, help="How many processes; default: a core each.")] = None,
    rejudge: Annotated[bool, opt("--rejudge", help="Judge all that the store holds again; no lines are read.")] = False,
    json: Annotated[bool, opt("--json", help="Print what was done as one JSON object.")] = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Take lines into a store of Parquet tables: what it has already counts once, what cannot be used is set aside.

    A store that was left in the midst is whole, and the same command goes on where it stopped.
    """
    if rejudge == bool(paths):
        raise UsageError("probe ingest takes either files of lines or --rejudge", USAGE)
    needed()
    cores = jobs or len(os.sched_getaffinity(0))
    found = [] if rejudge else _found(paths or [])
    with spark_of(engine, master) as spark:
        done = _rejudge(store, cores, spark) if rejudge else _ingest(found, store, lab, cores, spark)
    if json:
        say(sys.stdout, jsonlib.dumps(done))
    else:
        say(sys.stdout, ", ".join(f"{value} {key}" for key, value in done.items()))
        if done.get("rejected"):
            say(sys.stderr, f"probe: why lines were set aside: probe sql 'SELECT * FROM rejected' --store {store}")


def _found(paths: list[str]) -> list[Path]:
    from probe.results import ResultsError, find_files

    try:
        found = find_files(paths)
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not found:
        raise UsageError(f"there are no lines in {', '.join(paths)}", INVALID_INPUT)
    return found


def _ingest(found: list[Path], store: Path, lab: bool, jobs: int, spark: "SparkSession | None") -> dict[str, float]:
    from dataclasses import asdict

    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.writing.ingest import ingest as take

    try:
        if spark is None:
            return asdict(take(found, store, lab=lab, jobs=jobs))
        from probe.analysis.spark.ingest import ingest as take_by_spark

        return asdict(take_by_spark(spark, found, store, lab=lab))
    except StoreError as error:
        raise UsageError(str(error), USAGE) from None


def _rejudge(store: Path, jobs: int, spark: "SparkSession | None") -> dict[str, float]:
    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.rejudge import rejudge

    try:
        if spark is None:
            return rejudge(store, jobs=jobs)
        from probe.analysis.spark.rejudge import rejudge as rejudge_by_spark

        return rejudge_by_spark(spark, store)
    except StoreError as error:
        raise UsageError(str(error), USAGE) from None


def needed() -> None:
    """Refuse with one sentence where the extra is not installed. Raises UsageError."""
    from importlib.util import find_spec

    if find_spec("duckdb") is None or find_spec("pyarrow") is None:
        raise UsageError(NEEDS, USAGE)

"""What `compare`, `series` and `events` share: sources become one table of verdicts, options one question."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.data.engines import USAGE
from probe.cli.options import opt
from probe.cli.results.judge import INVALID_INPUT, SkippedLines, usable_measurements
from probe.cli.screen import UsageError, say

if TYPE_CHECKING:
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.spark.session import SparkSession
    from probe.analysis.verdicts.verdict_row import VerdictRow

Sources = Annotated[list[str], typer.Argument(metavar="STORE|FILE|DIR…", help="A store, or lines of any place.")]
Since = Annotated[str | None, opt("--since", help="First day or time, as 2026-11-24 or 2026-11-24T13:00, in UTC.")]
Until = Annotated[str | None, opt("--until", help="The day or time where it ends; it is not itself in.")]
Only = Annotated[list[str] | None, opt("--only", help="Keep NAME=VALUE (cc=IR, service=signal/chat); may be repeated.")]
Lab = Annotated[bool, opt("--lab", help="Take lines that were written inside the lab, too.")]
By = Annotated[str | None, opt("--by", help="What a vantage point is: cc,asn (default), day, file, lab, software.")]


def question(
    by: str | None, since: str | None, until: str | None, only: list[str] | None, lab: bool, baseline: str | None = None
) -> "Question":
    """The options as one question. Raises UsageError."""
    from probe.analysis.compare.axes import QuestionError, parse_question

    try:
        return parse_question(by, since=since, until=until, only=only or (), baseline=baseline, lab=lab)
    except QuestionError as error:
        raise UsageError(str(error), 2) from None


def verdict_table(
    sources: list[str], lab: bool, skipped: SkippedLines, spark: "SparkSession | None" = None
) -> "VerdictTable":
    """The table of one store, or of lines judged now; says how many lines of the lab stay out. Raises UsageError."""
    from probe.analysis.compare.verdict_table import StoreError, VerdictTable, is_store

    store = Path(sources[0]) if len(sources) == 1 and is_store(Path(sources[0])) else None
    try:
        if spark is not None:
            table = _asked_by_spark(spark, store)
        elif store is not None:
            table = VerdictTable.of_store(store)
        else:
            table = VerdictTable.of_rows(_judged(sources, skipped))
    except StoreError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    ((everything, of_lab),) = table.select("SELECT COUNT(*), MAX(lab) FROM verdicts")
    if of_lab and not lab:
        ((emulated,),) = table.select("SELECT COUNT(DISTINCT line_hash) FROM verdicts WHERE lab <> ''")
        say(sys.stderr, f"left out {emulated} line(s) that were written inside the lab; --lab takes them too")
    if not everything:
        raise UsageError("nothing is left to compare", INVALID_INPUT)
    return table


def _asked_by_spark(spark: "SparkSession", store: Path | None) -> "VerdictTable":
    from probe.analysis.spark.verdict_table import SparkVerdictTable

    if store is None:
        raise UsageError("Spark asks a store: probe ingest FILE… --store DIR --engine spark makes one", USAGE)
    return SparkVerdictTable(spark, store)


def _judged(sources: list[str], skipped: SkippedLines) -> Iterator["VerdictRow"]:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdict_row import rows_of

    with SQLiteEngine() as engine:
        for file, number, line in usable_measurements(sources, skipped):
            yield from rows_of(line, file=file, number=number, engine=engine)

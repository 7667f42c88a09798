"""Share what `compare`, `series` and `events` have in common: sources, options, and printing the answer."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.data.engines import USAGE, EngineName, LocalEngine, StoreEngine, store_engine
from probe.cli.options import opt
from probe.cli.results.unusable_lines import INVALID_INPUT, SkippedLines, usable_measurements
from probe.cli.screen import UsageError, say
from probe.messages import mark, tr, tr_plural

if TYPE_CHECKING:
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.verdicts.verdict_row import VerdictRow

NOTHING_LEFT = mark("No measurement matches these sources and options. Widen --since, --until and --only.")
Sources = Annotated[
    list[str],
    typer.Argument(metavar="STORE|FILE|DIR…", help="A store, or results files and folders of any vantage points."),
]
Since = Annotated[
    str | None,
    opt("--since", help="Start of the period (inclusive, UTC): 2026-11-24 or 2026-11-24T13:00."),
]
Until = Annotated[
    str | None,
    opt("--until", help="End of the period (exclusive, UTC): 2026-11-25 or 2026-11-24T14:00."),
]
Only = Annotated[
    list[str] | None,
    opt("--only", help="Keep measurements with NAME=VALUE: cc=IR, service=signal/chat. Repeatable."),
]
Lab = Annotated[bool, opt("--lab", help="Include measurements that were made inside the lab.")]
By = Annotated[
    str | None,
    opt("--by", help="What makes a vantage point: cc,asn (default), or others of day, file, lab, software."),
]


def question(
    by: str | None, since: str | None, until: str | None, only: list[str] | None, lab: bool, baseline: str | None = None
) -> "Question":
    """Parse the options into a question. Raises UsageError."""
    from probe.analysis.compare.axes import QuestionError, parse_question

    try:
        return parse_question(by, since=since, until=until, only=only or (), baseline=baseline, lab=lab)
    except QuestionError as error:
        raise UsageError(str(error), USAGE) from None


def print_answer(
    sources: list[str], lab: bool, engine: EngineName, master: str | None, answer: Callable[["VerdictTable"], str]
) -> None:
    """Print what `answer` returns for the sources' verdicts. Exits with 6 if lines could not be used.

    Raises UsageError, also if the question has no answer.
    """
    from probe.analysis.compare.axes import QuestionError

    skipped = SkippedLines()
    try:
        with store_engine(engine, master) as chosen:
            text = answer(verdict_table(sources, lab, skipped, chosen))
    except QuestionError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    finally:
        skipped.print_count()
    if text:
        say(sys.stdout, text.removesuffix("\n"))
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)


def verdict_table(sources: list[str], lab: bool, skipped: SkippedLines, engine: StoreEngine) -> "VerdictTable":
    """Open the verdicts of one store, or judge files now. Says how many of the lab are left out. Raises UsageError."""
    from probe.analysis.compare.verdict_table import StoreError, VerdictTable, is_store

    try:
        if len(sources) == 1 and is_store(Path(sources[0])):
            table = engine.verdict_table(Path(sources[0]))
        elif isinstance(engine, LocalEngine):
            table = VerdictTable.of_rows(_judge(sources, skipped))
        else:
            raise UsageError(
                tr("Spark reads stores only. Make one first: probe ingest FILE... --store DIR --engine spark"), USAGE
            )
    except StoreError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    ((everything, of_lab),) = table.select("SELECT COUNT(*), MAX(lab) FROM verdicts")
    if of_lab and not lab:
        ((emulated,),) = table.select("SELECT COUNT(DISTINCT line_hash) FROM verdicts WHERE lab <> ''")
        left_out = tr_plural(
            "{count} measurement was made inside the lab and is left out. The option --lab includes it.",
            "{count} measurements were made inside the lab and are left out. The option --lab includes them.",
            emulated,
        )
        say(sys.stderr, left_out)
    if not everything:
        raise UsageError(tr(NOTHING_LEFT), INVALID_INPUT)
    return table


def _judge(sources: list[str], skipped: SkippedLines) -> Iterator["VerdictRow"]:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdict_row import rows_of

    with SQLiteEngine() as engine:
        for file, number, measurement in usable_measurements(sources, skipped):
            yield from rows_of(measurement, file=file, number=number, engine=engine)

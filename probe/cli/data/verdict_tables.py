"""Share what `compare`, `series` and `events` have in common: sources, options, and printing the answer."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from probe.cli.data.engines import USAGE, EngineName, LocalEngine, StoreEngine, store_engine
from probe.cli.options import opt
from probe.cli.results.unusable_lines import (
    INVALID_INPUT,
    SkippedLines,
    bucket_errors,
    require_pyarrow,
    usable_measurements,
)
from probe.cli.screen import COLOURS, WIDTH, UsageError, is_plain, say
from probe.messages import mark, tr, tr_plural
from probe.results import is_remote

if TYPE_CHECKING:
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.terminal.style import Style
    from probe.analysis.compare.verdict_table import Contradictions, VerdictTable
    from probe.analysis.object_storage.bucket_store import BucketStore
    from probe.analysis.verdicts.verdict_row import VerdictRow

NARROWEST = 40  # columns that a screen of measurements needs
NOTHING_LEFT = mark("No measurement matches these sources and options. Widen --since, --until and --only.")
Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Stores, results files and folders, also s3://BUCKET/PREFIX."),
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
Lab = Annotated[bool, opt("--lab", help="Include artificial measurements: those of the lab, and synthetic ones.")]
By = Annotated[
    str | None,
    opt("--by", help="What makes a vantage point: cc,asn (default), or others of day, file, lab, synthetic, software."),
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


def style_of(stream: TextIO) -> "Style":
    """Return what a stream can show: 40 to 80 columns, bar glyphs and colours."""
    from probe.analysis.compare.terminal.style import Style, has_glyphs

    columns = get_terminal_size((WIDTH, 24)).columns if stream.isatty() else WIDTH
    return Style(
        width=max(NARROWEST, min(WIDTH, columns)),
        glyphs=has_glyphs(getattr(stream, "encoding", None)),
        colours={} if is_plain(False, stream) else COLOURS,
    )


def print_answer(
    sources: list[str],
    lab: bool,
    engine: EngineName,
    master: str | None,
    answer: Callable[["VerdictTable"], str],
    *,
    coloured: bool = False,
) -> None:
    """Print what `answer` returns for the sources' verdicts. Exits with 6 if lines could not be used.

    `coloured` keeps the colours in it. Then it must have no control characters of measurements. Raises UsageError, also
    if the question has no answer.
    """
    from probe.analysis.compare.axes import QuestionError

    skipped = SkippedLines()
    try:
        with bucket_errors(), store_engine(engine, master) as chosen:
            text = answer(verdict_table(sources, lab, skipped, chosen))
    except QuestionError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    finally:
        skipped.print_count()
    if text and coloured:
        say(sys.stdout, coloured=text.removesuffix("\n"))
    elif text:
        say(sys.stdout, text.removesuffix("\n"))
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)


def verdict_table(sources: list[str], lab: bool, skipped: SkippedLines, engine: StoreEngine) -> "VerdictTable":
    """Open the verdicts of stores, and judge files now. A measurement of several sources counts once.

    Says how many are in more than one source, and how many are artificial. Raises UsageError, and ResultsError for
    buckets.
    """
    from probe.analysis.compare.verdict_table import StoreError

    try:
        table = _united(sources, skipped, engine)
    except StoreError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if table.repeated:
        repeated = tr_plural(
            "{count} measurement occurs more than once in the sources. It is counted once.",
            "{count} measurements occur more than once in the sources. Each is counted once.",
            table.repeated,
        )
        say(sys.stderr, repeated)
    if table.contradictions.tests:
        say(sys.stderr, _contradictions_text(table.contradictions))
    ((everything, *artificial),) = table.select("SELECT COUNT(*), MAX(lab), MAX(synthetic) FROM verdicts")
    if not everything:
        raise UsageError(tr(NOTHING_LEFT), INVALID_INPUT)
    if any(artificial):
        _say_artificial(table, lab)
    return table


def _contradictions_text(found: "Contradictions") -> str:
    """Return the sentences on measurements of one test that have different contents."""
    places = [tr("{file}, line {number}", file=file, number=number) for file, number in found.places]
    return tr_plural(
        "{count} test of a run has several measurements with different contents, for example these: {places}. "
        "At least one of them was changed later or made up. Each is counted as a run of its own. Find out which is "
        "true before you publish the result.",
        "{count} tests of runs have several measurements with different contents, for example these: {places}. "
        "At least one of each was changed later or made up. Each is counted as a run of its own. Find out which are "
        "true before you publish the result.",
        found.tests,
        places=" | ".join(places),
    )


def _say_artificial(table: "VerdictTable", included: bool) -> None:
    """Print how many measurements are artificial, and that they are left out or kept apart."""
    from probe.analysis.compare.axes import ARTIFICIAL

    counted = (f"COUNT(DISTINCT CASE WHEN {axis} <> '' THEN line_hash END)" for axis in ARTIFICIAL)
    ((emulated, invented),) = table.select(f"SELECT {', '.join(counted)} FROM verdicts")
    left_out = (
        tr_plural(
            "{count} measurement was made inside the lab and is left out. The option --lab includes it.",
            "{count} measurements were made inside the lab and are left out. The option --lab includes them.",
            emulated,
        ),
        tr_plural(
            "{count} synthetic measurement is left out. The option --lab includes it.",
            "{count} synthetic measurements are left out. The option --lab includes them.",
            invented,
        ),
    )
    kept_apart = (
        "",
        tr_plural(
            "{count} synthetic measurement is included. It says nothing about a real network.",
            "{count} synthetic measurements are included. They say nothing about a real network.",
            invented,
        ),
    )
    for sentence, count in zip(kept_apart if included else left_out, (emulated, invented), strict=True):
        if sentence and count:
            say(sys.stderr, sentence)


def _united(sources: list[str], skipped: SkippedLines, engine: StoreEngine) -> "VerdictTable":
    """Open stores and judge files, together. Raises UsageError and StoreError."""
    from probe.analysis.compare.verdict_table import VerdictTable

    found = [(source, _store_at(source)) for source in sources]
    stores = [store for _, store in found if store is not None]
    files, copies = [source for source, store in found if store is None], Counter[str]()
    if stores:
        _check_versions(stores, alone=len(sources) == 1)
    if not files:
        return engine.verdict_table(stores)
    if not isinstance(engine, LocalEngine):
        raise UsageError(
            tr("Spark reads stores only. Make one first: probe ingest FILE... --store DIR --engine spark"), USAGE
        )
    rows = _judge(files, skipped, copies)
    table = VerdictTable.of_stores(stores, rows) if stores else VerdictTable.of_rows(rows)
    table.repeated += sum(count > 1 for count in copies.values())
    return table


def _store_at(source: str) -> "Path | BucketStore | None":
    """Return the store at a path or an address, None for results files. Raises StoreError, and what buckets raise."""
    if is_remote(source):
        require_pyarrow()
    from probe.analysis.store.versions import store_at

    return store_at(source)


def _check_versions(stores: "list[Path | BucketStore]", *, alone: bool) -> None:
    """Say that a store is of an earlier version. Its identities differ, so that it is read alone. Raises StoreError."""
    from probe.analysis.compare.verdict_table import StoreError
    from probe.analysis.store.versions import NAME, note_on_version

    known = [store for store in stores if not isinstance(store, Path) or (store / NAME).exists()]
    for note in map(note_on_version, known):
        if note is not None and not alone:
            raise StoreError(note)
        if note is not None:
            say(sys.stderr, note)


def _judge(sources: list[str], skipped: SkippedLines, copies: "Counter[str]") -> Iterator["VerdictRow"]:
    """Iterate over the rows of measurements in files, each judged once. `copies` counts them by identity."""
    from probe.analysis.observations.measurement_identity import identity
    from probe.analysis.verdicts.verdict_row import rows_of_each

    def firsts() -> Iterator[tuple[str, int, dict[str, Any]]]:
        for file, number, measurement in usable_measurements(sources, skipped):
            one = identity(measurement).hex()
            copies[one] += 1
            if copies[one] == 1:
                yield file, number, measurement

    return rows_of_each(firsts())

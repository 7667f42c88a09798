"""Implement `probe compare`: services by vantage points."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from probe.cli.data.engines import USAGE, Engine, EngineName, Master
from probe.cli.data.verdict_tables import (
    NOTHING_LEFT,
    By,
    Lab,
    Only,
    Since,
    Sources,
    Until,
    print_answer,
    question,
    style_of,
)
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import tr
from probe.results import ResultsError

if TYPE_CHECKING:
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.cells import Comparison
    from probe.analysis.compare.over_time.annotations import Annotation
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.listings.joined import Joined

app = new_app()
Baseline = Annotated[
    str | None, opt("--baseline", help="Vantage point to compare the others with, such as cc=DE. Shown first.")
]

Annotations = Annotated[
    Path | None,
    opt("--annotations", help="CSV file with time,country,service,text: notes to mark in the page's time line."),
]


Top = Annotated[int, opt("--top", min=0, help="Show only the N vantage points with most measurements.")]
JSON = Annotated[bool, opt("--json", help="Print one JSON object per cell.")]
HTML = Annotated[Path | None, opt("--html", help="Write one HTML page that opens without network.")]
AppStores = Annotated[
    list[Path] | None,
    opt("--stores", help="Answers of app stores (`probe stores`) to join with the networks of each country."),
]


@app.command()
def compare(
    sources: Sources,
    by: By = None,
    baseline: Baseline = None,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    top: Top = 0,
    json: JSON = False,
    html: HTML = None,
    annotations: Annotations = None,
    stores: AppStores = None,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Compare vantage points: each service at each one, with state, mechanisms, counts and an example measurement."""
    from probe.analysis.compare.cells import compare as compute
    from probe.analysis.compare.compare import to_json
    from probe.analysis.compare.terminal.text import to_text
    from probe.analysis.listings.joined import by_cell
    from probe.cli.results.saved_pages import write_page

    asked, style = question(by, since, until, only, lab, baseline), style_of(sys.stdout)
    notes = annotations_of(annotations, html)

    def answer(table: "VerdictTable") -> str:
        comparison = compute(table, asked, top)
        if not comparison.services:
            raise UsageError(tr(NOTHING_LEFT), INVALID_INPUT)
        note_empty_baseline(comparison, baseline)
        rows = beside_stores(table, asked, stores) if stores else []
        if html is not None:
            write_page(html, table, comparison, sources, annotations=notes, stores=rows)
        if json:
            return to_json(comparison, by_cell(rows) if stores else None)
        return to_text(comparison, style) + stores_text(rows, asked=bool(stores)) if html is None else ""

    print_answer(sources, lab, engine, master, answer, coloured=bool(style.colours) and not json)


def note_empty_baseline(comparison: "Comparison", baseline: str | None) -> None:
    """Say on stderr that the named baseline has no measurements, if so."""
    if baseline and not any(cells[0].n or cells[0].set_aside for _, cells in comparison.rows()):
        empty = tr("No measurement was made at the baseline {baseline}. Nothing is compared.", baseline=baseline)
        say(sys.stderr, empty)


def beside_stores(table: "VerdictTable", asked: "Question", paths: list[Path]) -> "list[Joined]":
    """Return the newest answers of app stores, beside what networks of these countries do. Raises UsageError."""
    from probe.analysis.listings.answers import runs_of
    from probe.analysis.listings.joined import joined, newest_listings
    from probe.analysis.listings.measured import networks_measured
    from probe.cli.stores.kept_answers import answers_in

    try:
        listings = newest_listings(runs_of(answers_in(paths)), lab=asked.lab)
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not listings:
        raise UsageError(
            tr("--stores: there is no usable answer of an app store. `probe stores` makes some."), INVALID_INPUT
        )
    return joined(listings, networks_measured(table, asked))


def stores_text(rows: "list[Joined]", *, asked: bool) -> str:
    """Return the paragraphs about app stores, with the sentence that no state of a store accuses a network."""
    from probe.cli.stores.paragraphs import paragraphs

    if not asked:
        return ""
    if not rows:
        missing = tr(
            "The answers of --stores contain no app store of these countries. `probe stores --country` asks "
            "these stores."
        )
        return "\n" + wrapped(missing) + "\n"
    note = tr("What a store lists and what a network does are separate. Neither proves the other.")
    lines = paragraphs([(one.listed, one.networks) for one in rows])
    return "\n" + "\n".join([*lines, wrapped(note)]) + "\n"


def annotations_of(path: Path | None, html: Path | None) -> "list[Annotation]":
    """Return the notes of a file, none without a file. Raises UsageError."""
    from probe.analysis.compare.over_time.annotations import read_annotations
    from probe.analysis.compare.over_time.csv_rows import CsvError

    if path is None:
        return []
    if html is None:
        raise UsageError(tr("--annotations marks notes on a page. Name the page with --html FILE."), USAGE)
    try:
        return read_annotations(path)
    except CsvError as error:
        raise UsageError(str(error), INVALID_INPUT) from None

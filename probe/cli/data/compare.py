"""`probe compare`: vantage points side by side."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.data.engines import Engine, EngineName, Master, spark_of
from probe.cli.data.verdict_tables import By, Lab, Only, Since, Sources, Until, question, verdict_table
from probe.cli.options import new_app, opt
from probe.cli.results.judge import INVALID_INPUT, SkippedLines
from probe.cli.screen import UsageError, say

app = new_app()


@app.command()
def compare(
    sources: Sources,
    by: By = None,
    baseline: Annotated[str | None, opt("--baseline", help="Compare with this, as cc=DE; it comes first.")] = None,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    top: Annotated[int, opt("--top", min=0, help="Only the N vantage points with most measurements.")] = 0,
    json: Annotated[bool, opt("--json", help="Print one JSON object per cell.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write one self-contained page, which opens offline.")] = None,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Lay vantage points side by side: services by vantage points, each with state, mechanisms, counts and witness."""
    from probe.analysis.compare.cells import compare as lay
    from probe.analysis.compare.compare import to_json, to_text

    asked = question(by, since, until, only, lab, baseline)
    skipped = SkippedLines()
    with spark_of(engine, master) as spark:
        table = verdict_table(sources, lab, skipped, spark)
        comparison = lay(table, asked, top)
        if not comparison.services:
            raise UsageError("nothing is left to compare", INVALID_INPUT)
        if baseline and not any(cells[0].n or cells[0].set_aside for _, cells in comparison.rows()):
            say(sys.stderr, f"nothing was measured at the baseline {baseline}: there is nothing to compare with")
        if html is not None:
            from probe.cli.results.pages import write_page

            write_page(html, table, comparison, sources)
    if json or html is None:
        sys.stdout.write(to_json(comparison) if json else to_text(comparison))
        sys.stdout.flush()
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)

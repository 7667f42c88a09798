"""`probe series`: services day by day."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from probe.cli.data.engines import Engine, EngineName, Master, spark_of
from probe.cli.data.verdict_tables import By, Lab, Only, Since, Sources, Until, question, verdict_table
from probe.cli.options import new_app, opt
from probe.cli.results.judge import INVALID_INPUT, SkippedLines
from probe.cli.screen import UsageError

app = new_app()


class Grain(StrEnum):
    """How finely time is cut."""

    DAY = "day"
    HOUR = "hour"


@app.command()
def series(
    sources: Sources,
    by: By = None,
    grain: Annotated[Grain, opt("--grain", help="Day or hour, in UTC.")] = Grain.DAY,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per service, vantage point and step.")] = False,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Show services over time, each at each vantage point; what was not measured is a gap, and no gap is OK."""
    from probe.analysis.compare.axes import QuestionError
    from probe.analysis.compare.series import series as lay
    from probe.analysis.compare.series import to_json, to_text

    asked = question(by, since, until, only, lab)
    skipped = SkippedLines()
    try:
        with spark_of(engine, master) as spark:
            laid = lay(verdict_table(sources, lab, skipped, spark), asked, grain.value)
    except QuestionError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not laid:
        raise UsageError("nothing is left to show", INVALID_INPUT)
    sys.stdout.write(to_json(laid) if json else to_text(laid))
    sys.stdout.flush()
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)

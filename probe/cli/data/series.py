"""Implement `probe series`: services day by day or hour by hour."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from probe.cli.data.engines import Engine, EngineName, Master
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
from probe.cli.screen import UsageError
from probe.messages import tr

if TYPE_CHECKING:
    from probe.analysis.compare.verdict_table import VerdictTable

app = new_app()


class StepLength(StrEnum):
    """List the lengths of a step."""

    DAY = "day"
    HOUR = "hour"


@app.command()
def series(
    sources: Sources,
    by: By = None,
    grain: Annotated[StepLength, opt("--grain", help="Length of a step in UTC: day or hour.")] = StepLength.DAY,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per service, vantage point and step.")] = False,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Show each service at each vantage point over time. A step without measurements is a gap and not OK."""
    from probe.analysis.compare.over_time.series import series as compute
    from probe.analysis.compare.over_time.series import to_json
    from probe.analysis.compare.terminal.series_text import to_text

    asked, style = question(by, since, until, only, lab), style_of(sys.stdout)

    def answer(table: "VerdictTable") -> str:
        found = compute(table, asked, grain.value)
        if not found:
            raise UsageError(tr(NOTHING_LEFT), INVALID_INPUT)
        return to_json(found) if json else to_text(found, style)

    print_answer(sources, lab, engine, master, answer, coloured=bool(style.colours) and not json)

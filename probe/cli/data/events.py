"""`probe events`: when interference began and ended."""

import sys
from typing import Annotated

import typer

from probe.cli.data.engines import Engine, EngineName, Master, spark_of
from probe.cli.data.verdict_tables import Lab, Only, Since, Sources, Until, question, verdict_table
from probe.cli.options import new_app, opt
from probe.cli.results.judge import INVALID_INPUT, SkippedLines
from probe.cli.screen import UsageError

app = new_app()


@app.command()
def events(
    sources: Sources,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per event.")] = False,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Say when interference began and ended, on which networks, and when the measurements themselves went missing."""
    from probe.analysis.compare.axes import QuestionError
    from probe.analysis.compare.events import events as find
    from probe.analysis.compare.events import to_json, to_text

    asked = question(None, since, until, only, lab)
    skipped = SkippedLines()
    try:
        with spark_of(engine, master) as spark:
            found = find(verdict_table(sources, lab, skipped, spark), asked)
    except QuestionError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    sys.stdout.write(to_json(found) if json else to_text(found))
    sys.stdout.flush()
    if skipped.lines:
        raise typer.Exit(INVALID_INPUT)

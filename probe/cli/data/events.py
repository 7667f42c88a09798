"""Implement `probe events`: periods of interference, and periods without measurements."""

from pathlib import Path
from typing import Annotated

from probe.cli.data.engines import Engine, EngineName, Master
from probe.cli.data.verdict_tables import Lab, Only, Since, Sources, Until, print_answer, question
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError

app = new_app()


@app.command()
def events(
    sources: Sources,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per event.")] = False,
    context: Annotated[
        Path | None,
        opt("--context", help="CSV file with time,country,value: a public series to lay beside missing measurements."),
    ] = None,
    lab: Lab = False,
    engine: Engine = EngineName.DUCKDB,
    master: Master = None,
) -> None:
    """Show when interference began and ended, on which networks, and when measurements went missing."""
    from probe.analysis.compare.over_time.context import read_context
    from probe.analysis.compare.over_time.csv_rows import CsvError
    from probe.analysis.compare.over_time.events import events as find
    from probe.analysis.compare.over_time.events import to_json, to_text

    asked = question(None, since, until, only, lab)
    try:
        series = None if context is None else read_context(context)
    except CsvError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    write = to_json if json else to_text
    print_answer(sources, lab, engine, master, lambda table: write(find(table, asked), series))

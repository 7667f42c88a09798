"""Implement `probe events`: periods of interference, and periods without measurements."""

from typing import Annotated

from probe.cli.data.engines import Engine, EngineName, Master
from probe.cli.data.verdict_tables import Lab, Only, Since, Sources, Until, print_answer, question
from probe.cli.options import new_app, opt

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
    """Show when interference began and ended, on which networks, and when measurements went missing."""
    from probe.analysis.compare.events import events as find
    from probe.analysis.compare.events import to_json, to_text

    asked = question(None, since, until, only, lab)
    write = to_json if json else to_text
    print_answer(sources, lab, engine, master, lambda table: write(find(table, asked)))

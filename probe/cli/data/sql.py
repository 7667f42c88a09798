"""Implement `probe sql`: one SELECT over a store, or over the tables from which one measurement is judged."""

import json as jsonlib
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.data.ingest import opened_store, require_analysis_extra
from probe.cli.options import new_app, opt
from probe.cli.results.judging_steps import measurement_at
from probe.cli.results.unusable_lines import bucket_errors
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr

Folder = Annotated[Path, opt("--store", help="A store that `probe ingest` made: a folder, or s3://BUCKET/PREFIX.")]

Form = Callable[[int, dict[str, Any]], Iterator[str]]

app = new_app()


@app.command()
def sql(
    context: typer.Context,
    statement: Annotated[
        str | None,
        typer.Argument(
            metavar="SELECT",
            help="A SELECT over the tables measurements, observations, verdicts and rejected of a store,"
            " or over the tables of a measurement.",
        ),
    ] = None,
    store: Annotated[
        Path | None, opt("--store", help="A store that `probe ingest` made: a folder, or s3://BUCKET/PREFIX.")
    ] = None,
    measurement: Annotated[
        str | None,
        opt(
            "--measurement",
            metavar="FILE:LINE",
            help="Ask the tables from which this measurement is judged, in SQLite's SQL. Without SELECT, list them.",
        ),
    ] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per row.")] = False,
) -> None:
    """Run one SELECT over a store, in DuckDB's SQL. It changes nothing, and reads no other file and no other server.

    The query has a process of its own with limited memory. It ends with a sentence if it needs more.

    With --measurement, the SELECT reads the tables from which the verdicts on one measurement are computed.
    """
    store, measurement = _source(context, store, measurement)
    if measurement is not None:
        _print(_of_measurement(measurement, statement), _as_json if json else _as_table)
    elif store is None:
        raise UsageError(tr("There is nothing to query. Give --store FOLDER or --measurement FILE:LINE."), 2)
    elif statement is None:
        raise UsageError(tr("There is no query. Give a SELECT, such as 'SELECT * FROM verdicts'."), 2)
    else:
        _ask_store(store, statement, _as_json if json else _as_table)


def _source(context: typer.Context, store: Path | None, measurement: str | None) -> tuple[Path | None, str | None]:
    """Return the one that was given. An option counts before a variable of the environment. Raise UsageError."""
    if measurement is None or store is None:
        return store, measurement
    if _is_from_environment(context, "store"):
        return None, measurement
    if _is_from_environment(context, "measurement"):
        return store, None
    raise UsageError(tr("The options --store and --measurement cannot be combined. Give only one of them."), 2)


def _is_from_environment(context: typer.Context, option: str) -> bool:
    """Return whether an option comes from its PROBE_ variable. The command line goes before it."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "ENVIRONMENT"


def _ask_store(store: Path, statement: str, form: Form) -> None:
    require_analysis_extra()
    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.query_process import query

    try:
        with bucket_errors(), closing(query(opened_store(store), statement, form)) as texts:
            for text in texts:
                say(sys.stdout, text, end="")
    except StoreError as error:
        raise UsageError(printable(str(error)), 2) from None


def _of_measurement(place: str, statement: str | None) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of the answer, or over the tables. Raises UsageError."""
    from probe.analysis.engines.user_query import QueryError
    from probe.analysis.verdicts.measurement_tables import ask, table_meanings

    _, _, measurement = measurement_at(place)
    if statement is None:
        yield from (table._asdict() for table in table_meanings())
        return
    try:
        yield from ask(measurement, statement)
    except QueryError as error:
        raise UsageError(printable(str(error)), 2) from None


def _print(rows: Iterator[dict[str, Any]], form: Form) -> None:
    for number, row in enumerate(rows):
        for text in form(number, row):
            say(sys.stdout, text, end="")


def _as_json(number: int, row: dict[str, Any]) -> Iterator[str]:
    yield jsonlib.dumps(row, default=str) + "\n"


def _as_table(number: int, row: dict[str, Any]) -> Iterator[str]:
    """Yield a row as cells between tabs. The names come before the first row."""
    for cells in [list(row.keys()), list(row.values())][number > 0 :]:
        yield "\t".join(printable("" if cell is None else cell) for cell in cells) + "\n"

"""Implement `probe sql`: one SELECT over a store."""

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.data.ingest import note_version, require_analysis_extra
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say
from probe.messages import printable

Folder = Annotated[Path, opt("--store", help="Folder of a store that `probe ingest` made.")]

app = new_app()


@app.command()
def sql(
    statement: Annotated[
        str,
        typer.Argument(
            metavar="SELECT", help="A SELECT over the tables measurements, observations, verdicts and rejected."
        ),
    ],
    store: Folder,
    json: Annotated[bool, opt("--json", help="Print one JSON object per row.")] = False,
) -> None:
    """Run one SELECT over a store, in DuckDB's SQL. It changes nothing, and reads no other file and no network.

    The query has a process of its own with limited memory. It ends with a sentence if it needs more.
    """
    require_analysis_extra()
    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.query_process import query

    try:
        note_version(store)
        with closing(query(store, statement, _as_json if json else _as_table)) as texts:
            for text in texts:
                say(sys.stdout, text, end="")
    except StoreError as error:
        raise UsageError(printable(str(error)), 2) from None


def _as_json(number: int, row: dict[str, Any]) -> Iterator[str]:
    yield jsonlib.dumps(row, default=str) + "\n"


def _as_table(number: int, row: dict[str, Any]) -> Iterator[str]:
    """Yield a row as cells between tabs. The names come before the first row."""
    for cells in [list(row.keys()), list(row.values())][number > 0 :]:
        yield "\t".join(printable("" if cell is None else cell) for cell in cells) + "\n"

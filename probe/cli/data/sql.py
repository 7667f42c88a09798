"""Implement `probe sql`: one SELECT over a store."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.data.ingest import require_analysis_extra
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, clean, say

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
    """Run one SELECT over a store, in DuckDB's SQL. It changes nothing, and reads no other file and no network."""
    import json as jsonlib

    require_analysis_extra()
    from probe.analysis.store.manifest import StoreError
    from probe.analysis.store.views import Store

    try:
        with Store(store) as opened:
            for number, row in enumerate(row for batch in opened.batches(statement) for row in batch.to_pylist()):
                if json:
                    say(sys.stdout, jsonlib.dumps(row, default=str))
                else:
                    for cells in [row.keys(), row.values()][number > 0 :]:
                        say(sys.stdout, "\t".join(clean("" if cell is None else cell) for cell in cells))
    except StoreError as error:
        raise UsageError(clean(str(error)), 2) from None

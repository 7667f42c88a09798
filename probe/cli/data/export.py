"""`probe export`: a store's table as one file."""

import sys
from pathlib import Path
from typing import Annotated

from probe.cli.data.ingest import needed
from probe.cli.data.sql import Folder
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say

app = new_app()


@app.command()
def export(
    store: Folder,
    out: Annotated[Path, opt("--out", help="The file to write; its ending says the format, unless --format does.")],
    table: Annotated[str, opt("--table", help="measurements, observations or verdicts.")] = "verdicts",
    format: Annotated[str | None, opt("--format", help="parquet, csv, jsonl or sqlite.")] = None,
) -> None:
    """Write a table of a store as parquet, csv, jsonl or sqlite. The licences of the lines go with it: probe cite."""
    needed()
    from probe.analysis.store.export import export as write
    from probe.analysis.store.manifest import StoreError

    try:
        rows = write(store, table, out, format or out.suffix.removeprefix("."))
    except StoreError as error:
        raise UsageError(str(error), 2) from None
    say(sys.stderr, f"{rows} rows of {table} in {out}")

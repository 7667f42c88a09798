"""Implement `probe export`: one table of a store as one file."""

import sys
from pathlib import Path
from typing import Annotated

from probe.cli.data.ingest import opened_store, require_analysis_extra
from probe.cli.data.sql import Folder
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import bucket_errors
from probe.cli.screen import UsageError, say
from probe.messages import tr_plural

app = new_app()


@app.command()
def export(
    store: Folder,
    out: Annotated[Path, opt("--out", help="File to write. Its suffix gives the format, unless --format is given.")],
    table: Annotated[str, opt("--table", help="measurements, observations or verdicts.")] = "verdicts",
    format: Annotated[str | None, opt("--format", help="parquet, csv, jsonl or sqlite.")] = None,
) -> None:
    """Write one table of a store as parquet, csv, jsonl or sqlite. `probe cite` prints the licences of the data."""
    require_analysis_extra()
    from probe.analysis.store.export import export as write
    from probe.analysis.store.manifest import StoreError

    try:
        with bucket_errors():
            rows = write(opened_store(store), table, out, format or out.suffix.removeprefix("."))
    except StoreError as error:
        raise UsageError(str(error), 2) from None
    say(
        sys.stderr,
        tr_plural(
            "Wrote {count} row of the table {table} to {file}.",
            "Wrote {count} rows of the table {table} to {file}.",
            rows,
            table=table,
            file=out,
        ),
    )

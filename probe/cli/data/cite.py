"""Implement `probe cite`: the sources of a store's figures."""

import json as jsonlib
import sys
from typing import Annotated

from probe.cli.data.ingest import require_analysis_extra
from probe.cli.data.sql import Folder
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, say
from probe.messages import printable

app = new_app()


@app.command()
def cite(store: Folder, json: Annotated[bool, opt("--json", help="Print one JSON object.")] = False) -> None:
    """Print what the figures of a store were computed from: programs, rules, input files and licences."""
    require_analysis_extra()
    from probe.analysis.store.cite import as_text, citation
    from probe.analysis.store.manifest import StoreError

    try:
        found = citation(store)
    except StoreError as error:
        raise UsageError(str(error), 2) from None
    say(sys.stdout, jsonlib.dumps(found) if json else printable(as_text(found)))

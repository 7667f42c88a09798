"""`probe cite`: what a store's figures rest on."""

import json as jsonlib
import sys
from typing import Annotated

from probe.cli.data.ingest import needed
from probe.cli.data.sql import Folder
from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, clean, say

app = new_app()


@app.command()
def cite(store: Folder, json: Annotated[bool, opt("--json", help="Print it as one JSON object.")] = False) -> None:
    """Say what a store's figures rest on: programs, rules, inputs and licences, so that anybody can check them."""
    needed()
    from probe.analysis.store.cite import as_text, citation
    from probe.analysis.store.manifest import StoreError

    try:
        told = citation(store)
    except StoreError as error:
        raise UsageError(str(error), 2) from None
    say(sys.stdout, jsonlib.dumps(told) if json else clean(as_text(told)))

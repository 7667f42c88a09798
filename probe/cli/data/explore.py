"""Implement `probe explore`: the page of `compare` and an API, served to this computer."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.data.compare import Baseline
from probe.cli.data.engines import USAGE
from probe.cli.data.ingest import check_on_disk, opened_store, require_analysis_extra
from probe.cli.data.verdict_tables import By, Lab, Only, Since, Until, question
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr

app = new_app()


@app.command()
def explore(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store that `probe ingest` made.")],
    port: Annotated[int, opt("--port", min=0, max=65535, help="Port to listen on, 0 for a free one.")] = 0,
    by: By = None,
    baseline: Baseline = None,
    since: Since = None,
    until: Until = None,
    only: Only = None,
    lab: Lab = False,
) -> None:
    """Serve the page of `probe compare` and a read-only API to browsers on this computer, until Ctrl-C.

    The first line is the address of the page, with a token that no other user and no other website knows. Questions are
    asked on the page. The store is not changed, and a change by another command is noticed.
    """
    require_analysis_extra()
    check_on_disk(store)
    question(by, since, until, only, lab, baseline)
    _check(store)
    pairs = {"by": by, "baseline": baseline, "since": since, "until": until, "only": only, "lab": lab and "true"}
    _serve(store, port, {name: value for name, value in pairs.items() if value})


def _check(store: Path) -> None:
    """Open the store once. Raises UsageError."""
    from probe.analysis.compare.verdict_table import StoreError, VerdictTable

    try:
        opened_store(store)
        VerdictTable.of_stores([store])
    except StoreError as error:
        raise UsageError(printable(str(error)), INVALID_INPUT) from None


def _serve(store: Path, port: int, pairs: dict[str, object]) -> None:
    from urllib.parse import urlencode

    from probe.explore import serve
    from probe.local_server.listening import PortError
    from probe.platforms import event_loop

    try:
        event_loop.run(serve(store, port, urlencode(pairs, doseq=True), lambda url: say(sys.stdout, url)))
    except PortError as error:
        refusal = tr(
            "Port {port} cannot be used: {reason}. Give another one with --port, or none.", port=port, reason=error
        )
        raise UsageError(refusal, USAGE) from None

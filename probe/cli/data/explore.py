"""Implement `probe explore`: the page of `compare` and an API, served to this computer, or hosted behind a proxy."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

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
LOOPBACK = ["127.0.0.1/32", "::1/128"]  # where the reverse proxy is without --trusted-proxy


@app.command()
def explore(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store that `probe ingest` made.")],
    port: Annotated[int, opt("--port", min=0, max=65535, help="Port to listen on, 0 for a free one.")] = 0,
    listen: Annotated[
        str | None,
        opt("--listen", help="ADDRESS:PORT for hosted mode: no token, behind a reverse proxy with https."),
    ] = None,
    name: Annotated[
        list[str] | None, opt("--name", help="Name of the hosted server in its https address. Repeatable.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        opt("--trusted-proxy", help="Address or CIDR of the reverse proxy, if it is not on this computer. Repeatable."),
    ] = None,
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

    With --listen the server is hosted: it needs no token, and limits what each client may ask. Put a reverse proxy with
    https in front of it, and name the server with --name.
    """
    if listen is None and (name or trusted_proxy):
        raise UsageError(tr("--name and --trusted-proxy need --listen."), USAGE)
    if listen is not None and not name:
        raise UsageError(tr("--listen needs --name with the name of the server, such as data.example.org."), USAGE)
    require_analysis_extra()
    check_on_disk(store)
    question(by, since, until, only, lab, baseline)
    _check(store)
    pairs = {"by": by, "baseline": baseline, "since": since, "until": until, "only": only, "lab": lab and "true"}
    query = urlencode({key: value for key, value in pairs.items() if value}, doseq=True)
    if listen is None:
        _serve(store, port, query)
    else:
        _host(store, listen, name or [], trusted_proxy or [], query)


def _check(store: Path) -> None:
    """Open the store once. Raises UsageError."""
    from probe.analysis.compare.verdict_table import StoreError, VerdictTable

    try:
        opened_store(store)
        VerdictTable.of_stores([store])
    except StoreError as error:
        raise UsageError(printable(str(error)), INVALID_INPUT) from None


def _host(store: Path, listen: str, names: list[str], trusted: list[str], query: str) -> None:
    """Serve in hosted mode. Raises UsageError."""
    from probe.cli.listen_addresses import listen_address, networks
    from probe.explore import host
    from probe.explore.hosted import HostedAccess
    from probe.local_server.listening import PortError
    from probe.platforms import event_loop

    bound, proxies = listen_address(listen), networks("--trusted-proxy", trusted or LOOPBACK)
    access = HostedAccess(frozenset(name.lower() for name in names), proxies)

    def announce(url: str) -> None:
        say(
            sys.stdout,
            tr("Listening on {address} for {page}", address=url, page=f"{access.address}/?{query}".rstrip("?")),
        )

    try:
        event_loop.run(host(store, bound, access, announce))
    except PortError as error:
        refusal = tr("The server cannot listen on {listen}: {reason}.", listen=listen, reason=error)
        raise UsageError(refusal, USAGE) from None


def _serve(store: Path, port: int, query: str) -> None:
    from probe.explore import serve
    from probe.local_server.listening import PortError
    from probe.platforms import event_loop

    try:
        event_loop.run(serve(store, port, query, lambda url: say(sys.stdout, url)))
    except PortError as error:
        refusal = tr(
            "Port {port} cannot be used: {reason}. Give another one with --port, or none.", port=port, reason=error
        )
        raise UsageError(refusal, USAGE) from None

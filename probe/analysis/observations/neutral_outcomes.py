"""Read how tests of neutral hosts ended, and whether all that are abroad fail in one way."""

from collections.abc import Iterable, Mapping
from typing import Any

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.failure_kinds import CLOSED, LOCAL, REFUSED, RESET, TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.lenient_json import address, failure, flag, table, tables, text
from probe.targets.target import family_of

Row = tuple[Any, ...]
FEWEST_ALIKE = 3  # neutral hosts that must fail alike. They have different operators.
_WAYS = ("reset", "cut", "stopped")


def neutral_row(host: Mapping[str, Any]) -> Row:
    """Return the row of the table `run_neutral` about one test, without the number of the run."""
    url = text(host.get("endpoint"))
    endpoint = endpoint_of(url)
    connect_only = flag(host.get("connect_only"))
    return endpoint.host if endpoint else url, flag(host.get("home")), connect_only, _outcome(host, connect_only)


def heard_rows(tests: Iterable[tuple[int, Row]]) -> list[Row]:
    """Return the rows of tests of neutral hosts, without families over which no host answered."""
    found = [(family, row) for family, row in tests if row[-1] != "local"]
    heard = {family for family, row in found if row[-1] != "silent"}
    return [row for family, row in found if family in heard or not heard]


def way_of_all(preflight: Mapping[str, Any]) -> str:
    """Return how all neutral hosts abroad failed in the preflight, "" if they did not fail in one way.

    `reset`: their connects were refused or reset. `cut` and `stopped`: they accepted connections, and every handshake
    was cut off or silent. Where large packets are lost, handshakes are silent too, so that nothing is concluded.
    """
    tests = ((family_of(address(host.get("address"))), neutral_row(host)) for host in tables(preflight.get("neutral")))
    rows = [row for row in heard_rows(tests) if not row[1]]
    if table(preflight.get("mtu")):
        return ""
    return next((way for way in _WAYS if _all_fail(rows, way)), "")


def _all_fail(rows: list[Row], way: str) -> bool:
    asked = rows if way == "reset" else [row for row in rows if not row[2]]
    return len({row[0] for row in asked}) >= FEWEST_ALIKE and all(row[-1] == way for row in asked)


def _outcome(host: Mapping[str, Any], connect_only: bool) -> str:
    failed = failure(host.get("failure"))
    if failed is None:
        return "connected" if connect_only else "proven"
    kind, operation = kind_of(failed), host.get("failed_operation")
    if kind == UNREACHABLE or (kind == TIMEOUT and operation != "tls_handshake"):
        return "silent"
    if kind == TIMEOUT:
        return "stopped"
    if kind in {RESET, CLOSED, REFUSED}:
        return {"connect": "reset", "tls_handshake": "cut"}.get(text(operation), "other")
    return "local" if kind == LOCAL else "other"

"""Read what was open beside the hello of a TLS handshake over TCP."""

from typing import Any

from probe.analysis.observations.lenient_json import address, number, table, text
from probe.signatures.parallel_hellos import network_of


def parallel_columns(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a handshake about connections beside it. Measurements from before 2026-11-28 have none."""
    beside = table(entry.get("x_parallel"))
    network = _network(text(entry.get("address")))
    if not beside or not network:
        return {}
    return {
        "tls_network": network,
        "tls_most_beside": number(beside.get("most")),
        "tls_most_elsewhere": number(beside.get("elsewhere")),
        "tls_crowded": number(beside.get("crowded")),
        "tls_crowded_answered": number(beside.get("crowded_answered")),
        "tls_answered_later": number(beside.get("later")),
        "tls_open_beside": number(beside.get("open")),
        "tls_not_again": -1 if beside.get("not_again") is None else number(beside.get("not_again")),
        "tls_most_in_run": number(beside.get("most_in_run")),
    }


def _network(place: str) -> str:
    """Return the network of an address with port, such as `[2001:db8::1]:443`. "" if it cannot be read."""
    ip = address(place.rpartition(":")[0].strip("[]"))
    try:
        return network_of(ip)
    except ValueError:
        return ""

"""Read web_connectivity as attempts: by OONI's transaction ids (0.5), or by address (0.4 and before)."""

from typing import Any

from probe.analysis.observations.index import endpoint_of
from probe.analysis.ooni_import.entries import (
    At,
    Entry,
    connects,
    handshakes,
    last,
    missing_handshake,
    queries,
    requests,
)
from probe.analysis.ooni_import.transactions import Converted
from probe.targets.target import Endpoint

ROLE = "web"
TLS_PORT = 443


def read_web_connectivity(keys: Entry, services: dict[str, dict[str, Any]], converted: Converted) -> None:
    """Add the queries, and every flow to the input's host. Redirects to other hosts are not endpoints of the input."""
    endpoint = endpoint_of(services[ROLE]["endpoints"][0])
    late = queries({"queries": keys.get("x_dns_duplicate_responses")})
    converted.lookups([query | _datagrams(query, late) for query in queries(keys)])
    if endpoint is None:
        return
    flows = [(at, entry) for at, entry in connects(keys) if at.depth == 0 and at.port in {endpoint.port, TLS_PORT}]
    numbered = [flow for flow in flows if flow[0].transaction]
    if numbered:
        _add_by_transaction(endpoint, numbered, keys, converted)
    else:
        _add_by_address(endpoint, flows, keys, converted)


def _datagrams(query: Entry, late: list[Entry]) -> Entry:
    """Return every datagram that answered a query over UDP: the first, then those that 0.5 calls duplicates."""
    if query["engine"] != "udp":
        return {}
    same = ("hostname", "query_type", "resolver_address")
    return {"x_responses": [query, *(other for other in late if all(other[key] == query[key] for key in same))]}


def _add_by_transaction(endpoint: Endpoint, flows: list[tuple[At, Entry]], keys: Entry, converted: Converted) -> None:
    """Add connect, handshake and request of each transaction."""
    by_transaction = {at.transaction: entry for at, entry in handshakes(keys) if entry["server_name"] == endpoint.host}
    pages = {at.transaction: entry for at, url, entry in requests(keys) if url == endpoint.url}
    for at, connect in flows:
        handshake, page = by_transaction.get(at.transaction), pages.get(at.transaction)
        _attempt(endpoint, at, connect, handshake, page, keys, converted)


def _add_by_address(endpoint: Endpoint, flows: list[tuple[At, Entry]], keys: Entry, converted: Converted) -> None:
    """Add every connect with the handshake at its address. The page belongs to the first connect that worked.

    A handshake without a recorded address belongs to the first connect that worked, and to no other.
    """
    by_address = {at.address: entry for at, entry in handshakes(keys) if entry["server_name"] == endpoint.host}
    page = last(entry for _, url, entry in requests(keys)[:1] if url == endpoint.url)
    for at, connect in flows:
        if connect["status"]["failure"] is not None:
            _attempt(endpoint, at, connect, None, None, keys, converted)
            continue
        handshake = by_address.get(at.address) or by_address.pop("", None)
        mine = page if at.port == endpoint.port and (handshake is None or handshake["failure"] is None) else None
        _attempt(endpoint, at, connect, handshake, mine, keys, converted)
        page = None if mine is not None else page


def _attempt(
    endpoint: Endpoint,
    at: At,
    connect: Entry,
    handshake: Entry | None,
    page: Entry | None,
    keys: Entry,
    converted: Converted,
) -> None:
    """Add a flow to the endpoint. For an `http` endpoint a flow to port 443 only proves the address."""
    if at.port == endpoint.port:
        over_tls = endpoint.scheme == "https"
        page = page if over_tls or page is None or _is_evidence(page, keys) else None
        handshake = (handshake or missing_handshake(page, endpoint)) if over_tls else None
        page = page if handshake or not over_tls else None
        converted.attempt(endpoint, ROLE, at.address, tcp_connect=connect, tls_handshakes=handshake, requests=page)
    elif (proof := proof_endpoint(endpoint)) is not None and handshake is not None:
        converted.attempt(proof, "", at.address, tcp_connect=connect, tls_handshakes=handshake)


def proof_endpoint(endpoint: Endpoint) -> Endpoint | None:
    """Return the host's endpoint on port 443, where a certificate can prove an address."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return endpoint_of(f"tls://{host}:{TLS_PORT}")


def _is_evidence(page: Entry, keys: Entry) -> bool:
    """Return True if an unencrypted page is a failure, a known block page, or similar to the helper's page."""
    if page["failure"] is not None or page["response"]["x_fingerprints"]:
        return True
    alike = any(keys.get(f"{what}_match") is True for what in ("body_length", "headers", "title"))
    return keys.get("status_code_match") is True and alike and keys.get("blocking") is False

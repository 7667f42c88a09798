"""web_connectivity → attempts: per flow where the probe numbered them (0.5), else one walk (0.4 and before)."""

from typing import Any

from probe.analysis.observations.index import endpoint_of
from probe.analysis.ooni_import.entries import At, Entry, connects, handshakes, last, queries, requests, sealed_failure
from probe.analysis.ooni_import.transactions import Converted
from probe.targets.target import Endpoint

ROLE = "web"
TLS_PORT = 443


def browse(keys: Entry, services: dict[str, dict[str, Any]], tape: Converted) -> None:
    """The questions, and every flow to the host that the input names; redirects lead to others' endpoints."""
    endpoint = endpoint_of(services[ROLE]["endpoints"][0])
    late = queries({"queries": keys.get("x_dns_duplicate_responses")})
    tape.lookups([query | _datagrams(query, late) for query in queries(keys)])
    if endpoint is None:
        return
    flows = [(at, entry) for at, entry in connects(keys) if at.depth == 0 and at.port in {endpoint.port, TLS_PORT}]
    numbered = [flow for flow in flows if flow[0].transaction]
    if numbered:
        _by_number(endpoint, numbered, keys, tape)
    else:
        _walk(endpoint, flows, keys, tape)


def _datagrams(query: Entry, late: list[Entry]) -> Entry:
    """Every datagram that answered a question over UDP: the first, then those that 0.5 calls duplicates."""
    if query["engine"] != "udp":
        return {}
    same = ("hostname", "query_type", "resolver_address")
    return {"x_responses": [query, *(other for other in late if all(other[key] == query[key] for key in same))]}


def _by_number(endpoint: Endpoint, flows: list[tuple[At, Entry]], keys: Entry, tape: Converted) -> None:
    """The connect, the handshake and the request of each transaction."""
    shaken = {at.transaction: entry for at, entry in handshakes(keys) if entry["server_name"] == endpoint.host}
    pages = {at.transaction: entry for at, url, entry in requests(keys) if url == endpoint.url}
    for at, connect in flows:
        _attempt(endpoint, at, connect, shaken.get(at.transaction), pages.get(at.transaction), keys, tape)


def _walk(endpoint: Endpoint, flows: list[tuple[At, Entry]], keys: Entry, tape: Converted) -> None:
    """Every connect, with the handshake at its address; the page was fetched from the first that worked.

    A handshake whose address was not written down goes to the first connect that worked, and to no other.
    """
    shaken = {at.address: entry for at, entry in handshakes(keys) if entry["server_name"] == endpoint.host}
    page = last(entry for _, url, entry in requests(keys)[:1] if url == endpoint.url)
    for at, connect in flows:
        if connect["status"]["failure"] is not None:
            _attempt(endpoint, at, connect, None, None, keys, tape)
            continue
        said = shaken.get(at.address) or shaken.pop("", None)
        mine = page if at.port == endpoint.port and (said is None or said["failure"] is None) else None
        _attempt(endpoint, at, connect, said, mine, keys, tape)
        page = None if mine is not None else page


def _attempt(
    endpoint: Endpoint,
    at: At,
    connect: Entry,
    shaken: Entry | None,
    page: Entry | None,
    keys: Entry,
    tape: Converted,
) -> None:
    """A flow to the endpoint; for a page in the clear a flow to port 443 proves the address and no more."""
    if at.port == endpoint.port:
        sealed = endpoint.scheme == "https"
        page = page if sealed or page is None or _counts(page, keys) else None
        shaken = (shaken or sealed_failure(page, endpoint)) if sealed else None
        page = page if shaken or not sealed else None
        tape.attempt(endpoint, ROLE, at.address, tcp_connect=connect, tls_handshakes=shaken, requests=page)
    elif (proof := proof_endpoint(endpoint)) is not None and shaken is not None:
        tape.attempt(proof, "", at.address, tcp_connect=connect, tls_handshakes=shaken)


def proof_endpoint(endpoint: Endpoint) -> Endpoint | None:
    """The host's TLS port, where a certificate proves whose an address is."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return endpoint_of(f"tls://{host}:{TLS_PORT}")


def _counts(page: Entry, keys: Entry) -> bool:
    """Whether a page in the clear says something: a failure does, a known block page, and one like the helper's."""
    if page["failure"] is not None or page["response"]["x_fingerprints"]:
        return True
    alike = any(keys.get(f"{what}_match") is True for what in ("body_length", "headers", "title"))
    return keys.get("status_code_match") is True and alike and keys.get("blocking") is False

"""Read web_connectivity as attempts: by OONI's transaction ids (0.5), or by address (0.4 and before)."""

from typing import Any

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.ooni_import.ooni_entries import (
    At,
    Entry,
    connects,
    handshakes,
    missing_handshake,
    queries,
    requests,
)
from probe.analysis.ooni_import.ooni_transactions import Chain, Converted, chain_of
from probe.formats.failures import REFUSED
from probe.targets.target import Endpoint

ROLE = "web"
TLS_PORT = 443
_COMPARED = ("body_length", "headers", "title")
LEAST_ALIKE = 2
"""Of body length, header names and title, those that a similar page shares with the helper's, beside the status. A
block page may share one by chance. OONI's own conclusion (`blocking`) is not read, since the facts must carry ours."""


def read_web_connectivity(keys: Entry, services: dict[str, dict[str, Any]], converted: Converted) -> None:
    """Add the queries, and every flow to the hosts of the input and of its redirects."""
    endpoint = endpoint_of(services[ROLE]["endpoints"][0])
    late = queries({"queries": keys.get("x_dns_duplicate_responses")})
    converted.lookups([query | _datagrams(query, late) for query in queries(keys)])
    if endpoint is None:
        return
    chain = _chain(endpoint, keys)
    if _is_numbered(keys):
        _add_by_transaction(chain, keys, converted)
    else:
        _add_by_address(endpoint, chain, keys, converted)
        _add_last_request(endpoint, chain, keys, converted)


def redirects(keys: Entry, url: str) -> tuple[str, ...]:
    """Return the endpoints that are needed beside the input's: the redirects that were not passed."""
    endpoint = endpoint_of(url)
    chain = _chain(endpoint, keys) if endpoint else Chain({}, {})
    missing = (url for depth, url in sorted(chain.urls.items()) if depth > 0 and not _is_passed(chain, depth, keys))
    return tuple(dict.fromkeys(missing))


def _chain(endpoint: Endpoint, keys: Entry) -> Chain:
    return chain_of(endpoint, requests(keys), tagged=_is_numbered(keys))


def _is_numbered(keys: Entry) -> bool:
    return any(at.transaction for at, _ in connects(keys))


def _is_passed(chain: Chain, depth: int, keys: Entry) -> bool:
    """Return True if an answer arrived, over TLS or similar to the helper's page."""
    page = chain.pages.get(depth)
    if page is None or page["failure"] is not None or not chain.counts(depth, page):
        return False
    is_similar = _is_evidence(page, keys) and not page["response"]["x_fingerprints"]
    return chain.urls[depth].startswith("https://") or is_similar


def _datagrams(query: Entry, late: list[Entry]) -> Entry:
    """Return every datagram that answered a query over UDP: the first, then those that 0.5 calls duplicates."""
    if query["engine"] != "udp":
        return {}
    same = ("hostname", "query_type", "resolver_address")
    return {"x_responses": [query, *(other for other in late if all(other[key] == query[key] for key in same))]}


def _add_by_transaction(chain: Chain, keys: Entry, converted: Converted) -> None:
    """Add connect, handshake and request of each transaction, to the endpoint that was visited at its depth."""
    shaken = {at.transaction: entry for at, entry in handshakes(keys)}
    pages = {at.transaction: (url, entry) for at, url, entry in requests(keys)}
    for at, connect in connects(keys):
        endpoint = endpoint_of(chain.urls.get(at.depth, "")) if at.transaction else None
        if endpoint is None or at.port not in {endpoint.port, TLS_PORT}:
            continue
        handshake, (url, page) = shaken.get(at.transaction), pages.get(at.transaction, ("", None))
        handshake = handshake if handshake and handshake["server_name"] == endpoint.host else None
        page = page if page and url == endpoint.url and chain.counts(at.depth, page) else None
        _attempt(endpoint, at, connect, handshake, page, keys, converted)


def _add_by_address(endpoint: Endpoint, chain: Chain, keys: Entry, converted: Converted) -> None:
    """Add every connect with the handshake at its address. The page belongs to the first connect that worked.

    A handshake without a recorded address belongs to the first connect that worked, and to no other.
    """
    by_address = {at.address: entry for at, entry in handshakes(keys) if entry["server_name"] == endpoint.host}
    page = chain.last_page_of(endpoint.url)
    for at, connect in connects(keys):
        if at.port not in {endpoint.port, TLS_PORT}:
            continue
        if connect["status"]["failure"] is not None:
            _attempt(endpoint, at, connect, None, None, keys, converted)
            continue
        handshake = by_address.get(at.address) or by_address.pop("", None)
        mine = page if at.port == endpoint.port and (handshake is None or handshake["failure"] is None) else None
        _attempt(endpoint, at, connect, handshake, mine, keys, converted)
        page = None if mine is not None else page


def _add_last_request(first: Endpoint, chain: Chain, keys: Entry, converted: Converted) -> None:
    """Add the request that a chain of redirects failed at, if the connects of redirects were not recorded.

    Only an address of the input's host can be known then. The first that worked counts, as for the first page.
    """
    endpoint, page = endpoint_of(chain.urls[chain.last]), chain.pages.get(chain.last)
    if endpoint is None or endpoint.url == first.url or page is None or page["failure"] is None:
        return
    if page["failure"].startswith("dns_"):
        query = {"hostname": endpoint.host, "query_type": "A", "engine": "system", "resolver_address": "system"}
        converted.lookups([query | {"answers": [], "failure": page["failure"]}])
        return
    worked = [at for at, connect in connects(keys) if connect["status"]["failure"] is None]
    if worked and first.host == endpoint.host:
        refused = page["failure"] if page["failure"] == REFUSED else None
        at, connect = worked[0], {"status": {"success": refused is None, "failure": refused}}
        handshake = missing_handshake(page, endpoint) if endpoint.scheme == "https" and not refused else None
        above: Entry = {} if refused else {"tls_handshakes": handshake, "requests": page}
        converted.attempt(endpoint, ROLE, at.address, tcp_connect=connect, **above)


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
    alike = sum(keys.get(f"{what}_match") is True for what in _COMPARED)
    return keys.get("status_code_match") is True and alike >= LEAST_ALIKE


def is_alike(keys: Entry) -> bool:
    """Return True if the last page has the status, title, header names and size of the helper's page.

    No block page has all of them. An address that leads to such a page is taken for one of the name's.
    """
    return all(keys.get(f"{what}_match") is True for what in ("status_code", *_COMPARED))

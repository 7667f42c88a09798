"""Read OONI's messenger, STUN and resolver tests as attempts. They try each address of an endpoint once."""

from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.lenient_json import address, table, tables, text
from probe.analysis.ooni_import.nettests import resolver_url
from probe.analysis.ooni_import.ooni_entries import (
    MOST,
    At,
    Entry,
    connects,
    handshakes,
    last,
    missing_handshake,
    queries,
    requests,
    split,
)
from probe.analysis.ooni_import.ooni_failures import failure_in
from probe.analysis.ooni_import.ooni_transactions import Converted
from probe.targets.target import Endpoint, is_address

Services = dict[str, dict[str, Any]]


def read_messenger(keys: Entry, services: Services, converted: Converted) -> None:
    """Read a test whose lists hold the queries, connects, handshakes and requests of all endpoints together."""
    entries = _Entries(queries(keys), connects(keys), [entry for _, entry in handshakes(keys)], requests(keys))
    converted.lookups(entries.queries)
    for role, service in services.items():
        for url in service["endpoints"]:
            if endpoint := endpoint_of(url):
                _add_attempts(endpoint, role, entries, converted)


@dataclass(frozen=True)
class _Entries:
    """Hold the entries of a measurement, of all its endpoints."""

    queries: list[Entry]
    connects: list[tuple[At, Entry]]
    handshakes: list[Entry]
    requests: list[tuple[At, str, Entry]]

    def above_tcp(self, endpoint: Endpoint) -> dict[str, Entry | None]:
        """Return the handshake with the endpoint's name and the request for its URL, by name of the list."""
        if endpoint.scheme not in {"http", "https"}:
            return {}
        page = last(entry for _, url, entry in self.requests if url == endpoint.url)
        if endpoint.scheme == "http":
            return {"requests": page if page is None or self._is_evidence(page) else None}
        handshake = last(entry for entry in self.handshakes if entry["server_name"] == endpoint.host)
        handshake = handshake or missing_handshake(page, endpoint)
        return {"tls_handshakes": handshake, "requests": page if handshake else None}

    def _is_evidence(self, page: Entry) -> bool:
        """Return True if an unencrypted page is a failure or a block page, or if no captive portal sent it.

        Behind a captive portal no handshake has a valid certificate.
        """
        failed = page["failure"] is not None or bool(page["response"]["x_fingerprints"])
        return failed or any(entry["failure"] is None and entry["x_verified_name"] for entry in self.handshakes)


def _add_attempts(endpoint: Endpoint, role: str, entries: _Entries, converted: Converted) -> None:
    """Add every connect to the endpoint's addresses. Go uses the first one that works for TLS and HTTP."""
    addresses = _addresses(endpoint.host, entries.queries)
    above = entries.above_tcp(endpoint)
    for at, entry in entries.connects:
        if at.address in addresses and at.port == endpoint.port:
            worked = entry["status"]["failure"] is None
            converted.attempt(endpoint, role, at.address, tcp_connect=entry, **(above if worked else {}))
            above = {} if worked else above


def _addresses(host: str, asked: list[Entry]) -> set[str]:
    answers = [answer for query in asked if query["hostname"] == host for answer in query["answers"]]
    addresses = {address(answer.get("ipv4") or answer.get("ipv6")) for answer in answers}
    return {address(host)} if is_address(host) else addresses


def read_stunreachability(keys: Entry, services: Services, converted: Converted) -> None:
    """Read stunreachability: one Binding request, which OONI calls a success if a mapped address came back."""
    asked = queries(keys)
    converted.lookups(asked)
    ((role, service),) = services.items()
    endpoint = endpoint_of(service["endpoints"][0])
    if endpoint is None or "failure" not in keys:
        return
    failed = failure_in(keys["failure"])
    if failed is not None and failed.startswith("dns_"):
        return  # no datagram was sent
    response = {"method": "binding", "response": "success" if failed is None else "", "mapped_family": 4}
    for ip in _destination(endpoint, keys, asked):
        converted.attempt(endpoint, role, ip, stun=response | {"failure": failed})


def _destination(endpoint: Endpoint, keys: Entry, asked: list[Entry]) -> list[str]:
    """Return the address that the datagram was sent to: the connected one, else the name's only address."""
    addresses = _addresses(endpoint.host, asked)
    events = [event for event in tables(keys.get("network_events")) if event.get("operation") == "connect"]
    used = [ip for event in events if (ip := split(text(event.get("address")))[0]) in addresses]
    return used[-1:] or (sorted(addresses) if len(addresses) == 1 else [])


def read_dnscheck(keys: Entry, services: Services, converted: Converted) -> None:
    """Read dnscheck: the resolver's name is looked up, and a query is sent to each of its addresses."""
    ((role, service),) = services.items()
    endpoint = endpoint_of(service["endpoints"][0])
    converted.lookups(queries(table(keys.get("bootstrap"))))
    for url, lookup in list(table(keys.get("lookups")).items())[:MOST]:
        at = endpoint_of(resolver_url(text(url)))
        if endpoint is not None and at is not None and is_address(at.host):
            _add_query(endpoint, role, address(at.host), table(lookup), converted)


def _add_query(endpoint: Endpoint, role: str, ip: str, keys: Entry, converted: Converted) -> None:
    """Add the query to one address. An unencrypted answer is left out, since OONI has no control to compare with."""
    asked = [query for query in queries(keys) if query["resolver_address"] != "system"]
    answer = last(sorted(asked, key=lambda query: query["failure"] is None and bool(query["answers"])))
    unencrypted = endpoint.facts.is_resolver and not endpoint.facts.authenticates_server
    converted.attempt(
        endpoint,
        role,
        ip,
        tcp_connect=last(entry for at, entry in connects(keys) if at.address == ip),
        tls_handshakes=last(entry for _, entry in handshakes(keys)),
        queries=None if answer is None or (unencrypted and answer["failure"] is None) else answer,
    )

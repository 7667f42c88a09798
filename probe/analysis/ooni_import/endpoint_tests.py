"""OONI's messenger, STUN and resolver tests → attempts: one walk over the addresses of each endpoint, no repeats."""

from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import address, table, tables, text
from probe.analysis.ooni_import.entries import (
    MOST,
    At,
    Entry,
    connects,
    handshakes,
    last,
    queries,
    requests,
    sealed_failure,
    split,
)
from probe.analysis.ooni_import.failures import failure_in
from probe.analysis.ooni_import.nettests import resolver_url
from probe.analysis.ooni_import.transactions import Converted
from probe.targets.target import Endpoint, is_address

Services = dict[str, dict[str, Any]]


def dial(keys: Entry, services: Services, tape: Converted) -> None:
    """Tests made of urlgetter's steps: questions, connects, handshakes and requests, of all endpoints in one heap."""
    heap = _Heap(queries(keys), connects(keys), [entry for _, entry in handshakes(keys)], requests(keys))
    tape.lookups(heap.asked)
    for role, service in services.items():
        for url in service["endpoints"]:
            if endpoint := endpoint_of(url):
                _dial(endpoint, role, heap, tape)


@dataclass(frozen=True)
class _Heap:
    """The entries of a line, of all its endpoints."""

    asked: list[Entry]
    connected: list[tuple[At, Entry]]
    shaken: list[Entry]
    answered: list[tuple[At, str, Entry]]

    def above(self, endpoint: Endpoint) -> dict[str, Entry | None]:
        """The handshake with the endpoint's name, and the request for its URL."""
        if endpoint.scheme not in {"http", "https"}:
            return {}
        page = last(entry for _, url, entry in self.answered if url == endpoint.url)
        if endpoint.scheme == "http":
            return {"requests": page if page is None or self._counts(page) else None}
        shaken = last(entry for entry in self.shaken if entry["server_name"] == endpoint.host)
        shaken = shaken or sealed_failure(page, endpoint)
        return {"tls_handshakes": shaken, "requests": page if shaken else None}

    def _counts(self, page: Entry) -> bool:
        """Whether an answer in the clear may be the service's: not behind a sign-in page, which lets no name pass."""
        telling = page["failure"] is not None or bool(page["response"]["x_fingerprints"])
        return telling or any(entry["failure"] is None and entry["x_verified_name"] for entry in self.shaken)


def _dial(endpoint: Endpoint, role: str, heap: _Heap, tape: Converted) -> None:
    """Every connect at the endpoint's addresses; what came above belongs to the first that worked, as Go dials."""
    given = _given(endpoint.host, heap.asked)
    above = heap.above(endpoint)
    for at, entry in heap.connected:
        if at.address in given and at.port == endpoint.port:
            worked = entry["status"]["failure"] is None
            tape.attempt(endpoint, role, at.address, tcp_connect=entry, **(above if worked else {}))
            above = {} if worked else above


def _given(host: str, asked: list[Entry]) -> set[str]:
    answers = [answer for query in asked if query["hostname"] == host for answer in query["answers"]]
    given = {address(answer.get("ipv4") or answer.get("ipv6")) for answer in answers}
    return {address(host)} if is_address(host) else given


def binding(keys: Entry, services: Services, tape: Converted) -> None:
    """stunreachability: one Binding request; OONI calls it a success where a mapped address came back."""
    asked = queries(keys)
    tape.lookups(asked)
    ((role, service),) = services.items()
    endpoint = endpoint_of(service["endpoints"][0])
    if endpoint is None or "failure" not in keys:
        return
    failed = failure_in(keys["failure"])
    if failed is not None and failed.startswith("dns_"):
        return  # nothing was sent
    response = {"method": "binding", "response": "success" if failed is None else "", "mapped_family": 4}
    for where in _asked_at(endpoint, keys, asked):
        tape.attempt(endpoint, role, where, stun=response | {"failure": failed})


def _asked_at(endpoint: Endpoint, keys: Entry, asked: list[Entry]) -> list[str]:
    """The address that the datagram went to: the connected one, else the only one that the name has."""
    given = _given(endpoint.host, asked)
    events = [event for event in tables(keys.get("network_events")) if event.get("operation") == "connect"]
    used = [ip for event in events if (ip := split(text(event.get("address")))[0]) in given]
    return used[-1:] or (sorted(given) if len(given) == 1 else [])


def resolving(keys: Entry, services: Services, tape: Converted) -> None:
    """dnscheck: the resolver's name is looked up, and a name is asked for at each of its addresses."""
    ((role, service),) = services.items()
    endpoint = endpoint_of(service["endpoints"][0])
    tape.lookups(queries(table(keys.get("bootstrap"))))
    for url, lookup in list(table(keys.get("lookups")).items())[:MOST]:
        at = endpoint_of(resolver_url(text(url)))
        if endpoint is not None and at is not None and is_address(at.host):
            _ask(endpoint, role, address(at.host), table(lookup), tape)


def _ask(endpoint: Endpoint, role: str, ip: str, keys: Entry, tape: Converted) -> None:
    """One question at one address. An answer in the clear proves nothing: nobody else was asked, so it is left out."""
    asked = [query for query in queries(keys) if query["resolver_address"] != "system"]
    answer = last(sorted(asked, key=lambda query: query["failure"] is None and bool(query["answers"])))
    clear = endpoint.facts.is_resolver and not endpoint.facts.authenticates_server
    tape.attempt(
        endpoint,
        role,
        ip,
        tcp_connect=last(entry for at, entry in connects(keys) if at.address == ip),
        tls_handshakes=last(entry for _, entry in handshakes(keys)),
        queries=None if answer is None or (clear and answer["failure"] is None) else answer,
    )

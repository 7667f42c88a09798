"""Write the test keys of false test helpers. They have the form of the real helper's, and nothing was measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from probe.formats.entries import (
    DNSAnswer,
    DNSQuery,
    Entry,
    HTTPRequest,
    HTTPResponse,
    HTTPTransaction,
    MTProtoExchange,
    NoiseHandshake,
    TCPConnect,
)
from probe.formats.exchanges.mail import MailGreeting, MailStartTLS
from probe.formats.exchanges.tls import QUICHandshake, TLSHandshake
from probe.formats.failures import TIMEOUT
from probe.formats.keys import LISTS
from probe.formats.transactions import TransactionRecord
from probe.lab.scenario.scenario_keys import Lie
from probe.lab.services.datagrams import server_module
from probe.lab.world.emulated_world import World
from probe.targets.target import Endpoint, Target, family_of

NO_SERVERS = "192.88.99.222"  # an address of the lab's servers that none of them has


def false_test_keys(world: World, target: Target, services: Sequence[str] | None, lie: Lie) -> dict[str, Any]:
    """Return test keys in which every endpoint fails, works, or works only at an address without server."""
    answer = _Answer()
    if lie == "addresses":
        for name in dict.fromkeys(endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal):
            answer.add(_lookup(name), [_query(name, NO_SERVERS)])
    for role, endpoint, address in _reported(world, target, services, lie):
        works = lie == "successes" or address == NO_SERVERS
        answer.add(_attempt(role, endpoint, address), (_passed if works else _failed)(endpoint, address))
    return answer.test_keys()


class _Answer:
    """Collect transactions and their entries."""

    def __init__(self) -> None:
        self._records: list[TransactionRecord] = []
        self._entries: list[Entry] = []

    def add(self, record: TransactionRecord, entries: Sequence[Entry]) -> None:
        self._records.append(record)
        record.transaction_id = len(self._records)
        for entry in entries:
            entry.transaction_id, entry.t0, entry.t = record.transaction_id, record.t0, record.t
            record.steps += [entry.OPERATION] if entry.failure is None else []
            record.failure = entry.failure
            record.failed_operation = entry.OPERATION if entry.failure is not None else None
        self._entries += entries

    def test_keys(self) -> dict[str, Any]:
        lists = {name: [e.model_dump(mode="json") for e in self._entries if name == e.LIST] for name in LISTS}
        records = [record.model_dump(mode="json") | {"age": 0.1} for record in self._records]
        empty: dict[str, list[Any]] = {name: [] for name in LISTS}
        return {"x_endpoints": lists, "x_followups": empty, "x_transactions": records, "x_bugs": []}


def _reported(
    world: World, target: Target, services: Sequence[str] | None, lie: Lie
) -> Iterator[tuple[str, Endpoint, str]]:
    for service, endpoint in target.endpoints():
        if services is None or service.role in services:
            known = [endpoint.host] if endpoint.is_literal else world.zone.get(endpoint.host, [])
            more = [NO_SERVERS] if lie == "addresses" and not endpoint.is_literal else []
            for address in [*known, *more]:
                yield service.role, endpoint, address


def _attempt(role: str, endpoint: Endpoint, address: str) -> TransactionRecord:
    return TransactionRecord(
        transaction_id=0,
        service=role,
        endpoint=endpoint.url,
        kind="first",
        hostname="" if endpoint.is_literal else endpoint.host,
        sent_name="" if endpoint.is_literal else endpoint.host,
        address=address,
        port=endpoint.port,
        family=family_of(address),
        address_sources=["literal" if endpoint.is_literal else "system"],
        corroborated=True,
        t0=0.1,
        t=10.1,
    )


def _lookup(name: str) -> TransactionRecord:
    return TransactionRecord(transaction_id=0, kind="lookup", hostname=name, address="system", sent_name=name, t=0.1)


def _query(name: str, address: str, engine: str = "system", resolver: str = "system") -> DNSQuery:
    answers = [DNSAnswer(answer_type="A", ipv4=address)]
    return DNSQuery(answers=answers, engine=engine, hostname=name, query_type="A", resolver_address=resolver)


def _failed(endpoint: Endpoint, address: str) -> list[Entry]:
    return [TCPConnect(ip=address, port=endpoint.port, failure=TIMEOUT)]


def _passed(endpoint: Endpoint, address: str) -> list[Entry]:
    """Return the entries of an attempt that passes every layer."""
    at = _At(endpoint, address, f"[{address}]:{endpoint.port}" if ":" in address else f"{address}:{endpoint.port}")
    return [entry for layer in endpoint.facts.layers for entry in _entries(layer, at)]


def _entries(layer: str, at: "_At") -> Sequence[Entry]:
    facts = at.endpoint.facts
    if layer != "payload":
        return _ENTRIES[layer](at)
    if facts.proof in _ENTRIES:
        return _ENTRIES[facts.proof](at)
    return [server_module(facts).claimed(at.endpoint, at.place)]


@dataclass(frozen=True)
class _At:
    """Hold where an attempt claims to have been made. `place` is address and port."""

    endpoint: Endpoint
    address: str
    place: str

    def shaken(self, kind: type[TLSHandshake]) -> TLSHandshake:
        """Return a completed handshake with a valid certificate, which is not shown."""
        name = self.endpoint.host
        return kind(address=self.place, server_name=name, x_verified_name=name, x_answered=True, x_completed=True)

    def page(self) -> HTTPTransaction:
        request = HTTPRequest(url=self.endpoint.url, headers={"Host": self.endpoint.host})
        return HTTPTransaction(address=self.place, request=request, response=HTTPResponse(code=200))

    def mail(self) -> list[Entry]:
        about: dict[str, Any] = {"address": self.place, "protocol": self.endpoint.facts.proof}
        if not self.endpoint.facts.starttls:
            return [MailGreeting(**about, over_tls=True)]
        return [MailGreeting(**about, starttls="offered"), MailStartTLS(**about, accepted=True)]


_ENTRIES: dict[str, Callable[[_At], Sequence[Entry]]] = {
    "tcp": lambda at: [TCPConnect(ip=at.address, port=at.endpoint.port)],
    "tls": lambda at: [at.shaken(TLSHandshake)],
    "quic": lambda at: [at.shaken(QUICHandshake)],
    "http": lambda at: [at.page()],
    "mail": lambda at: at.mail(),
    "mtproto": lambda at: [MTProtoExchange(address=at.place, transport="abridged", nonce_echoed=True)],
    "noise": lambda at: [NoiseHandshake(address=at.place, server_hello=True, chain_valid=True)],
    "answer": lambda at: [_query(at.endpoint.host, NO_SERVERS, at.endpoint.scheme.removeprefix("dns+"), at.place)],
}
"""Entries by layer, and by proof for payloads that are in no echo pair. The other servers know their entry."""

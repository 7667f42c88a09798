"""Convert the answer of a helper with OONI's protocol into test keys as our own helper writes them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from probe.control.attempt_times import BEGAN
from probe.control.ooni_request import HelperPost, Tried
from probe.control.sendable_addresses import parsed
from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, Entry, HTTPRequest, HTTPResponse, HTTPTransaction, TCPConnect
from probe.formats.exchanges.tls import QUICHandshake, TLSHandshake
from probe.formats.keys import LISTS
from probe.formats.ooni_helper import NAME_ERROR, meant_by_tcp
from probe.formats.transactions import TransactionRecord
from probe.privacy.scrub import scrub_text
from probe.steps.connection import address_of
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import Endpoint, family_of

RESOLVER = "testhelper"  # stands for its resolver, which it does not name
MOST_ADDRESSES = 16  # per answer
LONGEST_FAILURE = 200

Answer = Mapping[str, Any]
Verdict = tuple[bool, str | None]
_NOT_SAID: Verdict = (False, None)


def test_keys(answered: Iterable[tuple[HelperPost, Answer]], *, own_roots: bool = False) -> dict[str, Any]:
    """Return test keys with one transaction for each endpoint and address that the helper tried.

    `own_roots`: the target's certificates come from authorities that this helper does not know. Its certificate errors
    then prove nothing.
    """
    keys = _Keys(own_roots)
    for question, answer in answered:
        keys.lookup(question, answer)
        for ip in addresses(question, answer):
            for tried in endpoints_at(question, ip):
                keys.attempt(question, answer, ip, tried)
        keys.page(question, answer)
    return keys.dump()


def proven_families(answered: Iterable[tuple[HelperPost, Answer]]) -> frozenset[int]:
    """Return the families over which the helper completed a TLS handshake with a requested name."""
    return frozenset(
        family_of(ip)
        for question, answer in answered
        for ip in addresses(question, answer)
        if question.host and handshake(question, answer, ip)[0]
    )


def addresses(question: HelperPost, answer: Answer) -> list[str]:
    """Return the addresses at which the helper tried the question's port: ours and its own resolver's."""
    known = dict.fromkeys([*question.at, *resolved(answer)])
    done = {*_table(answer.get("tcp_connect")), *_table(answer.get("quic_handshake"))}
    return [ip for ip in known if address_of(ip, question.port) in done]


def resolved(answer: Answer) -> list[str]:
    """Return the public addresses from the helper's resolver."""
    given = _table(answer.get("dns")).get("addrs")
    said = [ip for ip in given if isinstance(ip, str)] if isinstance(given, list) else []
    public = (ip for ip in said if may_contact(ip, Contacts.PUBLIC))
    return list(dict.fromkeys(str(parsed(ip)) for ip in public))[:MOST_ADDRESSES]


def handshake(
    question: HelperPost, answer: Answer, ip: str, kind: Literal["tls_handshake", "quic_handshake"] = "tls_handshake"
) -> Verdict:
    """Return success and failure of a handshake at an address. (False, None) means that none was made."""
    said = _table(_table(answer.get(kind)).get(address_of(ip, question.port)))
    return _verdict(said) if said.get("server_name") == question.host else _NOT_SAID


def endpoints_at(question: HelperPost, ip: str) -> list[Tried]:
    """Return the endpoints that an attempt at this address describes."""
    return question.anywhere or question.at.get(ip, [])


def _verdict(said: Mapping[str, Any]) -> Verdict:
    """Return success or a network failure. Contradictions and faults of the helper are neither."""
    status, failure = said.get("status"), said.get("failure")
    if status is True and failure is None:
        return True, None
    if status is False and isinstance(failure, str) and failure and not f.is_local(failure):
        return False, scrub_text(failure.encode("utf-8", "replace").decode())[:LONGEST_FAILURE]
    return _NOT_SAID


@dataclass
class _Keys:
    """Build test keys. OONI's helper gives no times, so all are 0."""

    own_roots: bool
    records: list[dict[str, Any]] = field(default_factory=list)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in LISTS})

    def dump(self) -> dict[str, Any]:
        followups: dict[str, list[Any]] = {name: [] for name in LISTS}
        return {
            "x_endpoints": self.lists,
            "x_followups": followups,
            "x_transactions": self.records,
            "x_bugs": [],
        }

    def lookup(self, question: HelperPost, answer: Answer) -> None:
        """Add the helper's DNS answer or its NXDOMAIN. Other failures may come from its own resolver."""
        dns = _table(answer.get("dns"))
        failure, given = dns.get("failure"), resolved(answer)
        if not question.anywhere or failure not in (None, NAME_ERROR) or not isinstance(dns.get("addrs"), list):
            return
        if not given and failure is None and dns["addrs"]:
            return  # no part of it is an address of the public Internet
        self._keep(
            question,
            TransactionRecord(transaction_id=0, kind="lookup", hostname=question.host, sent_name=question.host),
            [
                DNSQuery(
                    engine=RESOLVER,
                    hostname=question.host,
                    query_type=query_type,
                    resolver_address=RESOLVER,
                    answers=mine,
                    failure=f.DNS_NXDOMAIN if failure else None if given else f.DNS_NO_ANSWER,
                )
                for query_type, mine in _by_type(given, _table(answer.get("ip_info")))
                if mine or (not given and query_type == "A")
            ],
        )

    def attempt(self, question: HelperPost, answer: Answer, ip: str, tried: Tried) -> None:
        """Add one endpoint at one address as far as the helper went."""
        role, endpoint = tried
        entries = list(self._entries(question, answer, ip, endpoint))
        if entries:
            self._keep(question, _record(role, endpoint, ip, question, answer), entries)

    def page(self, question: HelperPost, answer: Answer) -> None:
        """Add the page that the helper fetched by name, from an address that it does not report.

        A failure may belong to a redirect's host, so it is added to no endpoint.
        """
        said = _table(answer.get("http_request"))
        code = said.get("status_code")
        if said.get("failure") is not None or not isinstance(code, int) or not 100 <= code < 600:
            return
        for role, endpoint in question.anywhere:
            if endpoint.scheme == "https" and question.url.endswith(f":{endpoint.port}{endpoint.path or '/'}"):
                record = TransactionRecord(
                    transaction_id=0,
                    service=role,
                    endpoint=endpoint.url,
                    kind="first",
                    hostname=endpoint.host,
                    port=endpoint.port,
                    sent_name=endpoint.host,
                )
                request = HTTPRequest(url=question.url, headers={"Host": endpoint.host})
                self._keep(question, record, [HTTPTransaction(request=request, response=HTTPResponse(code=code))])

    def _entries(self, question: HelperPost, answer: Answer, ip: str, endpoint: Endpoint) -> Iterator[Entry]:
        address = address_of(ip, question.port)
        if endpoint.scheme == "quic":
            said = handshake(question, answer, ip, "quic_handshake")
            yield from self._shake(QUICHandshake(address=address), said, endpoint.host)
            return
        connected, failure = _verdict(_table(_table(answer.get("tcp_connect")).get(address)))
        if connected or failure is not None:
            yield TCPConnect(ip=ip, port=question.port, failure=meant_by_tcp(failure) if failure else None)
        if connected and endpoint.facts.tls_first:
            yield from self._shake(TLSHandshake(address=address), handshake(question, answer, ip), endpoint.host)

    def _shake(self, entry: TLSHandshake, verdict: Verdict, name: str) -> Iterator[Entry]:
        fine, failure = verdict
        refused = failure in f.CERTIFICATE_FAILURES
        if fine or (failure is not None and not (refused and self.own_roots)):
            entry.server_name = entry.x_verified_name = name
            entry.failure, entry.x_engine = failure, RESOLVER
            entry.x_answered = entry.x_completed = fine or refused
            yield entry

    def _keep(self, question: HelperPost, record: TransactionRecord, entries: list[Any]) -> None:
        record.transaction_id = len(self.records) + 1
        for entry in entries:
            entry.transaction_id = record.transaction_id
            if entry.failure is None:
                record.steps.append(entry.OPERATION)
            else:
                record.failed_operation, record.failure = entry.OPERATION, entry.failure
            self.lists[entry.LIST].append(entry.model_dump(mode="json"))
        self.records.append(record.model_dump(mode="json") | {BEGAN: question.sent_at})


def _record(role: str, endpoint: Endpoint, ip: str, question: HelperPost, answer: Answer) -> TransactionRecord:
    given = {"literal": endpoint.is_literal, "probe": ip in question.at, "control": ip in resolved(answer)}
    return TransactionRecord(
        transaction_id=0,
        service=role,
        endpoint=endpoint.url,
        kind="first",
        hostname="" if endpoint.is_literal else endpoint.host,
        address=ip,
        port=question.port,
        family=family_of(ip),
        address_sources=[source for source, holds in given.items() if holds],
        sent_name="" if endpoint.is_literal else endpoint.host,
    )


def _by_type(given: list[str], about: Mapping[str, Any]) -> list[tuple[str, list[DNSAnswer]]]:
    found: dict[str, list[DNSAnswer]] = {"A": [], "AAAA": []}
    for ip in given:
        asn = _table(about.get(ip)).get("asn")
        network = asn if isinstance(asn, int) and not isinstance(asn, bool) and 0 < asn < 2**32 else None
        query_type = "AAAA" if ":" in ip else "A"
        place = {"ipv6": ip} if ":" in ip else {"ipv4": ip}
        found[query_type].append(DNSAnswer(answer_type=query_type, asn=network, **place))  # type: ignore[arg-type]
    return list(found.items())


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

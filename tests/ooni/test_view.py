"""Test OONI's view: what its probe would have written of our measurement, with each entry in one list only."""

from datetime import date
from typing import Any

import pytest

from probe.analysis.measurement_reader import observations
from probe.dialogue import always_get
from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery, Entry, HTTPRequest, HTTPTransaction, NoiseHandshake, TCPConnect
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.keys import Lists
from probe.formats.transactions import TransactionRecord
from probe.ooni.view import OONIAttempt, View, ooni_view
from probe.run.measurement_keys import sections
from probe.session.trace import Trace
from probe.targets.target import Service, Target, family_of, parse_endpoint

NAME, URL = "service.example", "https://service.example:443/"
CHAT = "noise://service.example:5222"
STUN = "stun://service.example:3478;transport=udp"


def target(*ooni: str, others: tuple[str, ...] = ()) -> Target:
    endpoints = [parse_endpoint(url, ooni=True) for url in ooni] + [parse_endpoint(url) for url in others]
    return Target("t", "telegram", "", "", date(2026, 1, 1), {"web": Service("web", "all", tuple(endpoints))}, "")


class Written:
    """Build a trace as it is after a measurement."""

    def __init__(self) -> None:
        self.trace = Trace()

    def add(self, kind: Any, *entries: Entry, **about: Any) -> TransactionRecord:
        number = len(self.trace.transactions) + 1
        record = TransactionRecord(transaction_id=number, kind=kind, t0=number, t=number + 0.5, **about)
        for entry in entries:
            entry.transaction_id, entry.t0, entry.t = number, number, number + 0.5
            if entry.failure is not None:
                record.failed_operation, record.failure = entry.OPERATION, entry.failure
            else:
                record.steps.append(entry.OPERATION)
        self.trace.transactions.append(record)
        self.trace.entries += entries
        return record

    def lookup(self, *ips: str, failure: str | None = None, name: str = NAME) -> None:
        entries = []
        for kind, key in (("A", "ipv4"), ("AAAA", "ipv6")):
            mine = [ip for ip in ips if (":" in ip) == (kind == "AAAA")]
            answers = [DNSAnswer(answer_type=kind, **{key: ip}) for ip in mine]  # type: ignore[arg-type]
            missing = failure or (None if answers else f.DNS_NO_ANSWER)
            entries.append(DNSQuery(engine="system", hostname=name, query_type=kind, answers=answers, failure=missing))
        self.add("lookup", *entries, hostname=name, address="system")
        self.add("lookup", DNSQuery(engine="udp", hostname=name, query_type="A"), hostname=name, address="system")

    def first(self, ip: str, *failures: str | None, url: str = URL, **about: Any) -> TransactionRecord:
        """Add a chain of connect, handshake and request, with one failure (or None) per step."""
        endpoint = parse_endpoint(url)
        chain: list[Entry] = [TCPConnect(ip=ip, port=endpoint.port)]
        if endpoint.scheme == "noise":
            chain.append(NoiseHandshake(address=ip))
        if endpoint.scheme == "https":
            chain.append(TLSHandshake(address=ip, server_name=endpoint.host))
        if endpoint.scheme in {"http", "https"}:
            chain.append(HTTPTransaction(request=HTTPRequest(url="https://service.example/")))
        for entry, failure in zip(chain, failures, strict=False):
            entry.failure = failure
        family = family_of(ip)
        about = {"kind": "first", "endpoint": url, "address": ip, "family": family} | about
        return self.add(about.pop("kind"), *chain[: len(failures)], **about)


def connects(view: View) -> list[str]:
    return [entry.ip for entry in view.entries() if isinstance(entry, TCPConnect)]


def only(view: View) -> OONIAttempt:
    (seen,) = view.seen
    return seen


def requests(view: View) -> list[HTTPTransaction]:
    return [entry for entry in view.entries() if isinstance(entry, HTTPTransaction)]


def test_ipv4_addresses_are_listed_in_order_until_one_connects() -> None:
    written = Written()
    written.lookup("2001:db8::1", "192.0.2.2", "192.0.2.1", "192.0.2.3")
    written.first("2001:db8::1", None, None, None)
    written.first("192.0.2.3", None, None, None)
    written.first("192.0.2.1", None, None, None)
    written.first("192.0.2.2", f.REFUSED)
    view = ooni_view(written.trace, target(URL), always_get)
    assert connects(view) == ["192.0.2.2", "192.0.2.1"]
    assert only(view).failure is None
    assert len(requests(view)) == 1 and requests(view)[0].transaction_id == 5


def test_each_url_has_one_request_also_if_it_failed_before_http() -> None:
    for failures, operation in (([f.TIMEOUT], "connect"), ([None, f.RESET], "tls_handshake")):
        written = Written()
        written.lookup("192.0.2.1")
        written.first("192.0.2.1", *failures)
        view = ooni_view(written.trace, target(URL), always_get)
        (request,) = requests(view)
        assert request.failure == failures[-1] and only(view).operation == operation
        assert request.request.url == "https://service.example/"
        assert request.model_dump()["response"]["code"] == 0
    assert [type(entry) for entry in only(view).entries] == [TCPConnect, TLSHandshake, HTTPTransaction]


def test_unresolved_name_is_failure_of_its_url() -> None:
    written = Written()
    written.lookup(failure=f.DNS_NXDOMAIN)
    view = ooni_view(written.trace, target(URL), always_get)
    assert (only(view).operation, requests(view)[0].failure) == ("resolve", f.DNS_NXDOMAIN)
    assert [query.query_type for query in view.queries] == ["A", "AAAA"]


def test_family_without_answers_is_omitted() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    view = ooni_view(written.trace, target(URL), always_get)
    assert [(query.query_type, query.engine) for query in view.queries] == [("A", "system")]


def test_steps_that_did_not_run_are_omitted() -> None:
    assert ooni_view(Trace(), target(URL), always_get).entries() == []
    written = Written()
    written.lookup("192.0.2.1")
    written.add("first", endpoint=URL, address="192.0.2.1", failure=f.BUDGET, failed_operation="top_level")
    assert ooni_view(written.trace, target(URL), always_get).seen == []


def test_noise_endpoint_has_connect_only() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    written.first("192.0.2.1", None, "eof_error", url=CHAT)
    view = ooni_view(written.trace, target(CHAT), always_get)
    assert connects(view) == ["192.0.2.1"] and only(view).failure is None
    _, endpoints, _ = sections(written.trace, view)
    assert len(endpoints.noise) == 1 and endpoints.tcp_connect == []


def test_datagram_endpoint_has_lookup_only() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    written.add(
        "first", endpoint=STUN, address="192.0.2.1", family=4, failure=f.TIMEOUT, failed_operation="stun_exchange"
    )
    view = ooni_view(written.trace, target(STUN), always_get)
    assert (view.seen, view.untried) == ([], []) and len(view.queries) == 1
    written = Written()
    written.lookup(failure=f.DNS_NXDOMAIN)
    assert only(ooni_view(written.trace, target(STUN), always_get)).operation == "resolve"


def test_exchange_at_first_address_is_listed() -> None:
    written = Written()
    written.lookup("2001:db8::1", "192.0.2.2", "192.0.2.1")
    failed: dict[str, Any] = {"failure": f.TIMEOUT, "failed_operation": "stun_exchange"}
    written.add("first", endpoint=STUN, address="192.0.2.1", family=4)
    written.add("first", endpoint=STUN, address="2001:db8::1", family=6)
    ours = written.add("first", endpoint=STUN, address="192.0.2.2", family=4, **failed)
    view = ooni_view(written.trace, target(STUN), always_get, lambda endpoint: "exchange")
    assert (only(view).address, only(view).failure, only(view).entries) == ("192.0.2.2", f.TIMEOUT, [])
    ours.failure, ours.failed_operation = f.BUDGET, "top_level"  # it was not sent, so the next one is the first
    view = ooni_view(written.trace, target(STUN), always_get, lambda endpoint: "exchange")
    assert (only(view).address, only(view).failure) == ("192.0.2.1", None)


def test_every_address_has_its_own_result() -> None:
    written = Written()
    written.lookup("192.0.2.1", "2001:db8::1")
    written.first("192.0.2.1", None, f.RESET)
    written.first("2001:db8::1", None, None, None)
    view = ooni_view(written.trace, target(URL), always_get, lambda endpoint: "every_address")
    assert [(one.address, one.operation, one.failure) for one in view.seen] == [
        ("192.0.2.1", "tls_handshake", f.RESET),
        ("2001:db8::1", None, None),
    ]
    kinds = [[type(entry) for entry in one.entries] for one in view.seen]
    assert kinds == [[TCPConnect, TLSHandshake], [TCPConnect, TLSHandshake, HTTPTransaction]]


def test_untried_endpoints_are_listed() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    assert [e.url for e in ooni_view(written.trace, target(URL, CHAT), always_get).untried] == [URL, CHAT]


@pytest.mark.parametrize(("broke_off", "fails"), [(f.RESET, True), (f.EOF, True), (f.TIMEOUT, False), (None, False)])
def test_incomplete_body_is_failure_in_ooni_keys_only(broke_off: str | None, fails: bool) -> None:
    written = Written()
    written.lookup("192.0.2.1")
    written.first("192.0.2.1", None, None, None)
    (ours,) = [entry for entry in written.trace.entries if isinstance(entry, HTTPTransaction)]
    ours.response.code, ours.response.x_body_failure = 200, broke_off
    view = ooni_view(written.trace, target(URL), always_get)
    own, endpoints, _ = sections(written.trace, view)
    assert [request.failure for request in own.requests] == [broke_off if fails else None]
    assert only(view).operation == ("http_round_trip" if fails else None)
    assert endpoints.requests == [] and ours.failure is None  # one list, and our own entry is unchanged
    (row,) = [row for row in observations(as_keys(written, own), "probe") if row.http_attempts]
    assert row.http_failure is None and row.http_code == 200


def as_keys(written: Written, own: Lists) -> dict[str, Any]:
    records = [record.model_dump(mode="json") for record in written.trace.transactions]
    return {**own.model_dump(mode="json"), "x_transactions": records}


def test_only_first_attempts_at_ooni_endpoints_are_listed() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    first = written.first("192.0.2.1", None, f.RESET)
    written.first("192.0.2.1", None, f.RESET, kind="confirm", cause=first.transaction_id)
    written.first("192.0.2.1", None, None, kind="innocuous")
    written.first("192.0.2.9", None, None, kind="followup", followup="alternative_address")
    written.first("192.0.2.7", None, None, url="https://other.example:443/")
    view = ooni_view(written.trace, target(URL, others=("https://other.example:443/",)), always_get)
    assert connects(view) == ["192.0.2.1"]
    own, endpoints, followups = sections(written.trace, view)
    assert len(own.tcp_connect) == 1 and len(own.requests) == 1
    assert sorted(e.transaction_id for e in endpoints.tcp_connect) == [4, 5, 7]
    assert [e.transaction_id for e in followups.tcp_connect] == [6]


def test_successful_confirmation_keeps_failure_of_first_attempt() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    first = written.first("192.0.2.1", f.TIMEOUT)
    written.first("192.0.2.1", None, None, None, kind="confirm", cause=first.transaction_id)
    view = ooni_view(written.trace, target(URL), always_get)
    assert only(view).failure == f.TIMEOUT and connects(view) == ["192.0.2.1"]


def test_every_entry_is_in_one_list() -> None:
    written = Written()
    written.lookup("192.0.2.1", "2001:db8::1")
    written.first("192.0.2.1", None, None, None)
    written.first("2001:db8::1", None, None, None)
    written.first("192.0.2.1", None, None, kind="followup", followup="other_name_same_address")
    for view in (ooni_view(written.trace, target(URL), always_get), None):
        places = sections(written.trace, view)
        assert sum(len(entries) for place in places for _, entries in place) == len(written.trace.entries)


def test_requests_are_newest_first_and_other_entries_oldest_first() -> None:
    written = Written()
    written.lookup("192.0.2.1")
    written.first("192.0.2.1", None, None, None)
    written.first("192.0.2.2", None, None, None)
    own, _, _ = sections(written.trace, None)
    assert [request.transaction_id for request in own.requests] == [4, 3]
    assert [connect.transaction_id for connect in own.tcp_connect] == [3, 4]


def test_summary_keys_have_no_unknown_failure_of_handshake() -> None:
    """Check that no summary key starts with `unknown_failure`, which OONI's backend counts as a failed measurement."""
    alert = "unknown_failure: remote error: tls: handshake failure"
    endpoint = parse_endpoint(URL)
    assert (
        OONIAttempt("web", endpoint, operation="tls_handshake", failure=alert).summary_failure == f.SSL_FAILED_HANDSHAKE
    )
    assert OONIAttempt("web", endpoint, operation="tls_handshake", failure=f.RESET).summary_failure == f.RESET
    assert OONIAttempt("web", endpoint).summary_failure is None

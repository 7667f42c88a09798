"""Test the rows of a measurement and the values in them, also for invalid input."""

import base64
from typing import Any

import pytest

from probe.analysis.measurement_reader import observations, read_measurement
from probe.analysis.observations.failure_kinds import dns_kind_of, is_local, kind_of
from probe.analysis.observations.leaf_certificate import leaf_of
from probe.analysis.observations.observation import CONTROL, PROBE
from probe.analysis.ruleset.mechanisms import ALL, LEAVES, ancestors, deepest, is_mechanism
from probe.privacy.host_names import site_of
from probe.signatures.bogons import is_bogon
from tests.support.measurements.certificates import certificate
from tests.support.measurements.lines import GENUINE, Lines

URL = "https://web.telegram.org:443/"


def chain(*ders: bytes) -> list[dict[str, str]]:
    return [{"format": "base64", "data": base64.b64encode(der).decode()} for der in ders]


def test_one_row_per_transaction_for_probe_and_control() -> None:
    lines = Lines({"web": [URL]})
    lines.compared = False
    lines.lookup("web.telegram.org", GENUINE)
    lines.first(URL, GENUINE, "tls:connection_reset")
    lines.neutral(URL)
    lines.control(URL, GENUINE)
    rows = read_measurement(lines.line()).rows
    assert [(row.origin, row.transaction_id) for row in rows] == [(PROBE, 1), (PROBE, 2), (PROBE, 3), (CONTROL, 1)]
    assert (rows[1].tcp_attempts, rows[1].tcp_failure) == (1, None)
    assert (rows[1].tls_attempts, rows[1].tls_failure, rows[1].http_attempts) == (1, "connection_reset", 0)
    assert [query.answer.addresses for query in rows[0].queries if query.query_type == "A"] == [(GENUINE,)]


def test_ooni_request_of_failed_connection_is_no_attempt() -> None:
    keys = {
        "x_transactions": [{"transaction_id": 1, "kind": "first"}],
        "tcp_connect": [{"transaction_id": 1, "status": {"success": False, "failure": "connection_refused"}}],
        "requests": [{"transaction_id": 1, "failure": "connection_refused", "response": {"code": 0}}],
    }
    (row,) = observations(keys, PROBE)
    assert (row.tcp_failure, row.http_attempts) == ("connection_refused", 0)


def test_entries_are_found_in_every_list() -> None:
    entry = {"transaction_id": 1, "status": {"success": True, "failure": None}}
    lists = {"tcp_connect": [entry]}
    places: list[dict[str, Any]] = [lists, *({place: lists} for place in ("x_endpoints", "x_followups", "bootstrap"))]
    for keys in [*places, {"lookups": {"https://192.0.2.1/dns-query": lists}}]:  # the last two belong to dnscheck
        (row,) = observations(keys | {"x_transactions": [{"transaction_id": 1}]}, PROBE)
        assert row.tcp_attempts == 1


@pytest.mark.parametrize("invalid", [None, 7, "x", [], [{}], {"a": 7}, {"a": {"queries": 7}}])
def test_invalid_lookups_give_no_queries(invalid: Any) -> None:
    keys = {"lookups": invalid, "bootstrap": invalid, "x_endpoints": invalid, "x_transactions": [{"transaction_id": 1}]}
    (row,) = observations(keys, PROBE)
    assert (row.queries, row.tcp_attempts) == ((), 0)


def test_failed_control_gives_no_rows() -> None:
    line = {"test_keys": {"x_control": {"failure": "connection_refused", "test_keys": {"x_transactions": [{}]}}}}
    assert read_measurement(line).rows == []


def test_leaf_gives_digest_and_issuer() -> None:
    own, issued = certificate("a.example", ""), certificate("a.example", "Somebody")
    assert leaf_of(chain(own), "a.example").self_signed
    leaf = leaf_of(chain(issued, own), "a.example")
    assert (leaf.self_signed, leaf.bears_name) == (False, True)
    assert leaf.issuer == leaf_of(chain(certificate("b.example", "Somebody")), "x.y").issuer
    assert not leaf_of(chain(issued), "c.example").bears_name
    assert leaf_of(chain(certificate("*.a.example", "Somebody")), "web.a.example").bears_name


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_invalid_leaf_gives_empty_fields(cut: int) -> None:
    leaf = leaf_of(chain(certificate("a.example")[:cut]), "a.example")
    assert (leaf.issuer, leaf.self_signed) == ("", False)


@pytest.mark.parametrize("value", [None, [], "x", [1], [{"data": "!"}], [{"data": None}], [{"data": "//79"}]])
def test_invalid_chain_gives_empty_leaf(value: Any) -> None:
    assert leaf_of(value, "a.example").issuer == ""


@pytest.mark.parametrize(
    "ip",
    [
        "10.10.34.34",
        "127.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "::1",
        "fe80::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "nonsense",
        "",
    ],
)
def test_bogon_addresses_are_recognised(ip: str) -> None:
    assert is_bogon(ip)


@pytest.mark.parametrize("ip", ["149.154.167.99", "8.8.8.8", "2001:67c:4e8::1", "2002:808:808::1"])
def test_public_addresses_are_no_bogons(ip: str) -> None:
    assert not is_bogon(ip)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (None, ""),
        ("connection_reset", "reset"),
        ("generic_timeout_error", "timeout"),
        ("timed_out", "timeout"),
        ("eof_error", "closed"),
        ("unknown_failure: remote error: tls: handshake failure", "closed"),
        ("ssl_invalid_hostname", "certificate"),
        ("interrupted", "local"),
        ("unknown_failure: too many open files", "local"),
        ("unknown_failure: probe bug: KeyError", "local"),
        ("something else", "other"),
    ],
)
def test_failures_are_sorted_into_kinds(failure: str | None, kind: str) -> None:
    assert kind_of(failure) == kind
    assert is_local(failure) == (kind == "local")


def test_dns_failures_are_sorted_into_kinds() -> None:
    assert [dns_kind_of(f) for f in (None, "dns_nxdomain_error", "dns_refused_error", "x")] == [
        "",
        "nxdomain",
        "refused",
        "other",
    ]


def test_mechanisms_form_a_tree() -> None:
    assert len(LEAVES) == len(set(LEAVES))
    assert ancestors("tls.reset.sni") == ("tls.reset.sni", "tls.reset", "tls")
    assert all(is_mechanism(node) for leaf in LEAVES for node in ancestors(leaf))
    assert not is_mechanism("tls.reset.snow")
    assert not is_mechanism("")
    assert {"dns.injection.bogon", "protocol", "http.reset"} <= ALL
    assert deepest({"tls", "tls.reset", "tls.reset.sni", "dns"}) == ["dns", "tls.reset.sni"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("web.telegram.org", "www.telegram.org", True),
        ("telegram.org", "t.me", False),
        ("www.bbc.co.uk", "bbc.co.uk", True),
        ("www.bbc.co.uk", "www.itv.co.uk", False),
        ("a", "a", True),
    ],
)
def test_names_of_one_site_are_recognised(one: str, other: str, same: bool) -> None:
    assert (site_of(one) == site_of(other)) is same

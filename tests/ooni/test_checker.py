"""Test the checker itself: a valid measurement passes, and for every rule one measurement breaks only that rule."""

import copy
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from probe.formats import failures as f
from probe.formats.entries import (
    BinaryData,
    DNSAnswer,
    DNSQuery,
    HTTPRequest,
    HTTPResponse,
    HTTPTransaction,
    TCPConnect,
)
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.measurement import Measurement
from probe.run.vantage import ENGINE_VERSION
from tests.support.ooni.checker import problems
from tests.support.ooni.facts import FACEBOOK_HOSTS

Line = dict[str, Any]
START = datetime.datetime(2026, 11, 24, 13, 5, tzinfo=datetime.UTC)


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.telegram.org")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, START + datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


CERTIFICATE = certificate()


def valid_measurement() -> Line:
    """Return a telegram measurement as our own classes write it."""
    web, web_url = "149.154.167.99", "https://web.telegram.org/"
    answer = DNSAnswer(answer_type="A", ipv4=web, ttl=60)
    query = DNSQuery(engine="system", hostname="web.telegram.org", query_type="A", answers=[answer], transaction_id=1)
    connect = TCPConnect(ip=web, port=443, t0=0.1, t=0.2, transaction_id=2)
    chain = [BinaryData.of(CERTIFICATE)]
    handshake = TLSHandshake(
        address=f"{web}:443", server_name="web.telegram.org", peer_certificates=chain, tls_version="TLSv1.3", t=0.3
    )
    response = HTTPResponse(code=200, headers={"Server": "nginx"}, headers_list=[("Server", "nginx")])
    request = HTTPTransaction(request=HTTPRequest(url=web_url), response=response, t=0.4)
    data_centre = HTTPTransaction(
        request=HTTPRequest(url="http://149.154.167.51:443/", method="POST"), failure=f.EOF, t=0.4
    )
    keys: Line = {
        "agent": "redirect",
        "failed_operation": None,
        "failure": None,
        "socksproxy": None,
        "network_events": [],
        "queries": [query.model_dump(mode="json")],
        "tcp_connect": [connect.model_dump(mode="json")],
        "tls_handshakes": [handshake.model_dump(mode="json")],
        "requests": [request.model_dump(mode="json"), data_centre.model_dump(mode="json")],
        "telegram_http_blocking": False,
        "telegram_tcp_blocking": False,
        "telegram_web_status": "ok",
        "telegram_web_failure": None,
        "x_endpoints": {"queries": [], "tcp_connect": [], "tls_handshakes": [], "requests": [], "mtproto": []},
        "x_revision": 1,
    }
    return Measurement(
        annotations={"engine_version": ENGINE_VERSION},
        input=None,
        measurement_start_time=START,
        probe_asn="AS64500",
        probe_cc="XX",
        software_version="0.1.0",
        test_keys=keys,
        test_name="telegram",
        test_runtime=1.5,
        test_start_time=START,
        test_version="0.3.1",
    ).model_dump(mode="json")


def whatsapp_measurement() -> Line:
    line = valid_measurement()
    line["test_name"], line["test_version"] = "whatsapp", "0.11.0"
    keys = line["test_keys"]
    for name in [key for key in keys if key.startswith("telegram_")]:
        del keys[name]
    keys |= {"queries": [], "tcp_connect": [], "tls_handshakes": [], "requests": [], "whatsapp_endpoints_blocked": []}
    keys |= {"whatsapp_endpoints_dns_inconsistent": [], "whatsapp_endpoints_status": "ok", "whatsapp_web_status": "ok"}
    keys |= {"whatsapp_web_failure": None, "registration_server_failure": None, "registration_server_status": "ok"}
    return line


def bare(test_name: str, version: str, measured: str | None, **keys: Any) -> Line:
    line = valid_measurement()
    line |= {"test_name": test_name, "test_version": version, "input": measured}
    ours = {key: value for key, value in line["test_keys"].items() if key.startswith("x_")}
    line["test_keys"] = ours | keys
    return line


def inherited() -> Line:
    """Return urlgetter's keys, empty."""
    lists: Line = {key: [] for key in ("network_events", "queries", "tcp_connect", "tls_handshakes", "requests")}
    return {"agent": "redirect", "failed_operation": None, "failure": None, "socksproxy": None, **lists}


def signal_measurement() -> Line:
    return bare("signal", "0.2.5", None, **inherited(), signal_backend_status="ok", signal_backend_failure=None)


def facebook_measurement() -> Line:
    keys = {f"facebook_{host}_{what}": True for host in FACEBOOK_HOSTS for what in ("dns_consistent", "reachable")}
    blocking = {"facebook_dns_blocking": False, "facebook_tcp_blocking": False}
    return bare("facebook_messenger", "0.2.1", None, **inherited(), **keys, **blocking)


def stun_measurement() -> Line:
    query = DNSQuery(engine="system", hostname="stun.example", query_type="A").model_dump(mode="json")
    keys = {"endpoint": "stun.example:3478", "failure": None, "network_events": [], "queries": [query]}
    return bare("stunreachability", "0.4.0", "stun://stun.example:3478", **keys)


def dnscheck_measurement() -> Line:
    query = DNSQuery(engine="system", hostname="dns.example", query_type="A").model_dump(mode="json")
    keys = {"domain": "example.org", "x_default_addrs": "", "x_residual": False, "bootstrap_failure": None}
    lookups = {"https://192.0.2.1/dns-query": inherited(), "https://[2001:db8::1]/dns-query": inherited()}
    bootstrap = inherited() | {"queries": [query]}
    return bare("dnscheck", "0.9.3", "https://dns.example/dns-query", **keys, bootstrap=bootstrap, lookups=lookups)


def events_measurement() -> Line:
    line = valid_measurement()
    address = line["test_keys"]["tls_handshakes"][0]["address"]
    line["test_keys"]["tls_handshakes"][0]["transaction_id"] = 2
    line["test_keys"]["network_events"] = [
        {"operation": "connect", "address": address, "t": 0.1, "transaction_id": 2},
        {"operation": "tls_handshake_done", "address": address, "t": 0.3, "transaction_id": 2},
    ]
    return line


@pytest.mark.parametrize(
    "line",
    [
        valid_measurement,
        whatsapp_measurement,
        events_measurement,
        signal_measurement,
        facebook_measurement,
        stun_measurement,
        dnscheck_measurement,
    ],
)
def test_valid_measurement_passes(line: Callable[[], Line]) -> None:
    assert problems(line()) == []


def put(*path: Any, value: Any) -> Callable[[Line], None]:
    """Return a change that sets the value at `path`. A KeyError value deletes it."""

    def change(line: Line) -> None:
        place: Any = line
        for step in path[:-1]:
            place = place[step]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


def add(*path: Any, value: Any) -> Callable[[Line], None]:
    def change(line: Line) -> None:
        place: Any = line
        for step in path:
            place = place[step]
        place.append(value)

    return change


K = "test_keys"
LOOKUP = "https://192.0.2.1/dns-query"
ENTRY_OF = {
    "tcp": TCPConnect(ip="149.154.175.50", port=80).model_dump(mode="json"),
    "unrelated": TCPConnect(ip="192.0.2.1", port=443).model_dump(mode="json"),
    "5222": TCPConnect(ip="149.154.175.50", port=5222).model_dump(mode="json"),
}
VIOLATIONS: list[tuple[str, Callable[[], Line], Callable[[Line], None]]] = [
    ("rule 1:", valid_measurement, put("input", value=KeyError)),
    ("rule 1:", valid_measurement, put("input", value=["a"])),
    ("rule 2:", valid_measurement, put("measurement_start_time", value="2026-11-24T13:05:00Z")),
    ("rule 2:", valid_measurement, put("test_start_time", value="2026-11-24 13:05:00.5")),
    ("rule 2:", valid_measurement, put("test_start_time", value="2026-1-4 13:05:00")),
    ("rule 3:", valid_measurement, put("test_runtime", value=None)),
    ("rule 3:", valid_measurement, put("test_runtime", value="1")),
    ("rule 3:", valid_measurement, put("test_runtime", value=True)),
    ("rule 4:", valid_measurement, put(K, value=None)),
    ("rule 5:", valid_measurement, put("probe_asn", value="64500")),
    ("rule 5:", valid_measurement, put("probe_asn", value="AS064500")),
    ("rule 5:", valid_measurement, put("probe_cc", value="xx")),
    ("rule 5:", valid_measurement, put("resolver_asn", value="")),
    (
        "rule 6:",
        events_measurement,
        put(K, "network_events", value=[{"operation": "connect", "t": 0.1, "transaction_id": 0}]),
    ),
    ("rule 6:", events_measurement, put(K, "tls_handshakes", 0, "transaction_id", value=9)),
    ("rule 6:", events_measurement, put(K, "network_events", 0, "address", value="192.0.2.7:443")),
    (
        "rule 6b:",
        events_measurement,
        add(K, "network_events", value={"operation": "resolve_start", "t": 0.4, "transaction_id": 2}),
    ),
    ("rule 7:", valid_measurement, put(K, "tls_handshakes", 0, "peer_certificates", 0, "data", value="AAAA")),
    ("rule 8:", valid_measurement, put(K, "x_new", value={"format": "base64", "data": "AAA"})),
    ("rule 8:", valid_measurement, put(K, "x_new", value=[{"format": "base64", "data": "[scrubbed]"}])),
    ("rule 8:", valid_measurement, put(K, "queries", 0, "raw_response", value="A A=")),
    ("rule 9:", valid_measurement, put(K, "requests", 0, "failure", value=KeyError)),
    ("rule 9:", valid_measurement, put(K, "requests", 0, "response", value=KeyError)),
    ("rule 9b:", valid_measurement, put(K, "requests", 0, "request", "tor", value={"is_tor": False})),
    (
        "rule 10:",
        valid_measurement,
        add(K, "x_endpoints", "tcp_connect", value=ENTRY_OF["tcp"] | {"ip": "web.telegram.org"}),
    ),
    ("rule 11:", valid_measurement, put("annotations", "engine_version", value="3.16.9")),
    ("rule 11:", valid_measurement, put("annotations", "engine_version", value="new")),
    ("rule 11:", valid_measurement, put("annotations", "engine_version", value=KeyError)),
    ("rule 13:", valid_measurement, put(K, "requests", 0, "request", "url", value="https://web.telegram.org/k/")),
    ("rule 13:", valid_measurement, put(K, "requests", 1, "request", "url", value="https://web.telegram.org/")),
    ("rule 13:", valid_measurement, add(K, "tcp_connect", value=ENTRY_OF["unrelated"])),
    ("rule 13:", valid_measurement, add(K, "tcp_connect", value=ENTRY_OF["5222"])),
    ("rule 13:", valid_measurement, put(K, "queries", 0, "hostname", value="example.org")),
    ("rule 13b:", whatsapp_measurement, put(K, "x_our_failure", value={"a": 1})),
    ("rule 13b:", whatsapp_measurement, put(K, "whatsapp_web_failure", value="unknown_failure: remote error")),
    ("rule 14:", valid_measurement, put("test_name", value="Telegram")),
    ("rule 14:", valid_measurement, put("test_name", value="t")),
    ("rule 15:", valid_measurement, put(K, "requests", 0, "fingerprint", value=1)),
    ("rule 15:", valid_measurement, put(K, "endpoints", value=[])),
    ("0.3:", valid_measurement, put(K, "queries", value=None)),
    ("0.3:", valid_measurement, put(K, "queries", 0, "t", value=-1)),
    ("0.3:", valid_measurement, put(K, "tcp_connect", 0, "t0", value=5.0)),
    ("0.3:", valid_measurement, put(K, "tcp_connect", 0, "tags", value=[1])),
    ("0.3:", valid_measurement, put(K, "tcp_connect", 0, "transaction_id", value="2")),
    ("1.1:", valid_measurement, put("measurement_uid", value="x")),
    ("1.1:", valid_measurement, put("probe_ip", value="192.0.2.9")),
    ("1.1:", valid_measurement, put("report_id", value=None)),
    ("1.1:", valid_measurement, put("extensions", "dnst", value=1)),
    ("1.1:", valid_measurement, put("data_format_version", value="0.5.0")),
    ("1.2:", valid_measurement, put("annotations", "n", value=1)),
    ("2.1:", valid_measurement, put(K, "queries", 0, "engine", value="dig")),
    ("2.1:", valid_measurement, put(K, "queries", 0, "answers", 0, "ipv4", value="example.org")),
    ("2.1:", valid_measurement, put(K, "queries", 0, "answers", 0, "hostname", value="example.org")),
    ("2.1:", valid_measurement, put(K, "queries", 0, "resolver_port", value=53)),
    ("2.2:", valid_measurement, put(K, "tcp_connect", 0, "status", "success", value=False)),
    ("2.2:", valid_measurement, put(K, "tcp_connect", 0, "status", value=True)),
    ("2.3:", valid_measurement, put(K, "tls_handshakes", 0, "no_tls_verify", value=True)),
    ("2.3:", valid_measurement, put(K, "tls_handshakes", 0, "network", value="udp")),
    ("2.3:", valid_measurement, put(K, "tls_handshakes", 0, "address", value="149.154.167.99")),
    ("2.3:", valid_measurement, put(K, "tls_handshakes", 0, "tls_version", value="TLS 1.3")),
    ("2.4:", valid_measurement, put(K, "requests", 0, "response", "code", value=None)),
    ("2.4:", valid_measurement, put(K, "requests", 0, "response", "headers_list", value=[["a"]])),
    ("2.5:", events_measurement, put(K, "network_events", 1, "operation", value=3)),
    ("2.7:", valid_measurement, put(K, "tls_handshakes", 0, "failure", value="tls_reset")),
    (
        "rule 13:",
        facebook_measurement,
        add(
            K,
            "queries",
            value=DNSQuery(engine="system", hostname="www.facebook.com", query_type="A").model_dump(mode="json"),
        ),
    ),
    (
        "rule 13:",
        signal_measurement,
        add(
            K,
            "requests",
            value=HTTPTransaction(request=HTTPRequest(url="https://cdn.signal.org/")).model_dump(mode="json"),
        ),
    ),
    ("rule 13:", stun_measurement, put(K, "queries", 0, "hostname", value="other.example")),
    ("rule 15:", stun_measurement, put(K, "agent", value="redirect")),
    ("rule 15:", dnscheck_measurement, put(K, "queries", value=[])),
    ("2.1:", dnscheck_measurement, put(K, "bootstrap", "queries", 0, "engine", value="dig")),
    ("0.3:", dnscheck_measurement, put(K, "lookups", LOOKUP, "tcp_connect", value=None)),
    ("3:", signal_measurement, put(K, "failed_operation", value="connect")),
    ("3:", signal_measurement, put("test_version", value="0.2.4")),
    ("3:", facebook_measurement, put(K, "facebook_star_reachable", value=KeyError)),
    ("3:", stun_measurement, put(K, "endpoint", value=KeyError)),
    ("3.5:", stun_measurement, put("input", value="stun://stun.example")),
    ("3.5:", stun_measurement, put(K, "endpoint", value="other.example:3478")),
    ("3.5:", stun_measurement, put(K, "failure", value=1)),
    ("3.6:", dnscheck_measurement, put("input", value=None)),
    ("3.6:", dnscheck_measurement, put(K, "lookups", "https://dns.example/dns-query", value=inherited())),
    ("3.6:", dnscheck_measurement, put(K, "lookups", LOOKUP, "agent", value=KeyError)),
    ("3.6:", dnscheck_measurement, put(K, "lookups", LOOKUP, "failure", value="eof_error")),
    ("3.6:", dnscheck_measurement, put(K, "bootstrap", "queries", 0, "hostname", value="example.org")),
    ("3:", valid_measurement, put(K, "telegram_web_status", value=KeyError)),
    ("3:", valid_measurement, put(K, "failure", value="eof_error")),
]


@pytest.mark.parametrize(("rule", "line", "change"), VIOLATIONS, ids=[f"{n}-{v[0]}" for n, v in enumerate(VIOLATIONS)])
def test_each_rule_reports_its_violation(rule: str, line: Callable[[], Line], change: Callable[[Line], None]) -> None:
    broken = copy.deepcopy(line())
    change(broken)
    found = problems(broken)
    assert any(problem.startswith(rule) for problem in found), found


@pytest.mark.parametrize("blocking", ["tls", "yes", 1, 0, True])
def test_unknown_blocking_value_of_web_connectivity_is_reported(blocking: Any) -> None:
    """Check rule 12. In Python `0 == False`, and OONI's fastpath compares types."""
    line = valid_measurement()
    line["test_name"], line[K]["blocking"] = "web_connectivity", blocking
    assert any(problem.startswith("rule 12:") for problem in problems(line))
    line[K]["blocking"] = False
    assert not any(problem.startswith("rule 12:") for problem in problems(line))


def test_every_rule_has_a_violation() -> None:
    tried = {rule for rule, _, _ in VIOLATIONS} | {"rule 12:"}
    assert {f"rule {n}:" for n in [*range(1, 16)]} | {"rule 6b:", "rule 9b:", "rule 13b:"} <= tried


def test_redacted_measurement_passes() -> None:
    line = valid_measurement()
    line[K]["tcp_connect"][0]["ip"] = "[scrubbed]"
    line[K]["tls_handshakes"][0]["address"] = "[scrubbed]:443"
    line[K]["queries"][0]["answers"][0]["ipv4"] = "[scrubbed]"
    line[K]["queries"][0]["answers"][0]["ttl"] = None
    line[K]["tls_handshakes"][0]["peer_certificates"] = []
    assert problems(line) == []

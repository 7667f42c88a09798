"""Make the entries of synthetic measurements, as each step would write them."""

from collections.abc import Callable
from typing import Any

from probe.formats import failures as f
from probe.formats.entries import (
    BinaryData,
    DNSAnswer,
    DNSQuery,
    DNSResponse,
    Entry,
    HTTPRequest,
    HTTPResponse,
    HTTPTransaction,
    MTProtoExchange,
    NoiseHandshake,
    TCPConnect,
)
from probe.formats.exchanges.calls import DTLSExchange, ReflectorExchange, SIPExchange, STUNExchange, UDPEcho
from probe.formats.exchanges.tls import QUICHandshake, TLSHandshake
from probe.targets.target import Endpoint
from tests.support.measurements.certificates import certificate

GENUINE, FORGED, SECOND = "149.154.167.99", "31.13.64.7", "149.154.167.100"
ASNS = {GENUINE: 62041, SECOND: 62041, FORGED: 32934}
ASKED = "neutral.example"  # the name that resolvers are asked for

LAYERS = {
    "connect": "tcp",
    "tls_handshake": "tls",
    "quic_handshake": "quic",
    "http_round_trip": "http",
    "mtproto_exchange": "payload",
    "noise_handshake": "payload",
    "stun_exchange": "payload",
    "reflector_hello": "payload",
    "dtls_hello": "payload",
    "sip_options": "payload",
    "resolve": "payload",
    "udp_echo": "echo",
}
"""Operation, and the layer that an outcome such as "payload:generic_timeout_error" names."""

PAYLOADS: dict[str, Callable[[str, Any], Entry]] = {
    "mtproto": lambda address, transport: MTProtoExchange(address=address, transport="abridged"),
    "noise": lambda address, transport: NoiseHandshake(address=address),
    "stun": lambda address, transport: STUNExchange(address=address, transport=transport),
    "turn": lambda address, transport: STUNExchange(address=address, transport=transport, method="allocate"),
    "reflector": lambda address, transport: ReflectorExchange(address=address, transport="udp"),
    "reflector+tcp": lambda address, transport: ReflectorExchange(address=address, transport="tcp"),
    "dtls": lambda address, transport: DTLSExchange(address=address),
    "sip": lambda address, transport: SIPExchange(address=address, transport=transport),
    **{
        scheme: lambda address, transport, engine=engine: query(ASKED, "A", engine, address, [], None)
        for scheme, engine in (("dns+udp", "udp"), ("dns+tcp", "tcp"), ("dot", "dot"), ("doh", "doh"))
    },
}
"""Scheme, and the function that makes the entry of its protocol."""


def answer(ip: str) -> DNSAnswer:
    which: dict[str, Any] = {"ipv6": ip, "answer_type": "AAAA"} if ":" in ip else {"ipv4": ip, "answer_type": "A"}
    return DNSAnswer(asn=ASNS.get(ip), **which)


def query(host: str, query_type: str, engine: str, resolver: str, ips: list[str], failed: str | None) -> DNSQuery:
    about: dict[str, Any] = {"engine": engine, "hostname": host, "query_type": query_type}
    return DNSQuery(failure=failed, answers=[answer(ip) for ip in ips], resolver_address=resolver, **about)


def entries_of(endpoint: Endpoint, ip: str, name: str, more: dict[str, Any]) -> list[Entry]:
    """Return the entries that a successful attempt at the endpoint writes, lowest layer first."""
    scheme, _, transport = endpoint.dialect.partition("/")
    address, checked = f"{ip}:{endpoint.port}", more.get("check", True)
    entries: list[Entry] = [TCPConnect(ip=ip, port=endpoint.port)] if endpoint.carrier == "tcp" else []
    if scheme in {"https", "tls", "dot", "doh"} or transport == "tls":
        entries.append(TLSHandshake(address=address, server_name=name, x_verified_name=name if checked else ""))
    if scheme == "quic":
        entries.append(QUICHandshake(address=address, server_name=name, x_verified_name=name if checked else ""))
    if (
        scheme == "http"
        or (scheme == "https" and (checked or "host" in more))
        or (scheme == "quic" and endpoint.path and (checked or "host" in more))
    ):
        request = HTTPRequest(url=endpoint.url, headers={"Host": more.get("host", name)})
        entries.append(HTTPTransaction(address=address, request=request))
    if scheme in PAYLOADS and checked:
        entries.append(PAYLOADS[scheme](address, transport))
    return entries


def complete(entry: Entry, more: dict[str, Any]) -> None:
    """Fill in what the step would observe."""
    if isinstance(entry, TLSHandshake):
        _complete_tls(entry, more)
    if isinstance(entry, HTTPTransaction):
        entry.t = entry.t0 + more.get("http_seconds", 0.0)
    if isinstance(entry, HTTPTransaction) and entry.failure is None:
        prints, to = more.get("fingerprints", []), more.get("redirect", "")
        code = more.get("status", 302 if to else 200)
        page = {"x_body_length": 100, "x_body_sha256": more["page"]} if more.get("page") else {}
        page |= {"x_title": more.get("title", "")}
        page |= {"x_body_failure": more["body_failure"]} if more.get("body_failure") else {}
        entry.response = HTTPResponse(code=code, x_fingerprints=prints, x_redirect_host=to, **page)
    if isinstance(entry, MTProtoExchange):
        entry.nonce_echoed = entry.failure is None
    if isinstance(entry, NoiseHandshake):
        entry.server_hello = entry.chain_valid = entry.failure is None
    if isinstance(entry, STUNExchange):
        _complete_stun(entry, more)
    if isinstance(entry, ReflectorExchange):
        entry.response, entry.x_foreign = "" if entry.failure else "self_info", more.get("foreign", 0)
    if isinstance(entry, DTLSExchange):
        entry.response = more.get("response", "" if entry.failure else "verify_request")
        entry.hello, entry.x_foreign = more.get("hello", "openssl"), more.get("foreign", 0)
    if isinstance(entry, SIPExchange):
        entry.code = more.get("code", 0 if entry.failure else 200)
        entry.rewritten = more.get("rewritten", [])
        entry.provisional = more.get("provisional", [])
        entry.server, entry.second_code = more.get("server", ""), more.get("second")
        entry.second_differs = more.get("differs", ["ttl", "server", "tag"]) if entry.second_code else None
        entry.x_sent, entry.x_foreign = more.get("sent", 1), more.get("foreign", 0)
    if isinstance(entry, DNSQuery):
        _complete_answer(entry, more)
    if isinstance(entry, UDPEcho):
        entry.echoed = entry.failure is None
        entry.ends_swapped, entry.ends_kept = more.get("swapped"), more.get("kept")
        entry.answer_code = more.get("answered")
        entry.changed = more.get("changed", bool(entry.ends_swapped or entry.answer_code))


def _complete_tls(entry: TLSHandshake, more: dict[str, Any]) -> None:
    cert = more.get("cert")
    entry.x_engine, entry.x_client_hello_length = more.get("engine", "openssl"), more.get("hello", 517)
    entry.echconfig = "GREASE" if more.get("ech") else None
    entry.x_parallel = more.get("parallel")
    if cert is None and entry.failure is None:
        cert = certificate(entry.server_name if more.get("check", True) else "default.example")
    entry.peer_certificates = [BinaryData.of(cert)] if cert else []
    refused = entry.failure in f.CERTIFICATE_FAILURES
    entry.x_completed = entry.failure is None or refused
    entry.x_answered = entry.x_completed or more.get("answered", False)
    entry.x_trusted_by_machine = more.get("trusted") if refused else None


def _complete_answer(entry: DNSQuery, more: dict[str, Any]) -> None:
    """Fill in the addresses `answers` (default GENUINE), or `datagrams`, of which the first one counts."""
    datagrams = more.get("datagrams", [])
    given = datagrams[0] if datagrams else more.get("answers", [GENUINE])
    entry.answers = [answer(ip) for ip in given] if entry.failure is None else []
    if datagrams:
        entry.x_responses = [
            DNSResponse(t=0.01 * number, answers=[answer(ip) for ip in ips]) for number, ips in enumerate(datagrams)
        ]


def _complete_stun(entry: STUNExchange, more: dict[str, Any]) -> None:
    """Fill in a Binding success, the challenge of a TURN server, or the error `code`."""
    entry.x_foreign, entry.contradicted = more.get("foreign", 0), more.get("contradicted")
    entry.mapped_network = more.get("mapped")
    code = more.get("code", 401 if entry.method == "allocate" and entry.failure is None else 0)
    if code:
        entry.response, entry.error_code = "error", code
        entry.has_realm = entry.has_nonce = code == 401
    elif entry.failure is None:
        entry.response, entry.mapped_family = "success", 4

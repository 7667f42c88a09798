"""Check the shapes of the entries in a measurement as OONI reads them (commits in facts.py)."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from cryptography import x509

ENGINES = {"system", "getaddrinfo", "udp", "tcp", "dot", "doh", "unknown", "golang_net_resolver"}
TLS_VERSIONS = {"", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}
FAILURES = set(
    """android_dns_cache_no_data connection_aborted connection_already_closed connection_refused connection_reset
    dns_bogon_error dns_no_answer dns_non_recoverable_failure dns_nxdomain_error dns_refused_error
    dns_reply_with_wrong_query_id dns_server_misbehaving dns_servfail_error dns_temporary_failure eof_error
    generic_timeout_error host_unreachable http_invalid_redirect_location_host http_request_failed
    http_unexpected_redirect_url http_unexpected_status_code interrupted json_parse_error network_down network_reset
    network_unreachable quic_incompatible_version ssl_failed_handshake ssl_invalid_certificate ssl_invalid_hostname
    ssl_unknown_authority timed_out address_family_not_supported address_in_use address_not_available already_connected
    bad_address bad_file_descriptor connection_already_in_progress destination_address_required invalid_argument
    message_size no_buffer_space no_protocol_option not_a_socket not_connected operation_would_block permission_denied
    protocol_not_supported wrong_protocol_type""".split()  # noqa: SIM905
)
ENTRY = {"failure", "t0", "t", "tags", "transaction_id"}
# list: (required keys, other keys that OONI knows). Ours start with x_.
SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "queries": (
        {"answers", "engine", "failure", "hostname", "query_type", "resolver_address", "t"},
        ENTRY | {"getaddrinfo_error", "raw_response", "rcode", "resolver_hostname", "resolver_port"},
    ),
    "tcp_connect": ({"ip", "port", "status", "t"}, ENTRY - {"failure"}),
    "tls_handshakes": (
        {
            "network", "address", "cipher_suite", "failure", "negotiated_protocol", "no_tls_verify",
            "peer_certificates", "server_name", "t", "tls_version",
        },
        ENTRY | {"so_error", "outer_server_name", "echconfig"},
    ),
    "requests": ({"failure", "request", "response", "t"}, ENTRY | {"network", "address", "alpn"}),
    "network_events": ({"operation", "t"}, ENTRY | {"address", "proto", "num_bytes"}),
}  # fmt: skip


def list_problems(group: dict[str, Any]) -> Iterator[str]:
    """Yield problems of the lists in `group` (test keys, x_endpoints or x_followups)."""
    for name, (required, further) in SHAPES.items():
        entries = group.get(name, [])
        if entries is None or not isinstance(entries, list):
            yield f"0.3: {name} must be a list"
            continue
        for number, entry in enumerate(entries):
            place = f"{name}[{number}]"
            if not isinstance(entry, dict):
                yield f"2: {place} is no object"
                continue
            rule = "rule 9" if name == "requests" else "2"
            yield from (f"{rule}: {place} lacks {key}" for key in sorted(required - entry.keys()))
            ours = {key for key in entry.keys() - required - further if not key.startswith("x_")}
            yield from (f"rule 15: {place}.{key} is unknown to OONI and not prefixed x_" for key in sorted(ours))
            yield from _entry(place, entry)
            yield from CHECKS[name](place, entry)


def _entry(place: str, entry: dict[str, Any]) -> Iterator[str]:
    """Yield problems that every kind of entry can have."""
    for key in ("t0", "t"):
        if not is_number(entry.get(key, 0.0)) or entry.get(key, 0.0) < 0:
            yield f"0.3: {place}.{key} is no time"
    if is_number(entry.get("t")) and is_number(entry.get("t0", 0)) and entry["t"] < entry.get("t0", 0):
        yield f"0.3: {place} ends before it begins"
    number = entry.get("transaction_id", 0)
    if type(number) is not int or number < 0:
        yield f"0.3: {place}.transaction_id"
    tags = entry.get("tags", [])
    if not (tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags))):
        yield f"0.3: {place}.tags"
    if not _is_failure(entry.get("failure")):
        yield f"2.7: {place}.failure {entry.get('failure')!r} is no failure of df-007"


def _query(place: str, entry: dict[str, Any]) -> Iterator[str]:
    if entry.get("engine") not in ENGINES:
        yield f"2.1: {place}.engine"
    if not re.fullmatch(r"[A-Z0-9]+", str(entry.get("query_type"))):
        yield f"2.1: {place}.query_type"
    if entry.get("resolver_hostname") is not None or entry.get("resolver_port") is not None:
        yield f"2.1: {place}: resolver_hostname and resolver_port are null"
    if "raw_response" in entry and entry["raw_response"] is not None and not is_base64(entry["raw_response"]):
        yield f"rule 8: {place}.raw_response"
    for answer in entry.get("answers") or []:
        yield from _answer(place, answer)


def _answer(place: str, answer: dict[str, Any]) -> Iterator[str]:
    kind = answer.get("answer_type")
    if not isinstance(kind, str):
        yield f"2.1: {place}: an answer without answer_type"
    field = {"A": "ipv4", "AAAA": "ipv6"}.get(str(kind), "hostname")
    if field.startswith("ip") and not _is_ip(answer.get(field)):
        yield f"2.1: {place}: {kind} without a usable {field}"
    if len([name for name in ("ipv4", "ipv6", "hostname") if answer.get(name) is not None]) > 1:
        yield f"2.1: {place}: an answer names exactly one of ipv4, ipv6, hostname"
    if not isinstance(answer.get("asn", 0), int) or not isinstance(answer.get("as_org_name", ""), str):
        yield f"2.1: {place}: asn and as_org_name"


def _connect(place: str, entry: dict[str, Any]) -> Iterator[str]:
    if not _is_ip(entry.get("ip")):
        yield f"rule 10: {place}.ip {entry.get('ip')!r} is no IP literal"
    if type(entry.get("port")) is not int or not 0 < entry["port"] < 65536:
        yield f"2.2: {place}.port"
    status = entry.get("status")
    if (
        not isinstance(status, dict)
        or not isinstance(status.get("success"), bool)
        or not _is_failure(status.get("failure"))
    ):
        yield f"2.2: {place}.status"
    elif status["success"] != (status.get("failure") is None):
        yield f"2.2: {place}.status contradicts itself"


def _handshake(place: str, entry: dict[str, Any]) -> Iterator[str]:
    if not _is_endpoint(entry.get("address")):
        yield f"2.3: {place}.address"
    if entry.get("no_tls_verify") is not False:
        yield f"2.3: {place}.no_tls_verify must be false"
    if entry.get("tls_version") not in TLS_VERSIONS and not str(entry.get("tls_version")).startswith(
        "TLS_VERSION_UNKNOWN_"
    ):
        yield f"2.3: {place}.tls_version"
    if entry.get("network") not in ("tcp", ""):
        yield f"2.3: {place}.network: QUIC does not belong here"
    for number, certificate in enumerate(entry.get("peer_certificates") or []):
        if not _is_certificate(certificate):
            yield f"rule 7: {place}.peer_certificates[{number}] is no DER certificate"


def _request(place: str, entry: dict[str, Any]) -> Iterator[str]:
    request, response = entry.get("request"), entry.get("response")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        yield f"rule 9: {place}.request needs a url"
        return
    tor = request.get("tor")
    if "tor" in request and (not isinstance(tor, dict) or {"exit_ip", "exit_name", "is_tor"} - tor.keys()):
        yield f"rule 9b: {place}.request.tor"
    if re.match(r"https://[^/]*:443(/|$)|http://[^/]*:80(/|$)", request["url"]):
        yield f"2.4: {place}.request.url names the scheme's own port"
    for half in (request, response):
        if isinstance(half, dict):
            yield from _headers(place, half)
    if isinstance(response, dict) and type(response.get("code")) is not int:
        yield f"2.4: {place}.response.code"


def _headers(place: str, half: dict[str, Any]) -> Iterator[str]:
    if not isinstance(half.get("headers", {}), dict):
        yield f"2.4: {place}: headers must be an object"
    pairs = half.get("headers_list", [])
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        yield f"2.4: {place}: headers_list must hold pairs"
    if not isinstance(half.get("body_is_truncated", False), bool):
        yield f"2.4: {place}: body_is_truncated"


def _event(place: str, entry: dict[str, Any]) -> Iterator[str]:
    if not isinstance(entry.get("operation"), str):
        yield f"2.5: {place}.operation"


CHECKS = {
    "queries": _query,
    "tcp_connect": _connect,
    "tls_handshakes": _handshake,
    "requests": _request,
    "network_events": _event,
}


def is_base64(text: Any) -> bool:
    try:
        return isinstance(text, str) and base64.b64decode(text, validate=True) is not None and len(text) % 4 == 0
    except (binascii.Error, ValueError):
        return False


def _is_certificate(value: Any) -> bool:
    try:
        x509.load_der_x509_certificate(base64.b64decode(value["data"], validate=True))
    except (KeyError, TypeError, ValueError):
        return False
    return bool(value.get("format") == "base64")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _is_failure(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (value in FAILURES or value.split(":")[0] == "unknown_failure"))


def _is_ip(text: Any) -> bool:
    try:
        return "[scrubbed]" in str(text) or bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _is_endpoint(text: Any) -> bool:
    found = re.fullmatch(
        r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:]+)):(?P<port>\d{1,5})", str(text).replace("[scrubbed]", "127.0.0.2")
    )
    return found is not None and _is_ip(found["six"] or found["four"])

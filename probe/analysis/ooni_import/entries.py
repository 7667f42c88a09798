"""The lists of OONI's test keys → entries as our own probe writes them; what is scrubbed or broken is left out."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from probe.analysis.observations.lenient_json import address, name, number, table, tables, text, texts
from probe.analysis.ooni_import.failures import failure_in
from probe.signatures.block_pages import matching
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint, is_address

Entry = dict[str, Any]

OWN_CLIENTS = frozenset({"udp", "tcp", "dot", "doh"})
"""Engines that ask a resolver of their own choice; the others, under many names, ask the system's."""

MOST = 500
"""Entries that are read of one list: several times what any nettest of OONI's writes."""

PORTS = {scheme: DIALECTS[scheme].default_port for scheme in ("http", "https")}


@dataclass(frozen=True)
class At:
    """Where an entry belongs: address and port ("" and 0 unknown), and OONI's transaction (0 in old lines)."""

    address: str = ""
    port: int = 0
    transaction: int = 0
    depth: int = 0  # how many redirects came before


def queries(keys: Entry) -> list[Entry]:
    """DNS questions; `ANY` of getaddrinfo becomes a question per family, since both were asked."""
    listed = tables(keys.get("queries"))[:MOST]
    return [query for entry in listed if _is_readable(entry) for query in _by_family(entry)]


def _is_readable(entry: Entry) -> bool:
    """Whether it says what was asked, and every answer is an address: `[scrubbed]` tells nothing."""
    given = [answer.get("ipv4") or answer.get("ipv6") for answer in tables(entry.get("answers"))]
    return bool(text(entry.get("hostname"))) and all(is_address(address(ip)) for ip in given if ip is not None)


def _by_family(entry: Entry) -> list[Entry]:
    asked, engine = text(entry.get("query_type")), text(entry.get("engine"))
    answers = [answer for answer in tables(entry.get("answers")) if answer.get("ipv4") or answer.get("ipv6")]
    failed = failure_in(entry.get("failure"))
    system = engine not in OWN_CLIENTS
    about: Entry = {
        "hostname": name(entry.get("hostname")),
        "engine": "system" if system else engine,
        "resolver_address": "system" if system else text(entry.get("resolver_address")),
    }
    found = []
    for query_type, family in (("A", 4), ("AAAA", 6)):
        mine = [answer for answer in answers if _family(answer) == family]
        if asked in {query_type, "ANY"} and (mine or failed):  # neither: an alias alone, or an old line's silence
            found.append(about | {"query_type": query_type, "answers": mine, "failure": failed})
    return found


def _family(answer: Entry) -> int:
    return 6 if ":" in address(answer.get("ipv4") or answer.get("ipv6")) else 4


def connects(keys: Entry) -> list[tuple[At, Entry]]:
    """TCP connects; whose address is scrubbed is left out."""
    found = []
    for entry in tables(keys.get("tcp_connect"))[:MOST]:
        ip, status = address(entry.get("ip")), table(entry.get("status"))
        failed = failure_in(status.get("failure"))
        if failed is None and status.get("success") is not True:
            failed = "interrupted"
        if is_address(ip) and number(entry.get("port")):
            written = {"ip": ip, "port": entry["port"], "status": {"success": failed is None, "failure": failed}}
            found.append((_at(entry, ip, number(entry["port"])), written))
    return found


def handshakes(keys: Entry, *, quic: bool = False) -> list[tuple[At, Entry]]:
    """TLS handshakes over TCP, or those over QUIC, which OONI writes among them (network `udp`) or apart.

    One whose certificate nobody checked proves nothing, and is left out.
    """
    among = [entry for entry in tables(keys.get("tls_handshakes")) if _is_quic(entry) == quic]
    apart = tables(keys.get("quic_handshakes")) if quic else []
    checked = [entry for entry in (*among, *apart)[:MOST] if entry.get("no_tls_verify") in (None, False)]
    return [(_at(entry, *split(text(entry.get("address")))), _handshake(entry)) for entry in checked]


def _is_quic(entry: Entry) -> bool:
    return text(entry.get("network")) in {"udp", "quic"}


def _handshake(entry: Entry) -> Entry:
    shown = name(entry.get("server_name"))
    return {
        "failure": failure_in(entry.get("failure", "interrupted")),
        "server_name": shown,
        "x_verified_name": shown,
        "peer_certificates": entry.get("peer_certificates"),
    }


def requests(keys: Entry) -> list[tuple[At, str, Entry]]:
    """HTTP round trips with their URL, oldest first (OONI writes the newest first)."""
    found = []
    for entry in reversed(tables(keys.get("requests"))[-MOST:]):
        request, response = table(entry.get("request")), table(entry.get("response"))
        url = web_url(text(request.get("url")))
        failed = failure_in(entry.get("failure", "interrupted"))
        headers = _headers(response)
        written = {
            "failure": failed,
            "request": {"headers": {"Host": urlsplit(url).hostname or ""} if url else {}},
            "response": {
                "code": number(response.get("code")),
                "x_fingerprints": matching(_body(response), headers),
            },
        }
        found.append((_at(entry, *split(text(entry.get("address")))), url, written))
    return found


def _body(response: Entry) -> str | bytes:
    """The body; bytes that are no UTF-8 come as base64 (df-001)."""
    body = response.get("body")
    if not isinstance(body, dict):
        return text(body)
    try:
        return base64.b64decode(text(body.get("data")), validate=True)
    except ValueError:
        return b""


def _headers(response: Entry) -> dict[str, str]:
    """The headers that are text, names in lower case."""
    return {name(key): text(value) for key, value in table(response.get("headers")).items() if isinstance(value, str)}


def sealed_failure(page: Entry | None, endpoint: Endpoint) -> Entry | None:
    """The handshake that an old probe did not write: what failed once connected counts as TLS's failure."""
    if page is None or page["failure"] is None or page["failure"].startswith("dns_"):
        return None
    return {"failure": page["failure"], "server_name": endpoint.host, "x_verified_name": ""}


def last(entries: Iterable[Entry]) -> Entry | None:
    """The last of the entries, None if there is none."""
    return next(reversed(list(entries)), None)


def web_url(url: str) -> str:
    """A web address as our endpoints are written: ASCII host, port said, no fragment; "" for what is none."""
    try:
        parts = urlsplit(url)
        port, host = parts.port or PORTS.get(parts.scheme, 0), (parts.hostname or "").rstrip(".")
        ascii_host = host if is_address(host) else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    if parts.scheme not in PORTS or not ascii_host or not port or ";" in ascii_host:
        return ""
    host = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme}://{host}:{port}{path.replace(';', '%3B')}"


def split(endpoint: str) -> tuple[str, int]:
    """Split ADDRESS:PORT; ("", 0) where it is none."""
    ip, _, port = endpoint.rpartition(":")
    usable = is_address(address(ip)) and port.isascii() and port.isdigit() and len(port) < 6
    return (address(ip), int(port)) if usable else ("", 0)


def _at(entry: Entry, ip: str, port: int) -> At:
    depths = [tag.removeprefix("depth=") for tag in texts(entry.get("tags")) if tag.startswith("depth=")]
    depth = int(depths[0]) if depths and depths[0].isascii() and depths[0].isdigit() and len(depths[0]) < 4 else 0
    return At(ip, port, max(number(entry.get("transaction_id")), 0), depth)

"""Turn the lists of OONI's test keys into entries of our form. Redacted and invalid entries are left out."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from probe.analysis.observations.lenient_json import address, name, number, table, tables, text, texts
from probe.analysis.ooni_import.ooni_failures import failure_in
from probe.signatures.block_pages import matching
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint, family_of, is_address

Entry = dict[str, Any]

OWN_CLIENTS = frozenset({"udp", "tcp", "dot", "doh"})
"""Engines that query a resolver of the probe's choice. The others, with many names, use the system resolver."""

MOST = 500
"""Maximum number of entries that are read of one list, several times what any nettest of OONI writes."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

PORTS = {scheme: DIALECTS[scheme].default_port for scheme in ("http", "https")}


@dataclass(frozen=True)
class At:
    """Hold address and port of an entry ("" and 0 unknown), and OONI's transaction id (0 in old measurements)."""

    address: str = ""
    port: int = 0
    transaction: int = 0
    depth: int = 0  # number of redirects before it


def queries(keys: Entry) -> list[Entry]:
    """Return the DNS queries. `ANY` of getaddrinfo becomes one query per family, since both were made."""
    listed = tables(keys.get("queries"))[:MOST]
    return [query for entry in listed if _is_readable(entry) for query in _by_family(entry)]


def _is_readable(entry: Entry) -> bool:
    """Return True if the entry names the host and every answer is an address. `[scrubbed]` is no address."""
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
        if asked in {query_type, "ANY"} and (mine or failed):  # neither means a CNAME alone, or a gap of old probes
            found.append(about | {"query_type": query_type, "answers": mine, "failure": failed})
    return found


def _family(answer: Entry) -> int:
    return family_of(address(answer.get("ipv4") or answer.get("ipv6")))


def connects(keys: Entry) -> list[tuple[At, Entry]]:
    """Return the TCP connects. One with a redacted address is left out."""
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
    """Return the TLS handshakes over TCP or QUIC. A handshake with an unchecked certificate is left out.

    OONI writes those over QUIC into `tls_handshakes` with network `udp`, or into `quic_handshakes`.
    """
    listed = [entry for entry in tables(keys.get("tls_handshakes")) if _is_quic(entry) == quic]
    others = tables(keys.get("quic_handshakes")) if quic else []
    checked = [entry for entry in (*listed, *others)[:MOST] if entry.get("no_tls_verify") in (None, False)]
    return [(_at(entry, *split(text(entry.get("address")))), _handshake(entry)) for entry in checked]


def _is_quic(entry: Entry) -> bool:
    return text(entry.get("network")) in {"udp", "quic"}


def _handshake(entry: Entry) -> Entry:
    server_name = name(entry.get("server_name"))
    return {
        "failure": failure_in(entry.get("failure", "interrupted")),
        "server_name": server_name,
        "x_verified_name": server_name,
        "peer_certificates": entry.get("peer_certificates"),
    }


def requests(keys: Entry) -> list[tuple[At, str, Entry]]:
    """Return the HTTP round trips with their URL, oldest first. OONI writes the newest first."""
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
                "x_next": _next(url, number(response.get("code")), headers.get("location")),
            },
        }
        found.append((_at(entry, *split(text(entry.get("address")))), url, written))
    return found


def _body(response: Entry) -> str | bytes:
    """Return the body. OONI encodes bytes that are no UTF-8 as base64 (df-001)."""
    body = response.get("body")
    if not isinstance(body, dict):
        return text(body)
    try:
        return base64.b64decode(text(body.get("data")), validate=True)
    except ValueError:
        return b""


def _next(url: str, code: int, location: str | None) -> str | None:
    """Return the URL that an answer redirects to, "" if it cannot be read, None if the answer is no redirect."""
    if code not in REDIRECTS:
        return None
    try:
        return web_url(urljoin(url, location)) if location else ""
    except ValueError:
        return ""


def _headers(response: Entry) -> dict[str, str]:
    """Return the headers with text values, names in lower case."""
    return {name(key): text(value) for key, value in table(response.get("headers")).items() if isinstance(value, str)}


def missing_handshake(page: Entry | None, endpoint: Endpoint) -> Entry | None:
    """Return a failed handshake if the page failed after the connect. Old probes did not record handshakes."""
    if page is None or page["failure"] is None or page["failure"].startswith("dns_"):
        return None
    return {"failure": page["failure"], "server_name": endpoint.host, "x_verified_name": ""}


def last(entries: Iterable[Entry]) -> Entry | None:
    """Return the last of the entries, None without any."""
    return next(reversed(list(entries)), None)


def web_url(url: str) -> str:
    """Return a web address in the form of our endpoints: ASCII host, explicit port, no fragment. "" if invalid."""
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
    """Split ADDRESS:PORT. Returns ("", 0) if it is invalid."""
    ip, _, port = endpoint.rpartition(":")
    usable = is_address(address(ip)) and port.isascii() and port.isdigit() and len(port) < 6
    return (address(ip), int(port)) if usable else ("", 0)


def _at(entry: Entry, ip: str, port: int) -> At:
    depths = [tag.removeprefix("depth=") for tag in texts(entry.get("tags")) if tag.startswith("depth=")]
    depth = int(depths[0]) if depths and depths[0].isascii() and depths[0].isdigit() and len(depths[0]) < 4 else 0
    return At(ip, port, max(number(entry.get("transaction_id")), 0), depth)

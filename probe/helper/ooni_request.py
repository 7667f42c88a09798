"""Parse a request of OONI's probe strictly, so that the helper contacts only public addresses."""

import json
import re
from dataclasses import dataclass
from typing import Any

from yarl import URL

from probe.helper.query import RequestRefused
from probe.targets.target import is_address

LONGEST_URL = 2048
MOST_ENDPOINTS = 64  # in tcp_connect
LONGEST_HEADER = 512
HEADERS = ("accept", "accept-language", "user-agent")  # forwarded headers. All others are dropped.

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_VISIBLE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True)
class OONIRequest:
    """Hold a checked request. `url` is encoded. `host` is an ASCII name or an IP literal. `port` None means the
    scheme's.
    """

    url: URL
    host: str
    port: int | None
    addresses: tuple[str, ...]  # IP literals, private ones included
    headers: tuple[tuple[str, str], ...]
    quic: bool

    @property
    def ports(self) -> tuple[int, ...]:
        """Return the ports to try: the URL's, else its scheme's. For http both, since TLS proves an address."""
        if self.port is not None:
            return (self.port,)
        return (443,) if self.url.scheme == "https" else (80, 443)

    @property
    def key(self) -> str:
        """Return a key that is equal for requests with the same answer."""
        return json.dumps(["ooni", str(self.url), sorted(self.addresses), self.headers, self.quic])


def read_request(raw: bytes) -> OONIRequest:
    """Parse the body of `POST /`. Raises Refused (400)."""
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "the body is not JSON") from None
    if not isinstance(asked, dict):
        raise RequestRefused(400, "the body is not a JSON object")
    url = _url(asked.get("http_request"))
    quic = asked.get("x_quic_enabled")
    if not isinstance(quic, bool | None):
        raise RequestRefused(400, "x_quic_enabled: expected true or false")
    return OONIRequest(
        url,
        url.raw_host or "",
        url.explicit_port,
        _addresses(asked.get("tcp_connect")),
        _headers(asked.get("http_request_headers")),
        bool(quic),
    )


def _url(text: Any) -> URL:
    if not isinstance(text, str) or not text or len(text) > LONGEST_URL:
        raise RequestRefused(400, f"http_request: expected a URL of at most {LONGEST_URL} characters")
    try:
        text.encode()  # a lone surrogate is no text, and yarl would drop it
        url = URL(text)
        usable = url.scheme in {"http", "https"} and _is_host(url.raw_host or "") and url.explicit_port != 0
    except (ValueError, TypeError):
        usable = False
    if not usable or url.raw_user is not None or url.raw_password is not None:
        raise RequestRefused(
            400, "http_request: expected the form https://HOST[:PORT]/… or http://…, without credentials"
        )
    return url


def _is_host(host: str) -> bool:
    if is_address(host):
        return "%" not in host
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _addresses(endpoints: Any) -> tuple[str, ...]:
    """Return the addresses of the endpoints. Their ports are ignored, and entries that are no endpoint are left out."""
    if endpoints is None:
        return ()
    if not isinstance(endpoints, list) or not all(isinstance(endpoint, str) for endpoint in endpoints):
        raise RequestRefused(400, "tcp_connect: expected a list of strings")
    if len(endpoints) > MOST_ENDPOINTS:
        raise RequestRefused(400, f"tcp_connect: has {len(endpoints)} endpoints; at most {MOST_ENDPOINTS} are tried")
    hosts = [endpoint.rpartition(":")[0] for endpoint in endpoints]
    bare = [host[1:-1] if host.startswith("[") and host.endswith("]") else host for host in hosts]
    return tuple(dict.fromkeys(host for host in bare if is_address(host) and "%" not in host))


def _headers(given: Any) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, dict):
        raise RequestRefused(400, "http_request_headers: expected an object")
    kept = {}
    for name, values in given.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise RequestRefused(400, "http_request_headers: expected lists of strings")
        if name.lower() in HEADERS and values:
            kept[name.lower()] = _header(values[0])
    return tuple(sorted(kept.items()))


def _header(value: str) -> str:
    if len(value) > LONGEST_HEADER or not _VISIBLE.fullmatch(value):
        raise RequestRefused(400, f"http_request_headers: expected at most {LONGEST_HEADER} visible ASCII characters")
    return value.strip()

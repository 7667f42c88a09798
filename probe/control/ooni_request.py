"""Split a target into questions for a helper with OONI's protocol: one URL and one port each."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.steps.connection import address_of
from probe.steps.http.http_answer import BROWSER
from probe.targets.target import Endpoint, Target

MOST_QUESTIONS = 40  # per target
MOST_ADDRESSES = 64  # per question

Tried = tuple[str, Endpoint]  # role, endpoint


@dataclass
class HelperPost:
    """Represent one POST. `host` is resolved and sent as SNI. It is "" if it belongs to none of the endpoints."""

    url: str
    host: str
    port: int
    quic: bool = False
    anywhere: list[Tried] = field(default_factory=list)  # endpoints that any address in the answer describes
    at: dict[str, list[Tried]] = field(default_factory=dict)  # address that is sent along: endpoints at that address
    sent_at: float | None = None  # time of the monotonic clock. The helper measures after it.

    def body(self) -> dict[str, Any]:
        """Return the request body. It contains no data of the user.

        A random fragment makes each body unique, so that no cache has an answer to it. The helper sends no fragment to
        the web server (RFC 9110, section 4.2.5).
        """
        return {
            "http_request": f"{self.url}#{secrets.token_hex(8)}",
            "http_request_headers": {name: [value] for name, value in BROWSER.items()},
            "tcp_connect": [address_of(ip, self.port) for ip in self.at],
            "x_quic_enabled": self.quic,
        }


def questions(target: Target, addresses: Mapping[str, list[str]]) -> list[HelperPost]:
    """Return the questions about a target's TCP and QUIC endpoints. `addresses` are sent along, per name.

    Other datagram endpoints are left out, because this helper cannot try them.
    """
    tried = [(service.role, endpoint) for service, endpoint in target.endpoints() if _can_be_asked(endpoint)]
    groups: dict[tuple[str, int], list[Tried]] = {}
    for role, endpoint in tried:
        # OONI's helper knows no unlisted protocol, and there are dozens of endpoints: one question for each port.
        together = endpoint.is_literal or endpoint.facts.unlisted
        groups.setdefault(("" if together else endpoint.host, endpoint.port), []).append((role, endpoint))
    asked = [question(host, port, group, addresses) for (host, port), group in groups.items()]
    return [one for one in asked if one.host or one.at][:MOST_QUESTIONS]


def question(host: str, port: int, group: list[Tried], addresses: Mapping[str, list[str]]) -> HelperPost:
    """Return one question about endpoints at one port with the name `host`, or with several names if it is ""."""
    asked = HelperPost(_url(group, port), host, port, any(endpoint.scheme == "quic" for _, endpoint in group))
    if host:
        asked.anywhere = group
    for ip, one in _places(group, addresses):
        if ip in asked.at or len(asked.at) < MOST_ADDRESSES:
            asked.at.setdefault(ip, []).append(one)
    return asked


def _can_be_asked(endpoint: Endpoint) -> bool:
    return endpoint.carrier == "tcp" or endpoint.scheme == "quic"


def _places(group: list[Tried], addresses: Mapping[str, list[str]]) -> Iterator[tuple[str, Tried]]:
    for role, endpoint in group:
        for ip in [endpoint.host] if endpoint.is_literal else addresses.get(endpoint.host, []):
            yield ip, (role, endpoint)


def _url(group: list[Tried], port: int) -> str:
    """Return the URL that makes the helper try this port, with the page's path or the root."""
    page = next((endpoint for _, endpoint in group if endpoint.scheme == "https"), None)
    first = page or group[0][1]
    host = f"[{first.host}]" if ":" in first.host else first.host
    encrypted = port == 443 or any(e.facts.tls_first or e.scheme == "quic" for _, e in group)
    scheme = "https" if encrypted else "http"  # a server of TLS is silent to a request in the clear
    return f"{scheme}://{host}:{port}{page.path if page and page.path else '/'}"

"""Represent targets: products with their services and endpoints, and the neutral hosts."""

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Literal
from urllib.parse import urlsplit

from probe.formats.call_kinds import AppShape, CallProtocol
from probe.messages import listed, tr
from probe.targets.dialects import (
    DEFAULT_TRANSPORT,
    DIALECTS,
    HTTP3,
    SCHEMES,
    SCHEMES_WITH_TRANSPORT,
    TRANSPORTS,
    Dialect,
)
from probe.targets.target_error import hint


@dataclass(frozen=True)
class Endpoint:
    """Represent a URI with an explicit port. `transport` is the `;transport=` of STUN, TURN and SIP, else ""."""

    url: str
    scheme: str
    host: str
    port: int
    path: str = ""  # with the query, if there is one
    transport: str = ""
    ooni: bool = False
    source: str | None = None

    @cached_property
    def is_literal(self) -> bool:
        """Return whether the host is an IP address, so that no name has to be resolved."""
        return is_address(self.host)

    @cached_property
    def dialect(self) -> str:
        """Return the scheme, with the transport for STUN, TURN and SIP: `https`, `sip/tls`."""
        if self.scheme in SCHEMES_WITH_TRANSPORT:
            return f"{self.scheme}/{self.transport or DEFAULT_TRANSPORT}"
        return self.scheme

    @cached_property
    def facts(self) -> Dialect:
        """Return the facts about the dialect. QUIC with a path has those of HTTP/3."""
        return HTTP3 if self.dialect == "quic" and self.path else DIALECTS[self.dialect]

    @cached_property
    def carrier(self) -> Literal["udp", "tcp"]:
        """Return what carries the dialect: datagrams or a TCP connection."""
        return self.facts.carrier


@dataclass(frozen=True)
class Service:
    """Represent one role of a target, which gets one verdict. `works_if` combines the verdicts of its endpoints."""

    role: str
    works_if: Literal["all", "any"]
    endpoints: tuple[Endpoint, ...]
    needs: tuple[str, ...] = ()
    """What a person needs the service for, some of `probe.targets.needs.NEEDS`."""
    media: AppShape | None = None
    """Shape of the packets in its calls, None if it has no calls or their shape is not known."""


@dataclass(frozen=True)
class Target:
    """Represent a product. `digest` is the hexadecimal SHA-256 of the file, followed by its roots if it has any."""

    name: str
    nettest: str
    title: str
    source: str
    reviewed: date
    services: dict[str, Service]
    digest: str
    retired: date | None = None
    successor: str | None = None
    default: bool = True
    lab: bool = True
    roots: str = ""
    """PEM text of the target's own authorities, where no public authority certifies its servers."""
    input: str | None = None
    """Web address, as given, of a target that was made from an address and is in no file."""
    category: str = ""
    """Category code in the list that the address comes from."""
    whole: bool = True
    """False for a part of the services, which gets its own measurement."""
    by_stranger: bool = False
    """True for a web address from another person's list. Private addresses of its name are not contacted."""
    run_link: str = ""
    """Number of the OONI Run link that asks for it, "" without one."""

    @property
    def test_calls(self) -> tuple[CallProtocol, ...]:
        """Return the protocols over which a test helper is called for this target, in the order of the calls.

        Its calls use them: SIP over UDP by its endpoints, and WebRTC by the shape of its packets.
        """
        found: dict[CallProtocol, bool] = {
            "sip": any(endpoint.dialect == "sip/udp" for _, endpoint in self.endpoints()),
            "webrtc": any(service.media == "rtp" for service in self.services.values()),
        }
        return tuple(protocol for protocol, uses in found.items() if uses)

    def only(self, roles: Collection[str]) -> "Target":
        """Return the target with only the services of these roles."""
        return replace(self, services={role: s for role, s in self.services.items() if role in roles}, whole=False)

    def only_endpoints(self, urls: Collection[str]) -> "Target":
        """Return the target with only these endpoints. A service without any of them is left out."""
        kept = {
            role: replace(service, endpoints=tuple(each for each in service.endpoints if each.url in urls))
            for role, service in self.services.items()
        }
        return replace(self, services={role: s for role, s in kept.items() if s.endpoints}, whole=False)

    def endpoints(self) -> Iterator[tuple[Service, Endpoint]]:
        for service in self.services.values():
            for endpoint in service.endpoints:
                yield service, endpoint


LAB_COUNTRY = "XX"  # ISO 3166-1 leaves it to users


@dataclass(frozen=True)
class PortHost:
    """Represent a server with many open ports, at which a port is compared. Without `ports`, all are open."""

    host: str
    ports: frozenset[int] = frozenset()

    def answers(self, port: int) -> bool:
        """Return whether the server accepts connections at a port."""
        return not self.ports or port in self.ports


@dataclass(frozen=True)
class NeutralHosts:
    """Represent neutral.toml: hosts that no censor has a reason to block, and what preflight needs."""

    innocuous: tuple[str, ...]
    """Names for the innocuous hello."""
    nonexistent: str
    """Name for which no resolver may give an address."""
    endpoints: tuple[Endpoint, ...]
    """Endpoints (`https`, `quic`) whose certificates prove that the network works."""
    portal: tuple[tuple[Endpoint, int, str], ...]
    """Checks for a captive portal: `http` endpoint, expected status, expected body or ""."""
    dark: str | None
    """Address that runs no resolver."""
    digest: str
    reachability: tuple[Endpoint, ...] = ()
    """Endpoints (`https`) that only get a connection, to see which networks are reachable.

    If a neutral host is cut off, they are asked for their certificates once.
    """
    home: tuple[tuple[str, Endpoint], ...] = ()
    """Country and endpoint (`https`) of hosts that are only tested from that country."""
    by_address: tuple[Endpoint, ...] = ()
    """Endpoints with an address as host, which get a connection if no name of a neutral host has an address."""
    port_hosts: tuple[PortHost, ...] = ()
    """Servers that get a connection at a port where connects to a service failed."""
    published: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses of home hosts by URL, where the operator publishes them for use without a name."""

    @property
    def home_hosts(self) -> tuple[Endpoint, ...]:
        """Return the home hosts of all countries, without the lab's, whose name has no server (RFC 2606)."""
        return tuple(endpoint for where, endpoint in self.home if where != LAB_COUNTRY)

    def home_of(self, country: str) -> tuple[Endpoint, ...]:
        """Return the endpoints that are tested from a country (two letters)."""
        return tuple(endpoint for where, endpoint in self.home if where == country)


def family_of(ip: str) -> Literal[4, 6]:
    return 6 if ":" in ip else 4


def is_address(host: str) -> bool:
    """Return whether `host` is an IPv4 or IPv6 literal (without brackets)."""
    return _cached(host) if len(host) <= _LONGEST_CACHED else _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_LONGEST_CACHED = 64  # characters. Hostile texts have any length.
_cached = lru_cache(maxsize=16384)(_is_address)  # an archive names the same hosts again and again


def parse_endpoint(url: str, *, ooni: bool = False, source: str | None = None) -> Endpoint:
    """Parse an endpoint's URI. Raise ValueError with a sentence for the user."""
    has_transport = url.partition("://")[0] in SCHEMES_WITH_TRANSPORT
    bare, _, parameters = url.partition(";") if has_transport else (url, "", "")  # RFC 3986 allows it in other paths
    parts = urlsplit(bare)
    if parts.scheme not in SCHEMES:
        problem = tr("{url} has an unknown scheme. Expected: {names}.", url=repr(url), names=listed(sorted(SCHEMES)))
        raise ValueError(problem + hint(parts.scheme, SCHEMES))
    try:
        port = parts.port
    except ValueError:
        problem = tr("{url} has no usable port. Expected: a number from 1 to 65535.", url=repr(url))
        raise ValueError(problem) from None
    if not parts.hostname or not port:
        raise ValueError(
            tr(
                "{url} has no host or no explicit port. Expected: {scheme}://HOST:PORT.",
                url=repr(url),
                scheme=parts.scheme,
            )
        )
    transport = parameters.removeprefix("transport=")
    if parameters and (transport == parameters or transport not in TRANSPORTS):
        raise ValueError(
            tr(
                "{url} has a bad parameter {parameter}. Expected: transport=udp, transport=tcp or transport=tls.",
                url=repr(url),
                parameter=repr(parameters),
            )
        )
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path
    return Endpoint(url, parts.scheme, parts.hostname, port, path, transport, ooni, source)

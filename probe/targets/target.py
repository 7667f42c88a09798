"""Load target files (`targets/*.toml`) and check them. An error names file, key, problem and remedy."""

import hashlib
import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from probe.files import read_regular
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
from probe.targets.target_error import TargetError as TargetError
from probe.targets.target_error import hint

LARGEST_ROOTS = 1 << 20  # bytes of a target's PEM file
NOT_TARGETS = frozenset({"neutral"})  # files in the folder that are no targets (the list of public resolvers is one)


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
        """Yield each endpoint with its service."""
        for service in self.services.values():
            for endpoint in service.endpoints:
                yield service, endpoint


@dataclass(frozen=True)
class Neutral:
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
    """Endpoints (`https`) that only get a connection, to see which networks are reachable."""


def family_of(ip: str) -> Literal[4, 6]:
    """Return the family of an IP literal."""
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


def load_target(path: Path, nettests: frozenset[str] | None = None) -> Target:
    """Load one target file. `nettests`, if given, are the known nettests. Raise TargetError."""
    from probe.targets.schema import TargetFile, read_toml, validate  # here, so that `probe judge` starts faster

    raw, table = read_toml(path)
    file = validate(TargetFile, table, path)
    if nettests is not None and file.nettest not in nettests:
        raise TargetError(
            tr(
                "{path}, nettest: {name} is unknown. Expected: {names}.",
                path=path,
                name=repr(file.nettest),
                names=listed(sorted(nettests)),
            )
            + hint(file.nettest, nettests)
        )
    services = {
        role: Service(
            role, spec.works_if, _endpoints(spec.endpoints, path, f"services.{role}.endpoints"), tuple(spec.needs)
        )
        for role, spec in file.services.items()
    }
    about = file.model_dump(exclude={"services", "roots"})
    roots = _own_roots(path, file.roots) if file.roots else ""
    digest = hashlib.sha256(raw + roots.encode()).hexdigest()
    return Target(name=path.stem, services=services, digest=digest, roots=roots, **about)


def load_neutral(path: Path) -> Neutral:
    """Load neutral.toml. Raise TargetError."""
    from probe.targets.schema import EndpointTable, NeutralFile, read_toml, validate  # here for the same reason

    raw, table = read_toml(path)
    file = validate(NeutralFile, table, path)
    portal = tuple(
        (_endpoints([EndpointTable(url=check.url)], path, "portal")[0], check.status, check.body)
        for check in file.portal
    )
    return Neutral(
        innocuous=tuple(file.innocuous),
        nonexistent=file.nonexistent,
        endpoints=_endpoints(file.endpoints, path, "endpoints"),
        portal=portal,
        dark=file.dark,
        digest=hashlib.sha256(raw).hexdigest(),
        reachability=_endpoints(file.reachability, path, "reachability"),
    )


def bundled_targets() -> Path:
    """Return the folder of the bundled target files: `targets/` in a checkout, package data in a wheel."""
    packaged = Path(__file__).parents[1] / "data" / "targets"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "targets"


def target_names(folder: Path) -> list[str]:
    """Return the names of the targets in `folder`, sorted. Raise TargetError if the folder cannot be read."""
    if not folder.is_dir():
        raise TargetError(tr("{path} is no folder of target files. Name one with `--targets DIR`.", path=folder))
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem not in NOT_TARGETS)


def pick_targets(folder: Path, names: list[str], nettests: frozenset[str] | None = None) -> list[Target]:
    """Load the named targets, or all that are measured by default. Raise TargetError."""
    known = target_names(folder)
    for name in names:
        if name not in known:
            problem = tr("There is no target {name}. `probe targets list` prints all targets.", name=repr(name))
            raise TargetError(problem + hint(name, known))
    if names:
        return [load_target(folder / f"{name}.toml", nettests) for name in names]
    return [target for name in known if (target := load_target(folder / f"{name}.toml", nettests)).default]


def _own_roots(path: Path, name: str) -> str:
    """Return the text of the PEM file `name` in the target file's folder. Raise TargetError."""
    try:
        text = read_regular(path.parent / name, LARGEST_ROOTS).decode("ascii")
    except OSError as error:
        problem = tr(
            "{path}, roots: {name} cannot be read ({reason}). It must be in the same folder.",
            path=path,
            name=name,
            reason=error.strerror,
        )
        raise TargetError(problem) from None
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise TargetError(
            tr("{path}, roots: {name} contains no certificate. Expected: PEM text.", path=path, name=name)
        )
    return text


def _endpoints(specs: list[Any], path: Path, key: str) -> tuple[Endpoint, ...]:
    from probe.targets.schema import EndpointTable  # here for the same reason

    found = []
    for number, spec in enumerate(specs, 1):
        table = EndpointTable(url=spec) if isinstance(spec, str) else spec
        try:
            found.append(parse_endpoint(table.url, ooni=table.ooni, source=table.source))
        except ValueError as error:
            raise TargetError(
                tr("{path}, {key}: {problem}", path=path, key=f"{key}[{number}]", problem=error)
            ) from None
    return tuple(found)

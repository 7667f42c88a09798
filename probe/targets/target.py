"""targets/*.toml → Target, checked at load; a bad file is answered with file, key, what is wrong and expected."""

import hashlib
import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from probe.targets.dialects import (
    DEFAULT_TRANSPORT,
    DIALECTS,
    HTTP3,
    SCHEMES,
    SCHEMES_WITH_TRANSPORT,
    TRANSPORTS,
    Dialect,
)
from probe.targets.schema import EndpointTable, NeutralFile, TargetFile, hint, read_toml, validate
from probe.targets.schema import TargetError as TargetError

NOT_TARGETS = frozenset({"neutral"})  # files that stand beside the targets; the list of public resolvers is one itself


@dataclass(frozen=True)
class Endpoint:
    """A URI with an explicit port; `transport` is the `;transport=` of STUN, TURN and SIP, else ""."""

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
        """Whether the host is an IP address, so that no name has to be resolved."""
        return is_address(self.host)

    @cached_property
    def dialect(self) -> str:
        """What is spoken there: the scheme, for STUN, TURN and SIP with the transport: `https`, `sip/tls`."""
        if self.scheme in SCHEMES_WITH_TRANSPORT:
            return f"{self.scheme}/{self.transport or DEFAULT_TRANSPORT}"
        return self.scheme

    @cached_property
    def facts(self) -> Dialect:
        """Return the facts about the dialect."""
        return HTTP3 if self.dialect == "quic" and self.path else DIALECTS[self.dialect]

    @cached_property
    def carrier(self) -> Literal["udp", "tcp"]:
        """What carries it: datagrams or a TCP connection."""
        return self.facts.carrier


@dataclass(frozen=True)
class Service:
    """One role of a target, judged as one; `works_if` says how its endpoints combine."""

    role: str
    works_if: Literal["all", "any"]
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Target:
    """A product users care about. `digest` is the SHA-256 of the file, and of its roots if it has any, hexadecimal."""

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
    """PEM text of the target's own authorities, where its servers are certified by no public one."""
    input: str | None = None
    """The web address, as it was given, of a target that was made from one and stands in no file."""
    category: str = ""
    """Its category code in the list that it comes from."""
    whole: bool = True
    """False where these are some of its services, which get a line of their own."""

    def only(self, roles: Collection[str]) -> "Target":
        """The target with the services of these roles alone."""
        return replace(self, services={role: s for role, s in self.services.items() if role in roles}, whole=False)

    def endpoints(self) -> Iterator[tuple[Service, Endpoint]]:
        for service in self.services.values():
            for endpoint in service.endpoints:
                yield service, endpoint


@dataclass(frozen=True)
class Neutral:
    """Hosts that no censor has a reason to touch, and what preflight needs (neutral.toml)."""

    innocuous: tuple[str, ...]  # names for the harmless hello
    nonexistent: str  # a name that no resolver may answer
    endpoints: tuple[Endpoint, ...]  # https:// endpoints whose certificates prove that the network works
    portal: tuple[tuple[Endpoint, int, str], ...]  # (http endpoint, expected status, expected body or "")
    dark: str | None  # an address known to run no resolver
    digest: str


def is_address(host: str) -> bool:
    """Say whether `host` is an IPv4 or IPv6 literal (without brackets)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_endpoint(url: str, *, ooni: bool = False, source: str | None = None) -> Endpoint:
    """Read an endpoint's URI. Raises ValueError with what was expected."""
    calls = url.partition("://")[0] in SCHEMES_WITH_TRANSPORT
    bare, _, parameters = url.partition(";") if calls else (url, "", "")  # in a web address it is a letter like others
    parts = urlsplit(bare)
    if parts.scheme not in SCHEMES:
        near = get_close_matches(parts.scheme, SCHEMES, 1)
        raise ValueError(f"{url!r} has an unknown scheme; expected one of {', '.join(sorted(SCHEMES))}" + hint(near))
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} has no usable port; expected a number from 1 to 65535") from None
    if not parts.hostname or not port:
        raise ValueError(f"{url!r} needs a host and an explicit port; expected the form {parts.scheme}://HOST:PORT")
    transport = parameters.removeprefix("transport=")
    if parameters and (transport == parameters or transport not in TRANSPORTS):
        raise ValueError(f"{url!r} has a bad parameter {parameters!r}; expected transport=udp, tcp or tls")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path
    return Endpoint(url, parts.scheme, parts.hostname, port, path, transport, ooni, source)


def load_target(path: Path, nettests: frozenset[str] | None = None) -> Target:
    """Load one target file. `nettests`, when given, are the known methods. Raises TargetError with one sentence."""
    raw, table = read_toml(path)
    file = validate(TargetFile, table, path)
    if nettests is not None and file.nettest not in nettests:
        known = ", ".join(sorted(nettests))
        raise TargetError(f"{path}: nettest: {file.nettest!r} is unknown; expected one of {known}")
    services = {
        role: Service(role, spec.works_if, _endpoints(spec.endpoints, path, f"services.{role}.endpoints"))
        for role, spec in file.services.items()
    }
    about = file.model_dump(exclude={"services", "roots"})
    roots = _own_roots(path, file.roots) if file.roots else ""
    digest = hashlib.sha256(raw + roots.encode()).hexdigest()
    return Target(name=path.stem, services=services, digest=digest, roots=roots, **about)


def load_neutral(path: Path) -> Neutral:
    """Load neutral.toml. Raises TargetError with one sentence."""
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
    )


def bundled_targets() -> Path:
    """The folder of target files that came with the program: in a checkout `targets/`, in a wheel package data."""
    packaged = Path(__file__).parents[1] / "data" / "targets"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "targets"


def target_names(folder: Path) -> list[str]:
    """The names of the targets in `folder`, sorted. Raises TargetError when the folder cannot be read."""
    if not folder.is_dir():
        raise TargetError(f"{folder}: is no folder of target files; give one with --targets DIR")
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem not in NOT_TARGETS)


def pick_targets(folder: Path, names: list[str], nettests: frozenset[str] | None = None) -> list[Target]:
    """Load the named targets, or all that are on by default. Raises TargetError, with a near name if any."""
    known = target_names(folder)
    for name in names:
        if name not in known:
            raise TargetError(
                f"unknown target {name!r}; `probe targets list` names them all"
                + hint(get_close_matches(name, known, 1))
            )
    if names:
        return [load_target(folder / f"{name}.toml", nettests) for name in names]
    return [target for name in known if (target := load_target(folder / f"{name}.toml", nettests)).default]


def _own_roots(path: Path, name: str) -> str:
    """The certificates in the PEM file `name` beside the target's file. Raises TargetError."""
    try:
        text = (path.parent / name).read_text(encoding="ascii")
    except OSError as error:
        raise TargetError(f"{path}: roots: {name} cannot be read ({error.strerror}); it must stand beside") from None
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise TargetError(f"{path}: roots: {name} holds no certificate; expected PEM text")
    return text


def _endpoints(specs: list[Any], path: Path, key: str) -> tuple[Endpoint, ...]:
    found = []
    for number, spec in enumerate(specs, 1):
        table = EndpointTable(url=spec) if isinstance(spec, str) else spec
        try:
            found.append(parse_endpoint(table.url, ooni=table.ooni, source=table.source))
        except ValueError as error:
            raise TargetError(f"{path}: {key}[{number}]: {error}") from None
    return tuple(found)

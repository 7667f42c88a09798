"""targets/*.toml → Target, checked at load; a bad file is answered with file, key, what is wrong and expected."""

import hashlib
import ipaddress
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

File = TypeVar("File", bound=BaseModel)

WEB_SCHEMES = ("https", "http", "tls", "quic", "tcp")
CALL_SCHEMES = ("mtproto", "noise", "stun", "turn", "sip")
MAIL_SCHEMES = ("smtp+starttls", "imap+starttls", "smtps", "imaps")
DNS_SCHEMES = ("dns+udp", "dns+tcp", "dot", "doh")
SCHEMES = frozenset(WEB_SCHEMES + CALL_SCHEMES + MAIL_SCHEMES + DNS_SCHEMES)
CALL_TRANSPORTS = frozenset({"stun", "turn", "sip"})  # schemes whose endpoints say a transport; UDP when they do not
TRANSPORTS = frozenset({"udp", "tcp", "tls"})
NOT_TARGETS = frozenset({"neutral", "resolvers"})  # files that stand beside the targets


class TargetError(ValueError):
    """A target file or name that cannot be used; its text is one sentence for the user."""


@dataclass(frozen=True)
class Endpoint:
    """A URI with an explicit port; `transport` is the `;transport=` of STUN, TURN and SIP, else ""."""

    url: str
    scheme: str
    host: str
    port: int
    path: str = ""
    transport: str = ""
    ooni: bool = False
    source: str | None = None

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address, so that no name has to be resolved."""
        return is_address(self.host)

    @property
    def dialect(self) -> str:
        """What is spoken there: the scheme, for STUN, TURN and SIP with the transport: `https`, `sip/tls`."""
        return f"{self.scheme}/{self.transport or 'udp'}" if self.scheme in CALL_TRANSPORTS else self.scheme

    @property
    def carrier(self) -> Literal["udp", "tcp"]:
        """What carries it: datagrams or a TCP connection."""
        return "udp" if self.dialect.endswith("/udp") or self.scheme in {"quic", "dns+udp"} else "tcp"


@dataclass(frozen=True)
class Service:
    """One role of a target, judged as one; `works_if` says how its endpoints combine."""

    role: str
    works_if: Literal["all", "any"]
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Target:
    """A product users care about. `digest` is the SHA-256 of the file, hexadecimal."""

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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _EndpointTable(_Strict):
    url: str
    ooni: bool = False
    source: str | None = None


class _ServiceTable(_Strict):
    works_if: Literal["all", "any"] = "all"
    endpoints: list[str | _EndpointTable] = Field(min_length=1)


class _TargetFile(_Strict):
    nettest: str
    title: str
    source: str
    reviewed: date
    retired: date | None = None
    successor: str | None = None
    default: bool = True
    lab: bool = True
    services: dict[str, _ServiceTable] = Field(min_length=1)

    @field_validator("services")
    @classmethod
    def _plain_roles(cls, services: dict[str, _ServiceTable]) -> dict[str, _ServiceTable]:
        for role in services:
            if not role.replace("_", "").isalnum() or role != role.lower():
                raise ValueError(f"role {role!r}: expected lower-case letters, digits and underscores")
        return services


class _PortalTable(_Strict):
    url: str
    status: int
    body: str = ""
    source: str | None = None


class _NeutralFile(_Strict):
    title: str
    source: str
    reviewed: date
    innocuous: list[str] = Field(min_length=1)
    nonexistent: str
    endpoints: list[str | _EndpointTable] = Field(min_length=1)
    portal: list[_PortalTable] = Field(default_factory=list)
    dark: str | None = None


def is_address(host: str) -> bool:
    """Say whether `host` is an IPv4 or IPv6 literal (without brackets)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_endpoint(url: str, *, ooni: bool = False, source: str | None = None) -> Endpoint:
    """Read an endpoint's URI. Raises ValueError with what was expected."""
    bare, _, parameters = url.partition(";")
    parts = urlsplit(bare)
    if parts.scheme not in SCHEMES:
        near = get_close_matches(parts.scheme, SCHEMES, 1)
        raise ValueError(f"{url!r} has an unknown scheme; expected one of {', '.join(sorted(SCHEMES))}" + _hint(near))
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} has no usable port; expected a number from 1 to 65535") from None
    if not parts.hostname or not port:
        raise ValueError(f"{url!r} needs a host and an explicit port; expected the form {parts.scheme}://HOST:PORT")
    transport = parameters.removeprefix("transport=")
    if parameters and (transport == parameters or transport not in TRANSPORTS):
        raise ValueError(f"{url!r} has a bad parameter {parameters!r}; expected transport=udp, tcp or tls")
    return Endpoint(url, parts.scheme, parts.hostname, port, parts.path, transport, ooni, source)


def load_target(path: Path, nettests: frozenset[str] | None = None) -> Target:
    """Load one target file. `nettests`, when given, are the known methods. Raises TargetError with one sentence."""
    raw, table = _read(path)
    file = _validate(_TargetFile, table, path)
    if nettests is not None and file.nettest not in nettests:
        known = ", ".join(sorted(nettests))
        raise TargetError(f"{path}: nettest: {file.nettest!r} is unknown; expected one of {known}")
    services = {
        role: Service(role, spec.works_if, _endpoints(spec.endpoints, path, f"services.{role}.endpoints"))
        for role, spec in file.services.items()
    }
    about = file.model_dump(exclude={"services"})
    return Target(name=path.stem, services=services, digest=hashlib.sha256(raw).hexdigest(), **about)


def load_neutral(path: Path) -> Neutral:
    """Load neutral.toml. Raises TargetError with one sentence."""
    raw, table = _read(path)
    file = _validate(_NeutralFile, table, path)
    portal = tuple(
        (_endpoints([_EndpointTable(url=check.url)], path, "portal")[0], check.status, check.body)
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
    packaged = Path(__file__).parent / "data" / "targets"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "targets"


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
                + _hint(get_close_matches(name, known, 1))
            )
    if names:
        return [load_target(folder / f"{name}.toml", nettests) for name in names]
    return [target for name in known if (target := load_target(folder / f"{name}.toml", nettests)).default]


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = path.read_bytes()
        return raw, tomllib.loads(raw.decode())
    except OSError as error:
        raise TargetError(f"{path}: cannot be read ({error.strerror}); expected a TOML file") from None
    except UnicodeDecodeError:
        raise TargetError(f"{path}: is not UTF-8 text; expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{path}: is not valid TOML: {error}") from None


def _validate(model: type[File], table: dict[str, Any], path: Path) -> File:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])  # a typo explains the rest
        key = ".".join(str(part) for part in first["loc"] if part not in {"str", "_EndpointTable"}) or "(top level)"
        if first["type"] == "extra_forbidden":
            names = sorted(_table_at(first["loc"], model).model_fields)
            near = get_close_matches(str(first["loc"][-1]), names, 1)
            raise TargetError(f"{path}: {key}: unknown key; expected one of {', '.join(names)}" + _hint(near)) from None
        raise TargetError(f"{path}: {key}: {first['msg'][0].lower() + first['msg'][1:]}") from None


def _table_at(loc: tuple[int | str, ...], top: type[BaseModel]) -> type[BaseModel]:
    """The table that holds the key at `loc`."""
    if "_EndpointTable" in loc:
        return _EndpointTable
    inner: dict[str, type[BaseModel]] = {"services": _ServiceTable, "portal": _PortalTable}
    return inner.get(str(loc[0]), top) if len(loc) > 1 else top


def _endpoints(specs: list[Any], path: Path, key: str) -> tuple[Endpoint, ...]:
    found = []
    for number, spec in enumerate(specs, 1):
        table = _EndpointTable(url=spec) if isinstance(spec, str) else spec
        try:
            found.append(parse_endpoint(table.url, ooni=table.ooni, source=table.source))
        except ValueError as error:
            raise TargetError(f"{path}: {key}[{number}]: {error}") from None
    return tuple(found)


def _hint(near: list[str]) -> str:
    return f" (did you mean {near[0]!r}?)" if near else ""

"""Build the hosts of the emulated Internet from target files: names, addresses, services, and an own authority."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.kit.names import matches
from probe.lab.scenario.faults import (
    BrokenAAAA,
    Clock,
    ExpiredCertificate,
    FilteringResolver,
    IPv6Only,
    NewAuthority,
    NoQUIC,
    NoSTARTTLS,
    OddAnswers,
    Placed,
    Portal,
    PublishedBogon,
    RefuseUnknownNames,
    Rotating,
    ServerDown,
    Unhelpful,
    WrongCertificate,
)
from probe.lab.scenario.scenario import Page, Scenario
from probe.lab.world.authority import Authority
from probe.lab.world.noise_identity import NoiseIdentity
from probe.lab.world.pools import Pool
from probe.targets.target import Endpoint, Neutral, Target, is_address, load_neutral, load_target, target_names
from probe.targets.url_lists import web_endpoint, web_target

PROVIDERS_RESOLVER = "192.88.99.53"
HELPERS_RESOLVER = "192.88.99.153"
HELPER_V4, HELPER_V6 = "192.88.99.200", "3c00:88:99:200::5"
HELPER_PORT = 80
PORTAL = "192.88.99.80"  # the login page's server, which a portal gives as every name's address

Certificate = Literal["good", "wrong", "expired", "new"]


@dataclass
class Host:
    """Describe one server. `ports` has the dialects of each TCP or UDP port, as in `probe.targets.target.Endpoint`."""

    names: list[str]
    addresses: list[str]
    title: str = ""
    services: set[str] = field(default_factory=set)
    ports: dict[int, set[str]] = field(default_factory=dict)
    certificate: Certificate = "good"
    refuses_unknown: bool = False
    no_starttls: bool = False
    unhelpful: Literal["", "to_all", "but_to_helper"] = ""  # its answers prove no service
    no_quic: Literal["", "silent", "refused"] = ""
    down: Literal["", "silent", "refused", "hangs_up"] = ""
    unreachable: list[str] = field(default_factory=list)  # those of its addresses that no packet reaches
    rotates: bool = False  # each DNS answer has one address of each family
    denies: list[str] = field(default_factory=list)  # of a resolver: names that get NXDOMAIN
    broken_aaaa: str = ""  # rcode of the answers to AAAA queries
    answers: tuple[int, str] | None = None  # status and title of every HTTP answer, if not the usual ones

    def serves(self, client: str) -> bool:
        """Return whether a client with this address is served."""
        return not self.unhelpful or (self.unhelpful == "but_to_helper" and client in {HELPER_V4, HELPER_V6})

    @property
    def certified(self) -> list[str]:
        """Return the names, or else the addresses, in its certificate."""
        return self.names or self.addresses


@dataclass(frozen=True)
class InterceptingServer:
    """Describe a censor's server that imitates `host`. It forges certificates for `names`."""

    host: Host
    real: str
    address: str
    names: tuple[str, ...]
    signed_by: str  # a value of TLSIntercept.signed_by


@dataclass
class World:
    """Hold everything that the servers and the censors need to know."""

    targets: list[Target]
    hosts: list[Host]
    zone: dict[str, list[str]]
    dark: str | None
    pages: dict[tuple[str, str], tuple[int, str]]  # portal checks by (host, path)
    authority: Authority
    noise: NoiseIdentity
    machines: Authority  # trusted by the user's computer only, if a scenario needs it
    newest: Authority  # trusted by the helper, missing in the user's list of roots
    web: dict[tuple[str, str, str], Page] = field(default_factory=dict)  # by (scheme, host, path)
    intercepting_servers: list[InterceptingServer] = field(default_factory=list)
    now_offset: timedelta = timedelta()
    rotating: frozenset[str] = frozenset()  # names whose DNS answers have one address of each family
    denied: dict[str, list[str]] = field(default_factory=dict)  # resolver's address: names that it denies
    broken_aaaa: dict[str, str] = field(default_factory=dict)  # name: rcode of the answers to AAAA queries

    def now(self) -> datetime:
        """Return the time of the world, which may differ from the computer's."""
        return datetime.now(UTC) + self.now_offset

    @property
    def servers(self) -> list[str]:
        """Return every address that a server may listen at."""
        found = [address for host in self.hosts for address in host.addresses]
        found += [interceptor.address for interceptor in self.intercepting_servers]
        found += [PROVIDERS_RESOLVER, HELPERS_RESOLVER, *([self.dark] if self.dark else [])]
        return list(dict.fromkeys(found))

    @property
    def silent(self) -> list[str]:
        """Return the addresses that never answer."""
        silent = [address for host in self.hosts if host.down == "silent" for address in host.addresses]
        return [*silent, *(address for host in self.hosts for address in host.unreachable)]

    def deployment(self) -> Deployment:
        """Return what a censor knows of this world."""
        services: dict[str, list[str]] = {}
        for host in self.hosts:
            for service in host.services:
                services.setdefault(service, []).extend(host.addresses)
        return Deployment(
            zone=self.zone,
            services=services,
            resolvers=[PROVIDERS_RESOLVER],
            helper=[HELPER_V4, HELPER_V6],
            intercepting_servers={interceptor.real: interceptor.address for interceptor in self.intercepting_servers},
        )


def build_world(folder: Path, scenario: Scenario, seed: int) -> World:
    """Build the world of a scenario from a folder of target files. Raises TargetError."""
    targets = [load_target(folder / f"{name}.toml") for name in target_names(folder)]
    neutral = load_neutral(folder / "neutral.toml")
    resolvers = load_target(folder / "resolvers.toml")
    active = [target for target in targets if target.lab and target.retired is None and target.name != resolvers.name]
    web = {(e.scheme, e.host, e.path): page for page in scenario.pages for e in [web_endpoint(page.url)]}
    hosts = _HostBuilder(
        seed, [*active, *(web_target(page.url) for page in scenario.pages), resolvers], neutral
    ).hosts()
    _apply_faults(hosts, scenario, seed)
    if any(isinstance(fault, Portal) and "dns" in fault.by for fault in scenario.faults):
        hosts.append(Host(names=[], addresses=[PORTAL], title="Welcome", ports={80: {"http"}}))
    offset = sum((timedelta(days=fault.days) for fault in scenario.faults if isinstance(fault, Clock)), timedelta())
    return World(
        targets=targets,
        hosts=hosts,
        zone={name: list(host.addresses) for host in hosts for name in host.names},
        dark=neutral.dark,
        pages={(check.host, check.path or "/"): (status, body) for check, status, body in neutral.portal},
        authority=Authority("Lab Root, trusted inside the lab only", datetime.now(UTC) + offset),
        noise=NoiseIdentity(datetime.now(UTC) + offset),
        web=web,
        machines=Authority("Web Shield of This Computer", datetime.now(UTC) + offset),
        newest=Authority("Lab Root of This Year", datetime.now(UTC) + offset),
        intercepting_servers=list(_intercepting_servers(hosts, scenario)),
        now_offset=offset,
        rotating=frozenset(name for host in hosts if host.rotates for name in host.names),
        denied={address: host.denies for host in hosts if host.denies for address in host.addresses},
        broken_aaaa={name: host.broken_aaaa for host in hosts if host.broken_aaaa for name in host.names},
    )


class _HostBuilder:
    """Make one host for each host name and address in the target files."""

    def __init__(self, seed: int, targets: Sequence[Target], neutral: Neutral) -> None:
        self._targets, self._neutral = targets, neutral
        literals = {endpoint.host for _, _, endpoint in self._all() if endpoint.is_literal}
        self._pool = Pool(seed, literals | {PROVIDERS_RESOLVER, HELPERS_RESOLVER, HELPER_V4, HELPER_V6})
        self._by_host: dict[str, Host] = {}

    def _all(self) -> Iterator[tuple[str, str, Endpoint]]:
        """Yield (target, role, endpoint) of every file. The role of neutral hosts is ""."""
        for target in self._targets:
            for service, endpoint in target.endpoints():
                yield target.name, service.role, endpoint
        for endpoint in self._neutral.endpoints:
            yield "neutral", "", endpoint
        for endpoint, _, _ in self._neutral.portal:
            yield "neutral", "", endpoint

    def hosts(self) -> list[Host]:
        titles = {target.name: target.title for target in self._targets}
        self._add_resolvers()
        for target, role, endpoint in self._all():
            host = self._host(target, role, endpoint)
            host.title = host.title or titles.get(target, endpoint.host)
            host.ports.setdefault(endpoint.port, set()).add(endpoint.dialect)
            if role:
                host.services.add(f"{target}/{role}")
            elif endpoint.scheme == "https":
                host.ports.setdefault(80, set()).add("http")  # as on every web server
        return list({id(host): host for host in self._by_host.values()}.values())

    def _add_resolvers(self) -> None:
        """Make one host for each role with DNS. Its names have the addresses that its endpoints give."""
        roles: dict[tuple[str, str], list[str]] = {}
        for target, role, endpoint in self._all():
            if endpoint.facts.is_resolver and role:
                roles.setdefault((target, role), []).append(endpoint.host)
        for members in roles.values():
            addresses = [member for member in dict.fromkeys(members) if is_address(member)]
            names = [member for member in dict.fromkeys(members) if not is_address(member)]
            if addresses:
                host = Host(names=names, addresses=addresses)
                self._by_host.update(dict.fromkeys([*names, *addresses], host))

    def _host(self, target: str, role: str, endpoint: Endpoint) -> Host:
        known = self._by_host.get(endpoint.host)
        if known is not None:
            return known
        if endpoint.is_literal:
            host = Host(names=[], addresses=[endpoint.host])
        else:
            many = endpoint.scheme in {"https", "http"}
            host = Host(names=[endpoint.host], addresses=list(self._pool.draw(target, endpoint.host, many=many)))
        self._by_host[endpoint.host] = host
        return host


def _apply_faults(hosts: Sequence[Host], scenario: Scenario, seed: int) -> None:
    pool = Pool(seed, {address for host in hosts for address in host.addresses})
    for fault in scenario.faults:
        if not isinstance(fault, Placed):
            continue
        for host in hosts:
            if _applies_to(host, fault):
                _apply(host, fault, pool)


def _apply(host: Host, fault: Placed, pool: Pool) -> None:
    match fault:
        case ServerDown():
            host.down = fault.how
        case RefuseUnknownNames():
            host.refuses_unknown = True
        case NoSTARTTLS():
            host.no_starttls = True
        case Unhelpful():
            host.unhelpful = "but_to_helper" if fault.spares_helper else "to_all"
        case NoQUIC():
            host.no_quic = fault.how
        case OddAnswers():
            host.answers = (fault.status, fault.title)
        case WrongCertificate():
            host.certificate = "wrong"
        case ExpiredCertificate():
            host.certificate = "expired"
        case NewAuthority():
            host.certificate = "new"
        case Rotating() if host.names:
            host.rotates = not fault.together
            host.addresses += pool.draw_elsewhere(host.names[0])
        case PublishedBogon() if host.names:
            host.unreachable = [pool.draw_private(host.names[0])]
            host.addresses = [*host.unreachable, *(host.addresses if fault.beside else ())]
        case IPv6Only() if host.names:
            host.addresses = [address for address in host.addresses if ":" in address]
        case FilteringResolver():
            host.denies = [*host.denies, *fault.denies]
        case BrokenAAAA():
            host.broken_aaaa = fault.rcode


def _applies_to(host: Host, fault: Placed) -> bool:
    if not fault.services and not fault.names:
        return bool(host.services)
    if any(matches(name, fault.names) for name in [*host.names, *host.addresses]):
        return True
    return any(_in_services(service, fault.services) for service in host.services)


def _in_services(service: str, wanted: Sequence[str]) -> bool:
    return service in wanted or f"{service.split('/')[0]}/*" in wanted


def _intercepting_servers(hosts: Iterable[Host], scenario: Scenario) -> Iterator[InterceptingServer]:
    """Yield one intercepting server per real address of the names in each TLSIntercept."""
    count = 0
    for censor in scenario.censors:
        if not isinstance(censor, TLSIntercept):
            continue
        for host in hosts:
            if not any(matches(name, censor.names) for name in host.names):
                continue
            for real in filter(censor.handles_family, host.addresses):
                count += 1
                address = f"3c00:bad::{count:x}" if ":" in real else f"198.18.{count >> 8}.{count & 0xFF}"
                yield InterceptingServer(host, real, address, tuple(censor.names), censor.signed_by)

"""Build the world of a scenario: hosts, names, certificate authorities and intercepting servers."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network
from pathlib import Path

from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.kit.name_patterns import matches
from probe.lab.scenario.faults import Clock, IPv6Alone, Portal
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import Page
from probe.lab.world.authority import Authority
from probe.lab.world.hosts import (
    HELPER_V4,
    HELPER_V6,
    HELPERS_RESOLVER,
    PORTAL,
    PROVIDERS_RESOLVER,
    Host,
    HostBuilder,
    InterceptingServer,
)
from probe.lab.world.noise_identity import NoiseIdentity
from probe.lab.world.server_faults import apply_faults
from probe.targets.address_guard import NAT64
from probe.targets.filter_file import load_filters
from probe.targets.target import Target
from probe.targets.target_files import load_neutral, load_target, target_names
from probe.targets.translator_prefix import TranslatorPrefix
from probe.targets.url_lists import web_endpoint, web_target

ADVERTISER = ("151.101.255.254", "2a04:4e42:ffff::1")  # of every name in filters.toml, in the prefixes of OTHERS
ECHCHECK = "echcheck"  # the nettest whose servers publish a key


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
    with_ech_key: frozenset[str] = frozenset()  # names that have an HTTPS record with a key
    advertisements: list[str] = field(default_factory=list)  # names of advertising, which have no server
    translator: TranslatorPrefix | None = None  # of the user's network, if it has IPv6 alone
    translates_names: bool = True  # the provider's resolver makes addresses for it (DNS64)

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
    hosts = HostBuilder(seed, [*active, *(web_target(page.url) for page in scenario.pages), resolvers], neutral).hosts()
    filters = load_filters(folder)
    hosts += [Host(names=[name], addresses=list(ADVERTISER)) for name in filters.names]
    if scenario.path.resolver and all(scenario.path.resolver not in host.addresses for host in hosts):
        hosts.append(
            Host(
                names=[],
                addresses=[scenario.path.resolver],
                ports={53: {f"dns+{transport}" for transport in ("udp", "tcp")}},
            )
        )
    apply_faults(hosts, scenario, seed)
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
        advertisements=list(filters.advertisements),
        translator=_translator(scenario, seed),
        translates_names=all(fault.tells_prefix for fault in scenario.faults if isinstance(fault, IPv6Alone)),
        with_ech_key=frozenset(e.host for one in active if one.nettest == ECHCHECK for _, e in one.endpoints()),
    )


def _translator(scenario: Scenario, seed: int) -> TranslatorPrefix | None:
    """Return the prefix of the translator in the user's network: the well-known one, or one of the provider's."""
    if not any(isinstance(fault, IPv6Alone) for fault in scenario.faults):
        return None
    drawn = random.Random(f"translator {seed}")
    if seed == 0 or drawn.random() < 0.3:
        return TranslatorPrefix(NAT64)
    length, part = drawn.choice((32, 40, 48, 56, 64, 96)), drawn.randint(0x6400, 0x64FF)
    return TranslatorPrefix(IPv6Network((f"3c00:{part:x}::", length)))


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

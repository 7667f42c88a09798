"""Apply the faults of a scenario to the hosts that they name."""

import math
import random
from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import TypeGuard, get_args

from probe.lab.censors.kit.name_patterns import NO_SERVER, is_of, matches
from probe.lab.net.layout import FirewallRule, LocalFilterHow, Outage, ProtectionFromBursts, RateOfConnections
from probe.lab.scenario.faults import (
    REFUSALS,
    BrokenAAAA,
    BurstBan,
    ClosingConnections,
    ConnectionLimit,
    ConnectionRate,
    ExpiredCertificate,
    FilteringResolver,
    FirstReset,
    IPv6Only,
    LargePages,
    LocalFirewall,
    NewAuthority,
    NoQUIC,
    NoSTARTTLS,
    OddAnswers,
    Placed,
    PublishedBogon,
    RefusedCalls,
    RefusedMail,
    RefuseUnknownNames,
    RegisteredOnly,
    Rotating,
    ServerDown,
    SlowPages,
    StallingPages,
    Unhelpful,
    WrongCertificate,
)
from probe.lab.scenario.scenario import Scenario, ScenarioError
from probe.lab.sip_statuses import drawn_status
from probe.lab.world.hosts import (
    HELPER_V4,
    HELPER_V6,
    PROVIDERS_RESOLVER,
    Certificate,
    ClientLimit,
    FirstResets,
    Host,
    MailRefusal,
    OddAnswer,
    SIPRefusal,
    Stall,
)
from probe.lab.world.pools import OPERATORS, OTHERS, PROVIDERS, Pool

_CERTIFICATES: dict[type[Placed], Certificate] = {
    WrongCertificate: "wrong",
    ExpiredCertificate: "expired",
    NewAuthority: "new",
}


def apply_faults(hosts: Sequence[Host], scenario: Scenario, seed: int) -> None:
    """Change the hosts as the scenario's faults say. New addresses depend on the seed.

    Raises ScenarioError for a service without a server, because then the fault would do nothing.
    """
    services = {service for host in hosts for service in host.services}
    pool = Pool(seed, {address for host in hosts for address in host.addresses})
    for fault in scenario.faults:
        if not isinstance(fault, Placed):
            continue
        for wanted in fault.services:
            if not any(is_of(service, [wanted]) for service in services):
                raise ScenarioError(f"{scenario.name}: {NO_SERVER.format(service=wanted)}")
        limit = ClientLimit(fault.most, fault.seconds, fault.spares_helper) if _is_limit(fault) else None
        for host in hosts:
            if applies_to(host, fault):
                host.limit = limit or host.limit
                _apply(host, fault, pool, seed)


def connection_rates(hosts: Sequence[Host], scenario: Scenario) -> list[RateOfConnections]:
    """Return the limits of connections in a time that the hosts' packet filters have."""
    rates = []
    for fault in scenario.faults:
        if isinstance(fault, ConnectionRate):
            addresses = [address for host in hosts if applies_to(host, fault) for address in host.addresses]
            keys = fault.model_dump(include={"most", "seconds", "at", "per", "renews"})
            spared = (HELPER_V4, HELPER_V6) if fault.spares_helper else ()
            rates.append(RateOfConnections(addresses, **keys, spared=spared))
    return rates


HOSTS_OF_OPERATOR = 3  # fewer are no network that a limit is about


def burst_protection(hosts: Sequence[Host], scenario: Scenario, seed: int) -> list[ProtectionFromBursts]:
    """Return the protection against bursts of the scenario's faults, with the values that the seed draws."""
    drawn = random.Random(f"burst protection {seed}")
    found = []
    for fault in scenario.faults:
        if not isinstance(fault, BurstBan):
            continue
        place = drawn.choice(fault.places)
        found.append(
            ProtectionFromBursts(
                _protected(place, hosts, scenario, drawn),
                round(drawn.uniform(*fault.most)),
                round(drawn.uniform(*fault.seconds), 1),
                round(drawn.uniform(*fault.ban), 1),
                drawn.choice(fault.counts),
                drawn.choice(fault.how),
                on_line=place == "line",
                spared=(HELPER_V4, HELPER_V6) if fault.spares_helper else (),
                transports=fault.transports,
            )
        )
    return found


def _protected(place: str, hosts: Sequence[Host], scenario: Scenario, drawn: random.Random) -> list[str]:
    """Return the addresses that are protected at a place of a fault, none on the access line."""
    if place == "line":
        return []
    if place == "resolver":
        return [PROVIDERS_RESOLVER]
    if place != "operator":
        return _addresses(host for host in hosts if any(is_of(service, [place]) for service in host.services))
    measured = [host for host in hosts if any(_is_measured(service, scenario) for service in host.services)]
    networks = [_inside(pair, measured) for pair in (*PROVIDERS.values(), *OPERATORS.values(), OTHERS)]
    return drawn.choice([found for found in networks if len(found) >= HOSTS_OF_OPERATOR])


def _is_measured(service: str, scenario: Scenario) -> bool:
    return not scenario.targets or service.split("/")[0] in scenario.targets


def _inside(prefixes: Iterable[str], hosts: Sequence[Host]) -> list[str]:
    networks = [ip_network(prefix) for prefix in prefixes]
    return [one for one in _addresses(hosts) if any(ip_address(one) in network for network in networks)]


def _addresses(hosts: Iterable[Host]) -> list[str]:
    return [address for host in hosts for address in host.addresses]


def local_filters(hosts: Sequence[Host], scenario: Scenario, seed: int) -> list[FirewallRule]:
    """Return what the firewall on the user's own computer stops."""
    filters = []
    for number, fault in enumerate(scenario.faults):
        if isinstance(fault, LocalFirewall):
            drawn = random.Random(f"local firewall {number} {seed}").choice(get_args(LocalFilterHow))
            addresses = [address for host in hosts if applies_to(host, fault) for address in host.addresses]
            how = drawn if fault.how == "drawn" else fault.how
            filters.append(FirewallRule(list(dict.fromkeys(addresses)), how, fault.protocols, fault.ports))
    return filters


def _is_limit(fault: Placed) -> TypeGuard[ConnectionLimit]:
    return isinstance(fault, ConnectionLimit)


def _apply(host: Host, fault: Placed, pool: Pool, seed: int) -> None:
    chance = random.Random(f"{type(fault).__name__} {seed} {host.names}")
    _change_availability(host, fault)
    _change_service(host, fault, chance)
    _change_pages(host, fault, chance)
    _change_names(host, fault, pool)


def _change_availability(host: Host, fault: Placed) -> None:
    match fault:
        case ServerDown(how=("silent" | "refused") as how) if fault.is_timed:
            times = (fault.after or 0.0, fault.until or math.inf)
            host.outages.append(Outage(host.addresses, how, *times, fault.until_question or 0, fault.every or math.inf))
        case ServerDown():
            host.down = fault.how
        case NoQUIC():
            host.no_quic = fault.how


def _change_service(host: Host, fault: Placed, chance: random.Random) -> None:
    """Change what the host refuses: names, registrations, first connections, calls and mail."""
    match fault:
        case RefuseUnknownNames():
            host.refuses_unknown = True
        case NoSTARTTLS():
            host.no_starttls = True
        case Unhelpful():
            host.unhelpful = "but_to_helper" if fault.spares_helper else "to_all"
        case RegisteredOnly():
            host.registered_only = tuple(fault.over)
        case RefusedCalls():
            host.sip_refusal = SIPRefusal(fault.status or drawn_status(chance), fault.every, fault.spares_helper)
        case FirstReset():
            host.first_resets = FirstResets(fault.connections, fault.spares_helper)
        case RefusedMail():
            host.mail_refusal = MailRefusal(fault.reply, fault.to, fault.delay, fault.spares_helper)


def _change_pages(host: Host, fault: Placed, chance: random.Random) -> None:
    """Change the host's pages and the certificate under which it sends them."""
    match fault:
        case OddAnswers():
            host.odd_answer = OddAnswer(
                fault.status or chance.choice(REFUSALS), fault.title, fault.location, fault.bare, fault.spares_helper
            )
        case LargePages():
            host.page_bytes = fault.bytes
        case StallingPages():
            host.stall = Stall(fault.bytes, fault.pause, fault.piece, fault.spares_helper)
        case ClosingConnections():
            host.closes_after = (fault.seconds, fault.answers)
        case SlowPages():
            host.stall = Stall(max(1, fault.rate // 8), 1 / 8, max(1, fault.rate // 8), spares_helper=False)
        case WrongCertificate() | ExpiredCertificate() | NewAuthority():
            host.certificate = _CERTIFICATES[type(fault)]


def _change_names(host: Host, fault: Placed, pool: Pool) -> None:
    """Change the host's addresses and its answers about names."""
    match fault:
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


def applies_to(host: Host, fault: Placed) -> bool:
    if not fault.services and not fault.names:
        return bool(host.services)
    if any(matches(name, fault.names) for name in [*host.names, *host.addresses]):
        return True
    return any(is_of(service, fault.services) for service in host.services)

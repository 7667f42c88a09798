"""Build the fabric's configuration of a scenario: path, deployed censors, faults and files."""

import json
import math
import random
from dataclasses import replace
from typing import Literal

from probe.lab.censors import Middlebox
from probe.lab.censors.address_censors import IPBlackhole, IPReset
from probe.lab.censors.dns_censors import DNSLie
from probe.lab.censors.http_censors import HTTPBlockpage
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.payload_rates import PayloadDelay, PayloadRate
from probe.lab.censors.payloads import PayloadDrop
from probe.lab.censors.tls_censors import TLSReset
from probe.lab.net.fabric import FabricConfig, PathConfig
from probe.lab.net.layout import Cut, TranslatedLine
from probe.lab.scenario.datagram_faults import NATRebinding, UDPDelay, UDPLoss, UDPRate, UDPSize
from probe.lab.scenario.faults import NAT, VPN, Fault, HomeFilter, IPv6Alone, NoIPv6, NoNetwork, Portal, ResolverDown
from probe.lab.scenario.scenario import Scenario
from probe.lab.tls_library import settings_file
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import HELPER_V4, HELPER_V6, HELPERS_RESOLVER, PORTAL, PROVIDERS_RESOLVER
from probe.lab.world.local_filters import home_filter, hosts_file_lines
from probe.lab.world.server_faults import burst_protection, connection_rates, local_filters

ANNOTATIONS = "/run/censorprobe/annotations.json"
ROOTS = "/run/censorprobe/roots.pem"
MACHINES_ROOTS = "/run/censorprobe/machine.pem"
HELPERS_ROOTS = "/run/censorprobe/helper.pem"
OWN_TRANSLATORS = ("clat", "clat4", "v4-wlan0", "v4-rmnet_data0", "tun-clat")  # interfaces of 464XLAT on computers
PORTAL_HOP = ACCESS_HOP = 2  # the ISP's end of the access line


def build_path(scenario: Scenario, seed: int) -> PathConfig:
    """Return the path to the servers: the scenario's keys, and for the rest the usual values or those drawn by seed."""
    keys, drawn = scenario.path, random.Random(f"path {seed}")
    varies = scenario.seed_varies and seed != 0
    before, after = (drawn.randint(2, 6), drawn.randint(1, 4)) if varies else (3, 2)
    rtt = round(drawn.uniform(12, 60), 1) if varies and "rtt_ms" not in keys.model_fields_set else keys.rtt_ms
    before = keys.before if keys.before is not None else before
    after = keys.after if keys.after is not None else after
    furthest = max((censor.hop for censor in scenario.censors), default=0)
    after = max(after, furthest - before - 1) if keys.after is None else after
    return PathConfig(
        rtt_ms=rtt,
        loss=keys.loss,
        rate_kbit=keys.rate_kbit,
        queue_ms=keys.queue_ms,
        before=before,
        after=after,
        silent=tuple(keys.silent),
        parallel=tuple(keys.parallel),
        icmp_per_second=keys.icmp_per_second,
        icmp_share=keys.icmp_share,
        quoted=keys.quoted,
        mtu=keys.mtu,
        mtu_family=keys.mtu_family,
        mtu_direction=keys.mtu_direction,
    )


def build_fabric(scenario: Scenario, world: World, seed: int, roots: str, record: str | None = None) -> FabricConfig:
    """Return everything that the fabric needs. `roots` is the PEM text that the user's probe trusts.

    Raises ValueError if a censor's hop is beyond the end of the path.
    """
    path = build_path(scenario, seed)
    censors = _censors(scenario, world, seed)
    home, gateway = _home_and_gateway(scenario, seed)
    config = FabricConfig(
        servers=world.servers,
        path=path,
        seed=seed,
        home_address=home,
        router_v4=gateway,
        helper_v4=HELPER_V4,
        helper_v6=HELPER_V6,
        home_router_dns=PROVIDERS_RESOLVER,
        home_resolver=_home_resolver(scenario, world),
        home_hosts=hosts_file_lines(world, scenario, seed),
        home_assigned=_assigned_resolver(scenario, gateway),
        ipv6_alone=_ipv6_alone(scenario, world, seed),
        helper_resolver=HELPERS_RESOLVER,
        outside_resolver=HELPERS_RESOLVER,
        dead=world.silent,
        outages=[outage for host in world.hosts for outage in host.outages],
        connection_rates=connection_rates(world.hosts, scenario),
        burst_protection=burst_protection(world.hosts, scenario, seed),
        local_filters=local_filters(world.hosts, scenario, seed),
        no_ipv6=next((fault.how for fault in scenario.faults if isinstance(fault, NoIPv6)), None),
        no_network=next((fault.how for fault in _no_network(scenario) if fault.after is None), None),
        cuts=[_cut(fault) for fault in _no_network(scenario) if fault.after is not None],
        nat_keeps_ports=not any(isinstance(fault, NAT) for fault in scenario.faults),
        nat_rebinds_after=min(_rebindings(scenario), default=math.inf),
        home_interface="tun0" if any(isinstance(fault, VPN) for fault in scenario.faults) else "eth0",
        files={
            ANNOTATIONS: json.dumps({"lab": scenario.name}),
            ROOTS: roots,
            HELPERS_ROOTS: roots + world.newest.pem,
            **_machines_roots(scenario, world),
            **settings_file(scenario, seed),
        },
        record=record,
    )
    for censor in censors:
        censor.deploy(_deployment_at(world.deployment(), censor.hop or path.censor_hop, config))
    helper_censors = [TLSReset(names=scenario.helper.reset_names)] if scenario.helper.reset_names else []
    for censor in helper_censors:
        censor.deploy(_deployment_at(world.deployment(), config.helper_path.censor_hop, config))
    return replace(config, censors=censors, helper_censors=helper_censors)


def _home_resolver(scenario: Scenario, world: World) -> str:
    """Return the resolver that the user's computer asks, "" for the home router."""
    if world.translator is not None:
        return world.translator.embed(PROVIDERS_RESOLVER)
    return scenario.path.resolver or (PROVIDERS_RESOLVER if scenario.path.direct_resolver else "")


def _assigned_resolver(scenario: Scenario, gateway: str) -> str:
    named = scenario.path.assigned_resolver
    return {"router": gateway, "provider": PROVIDERS_RESOLVER}.get(named, named)


def _ipv6_alone(scenario: Scenario, world: World, seed: int) -> TranslatedLine | None:
    fault = next((each for each in scenario.faults if isinstance(each, IPv6Alone)), None)
    if fault is None or world.translator is None:
        return None
    drawn = random.Random(f"translator of the computer {seed}")
    interface = drawn.choice(OWN_TRANSLATORS) if fault.computer_translates else ""
    return TranslatedLine(
        world.translator,
        interface,
        f"192.0.0.{drawn.randint(1, 6)}",
        works=fault.translates,
        passes=[world.translator.embed(address) for address in (PROVIDERS_RESOLVER, HELPER_V4)],
    )


def _home_and_gateway(scenario: Scenario, seed: int) -> tuple[str, str]:
    """Return the IPv4 addresses of the user's computer ("": usual) and of hop 1, which may be the provider's."""
    if not scenario.path.provider_gateway:
        return "", FabricConfig.router_v4
    drawn = random.Random(f"gateway {seed}")
    network = f"100.{drawn.randint(64, 127)}.{drawn.randint(0, 255)}"
    return f"{network}.{drawn.randint(20, 240)}", f"{network}.1"


def _rebindings(scenario: Scenario) -> list[float]:
    return [fault.after for fault in scenario.faults if isinstance(fault, NATRebinding)]


def _no_network(scenario: Scenario) -> list[NoNetwork]:
    return [fault for fault in scenario.faults if isinstance(fault, NoNetwork)]


def _cut(fault: NoNetwork) -> Cut:
    how: Literal["silent", "unreachable"] = "unreachable" if fault.how == "unreachable" else "silent"
    return Cut(how, fault.after or 0.0, fault.until or math.inf, fault.every or math.inf)


def _machines_roots(scenario: Scenario, world: World) -> dict[str, str]:
    """Return the file of the authority that only this computer trusts, if a censor signs with it: path and PEM."""
    return {MACHINES_ROOTS: world.machines.pem} if machine_has_roots(scenario) else {}


def machine_has_roots(scenario: Scenario) -> bool:
    """Return whether the user's computer trusts an authority that no other computer trusts."""
    return any(isinstance(censor, TLSIntercept) and censor.signed_by == "machine" for censor in scenario.censors)


def _deployment_at(deployment: Deployment, hop: int, config: FabricConfig) -> Deployment:
    here_v4, here_v6 = config.hop_v4.format(hop=hop), config.hop_v6.format(hop=hop)
    return replace(deployment, hop=hop, seed=config.seed, router_v4=here_v4, router_v6=here_v6)


def _censors(scenario: Scenario, world: World, seed: int) -> list[Middlebox]:
    """Return copies of the scenario's censors, and those that `[helper]` and the faults need."""
    found = [censor.model_copy(deep=True) for censor in scenario.censors]
    if scenario.helper.censored:
        found.append(IPBlackhole(helper=True))
    for fault in scenario.faults:
        if isinstance(fault, Portal) and "dns" in fault.by:
            lie = {"names": ["*"], "spare": fault.spare, "answers": [PORTAL], "everybody": True}
            found.append(DNSLie.model_validate({"hop": PORTAL_HOP, "begins": fault.after, **lie}))
        if isinstance(fault, HomeFilter):
            found.append(home_filter(fault, world, seed))
        if isinstance(fault, ResolverDown):
            found.append(_failing_resolver(fault))
        found += _datagram_limits(fault, seed)
        if isinstance(fault, Portal) and "http" in fault.by:
            page = {"names": ["*"], "spare": fault.spare, "status": 302, "location": fault.location}
            where = {"hop": PORTAL_HOP, "begins": fault.after}
            found.append(HTTPBlockpage.model_validate({"on_path": False, **where, **page}))
            found.append(IPReset.model_validate({"ports": [443, 853, 5222], "spare": fault.spare, **where}))
    return found


def _datagram_limits(fault: Fault, seed: int) -> list[Middlebox]:
    """Return the device on the access line that a fault of all UDP packets needs."""
    if isinstance(fault, UDPLoss):
        places = {"after_seconds": fault.after, "until_seconds": fault.until}
        chance = {"share": fault.share, "burst_ms": fault.burst_ms, "direction": fault.direction}
        return [PayloadDrop.model_validate({"hop": ACCESS_HOP, **chance, **places})]
    if isinstance(fault, UDPRate):
        return [PayloadRate(hop=ACCESS_HOP, rate_kbit=fault.rate_kbit, queue_ms=fault.queue_ms)]
    if isinstance(fault, UDPSize):
        most = fault.most or random.Random(f"datagram size {seed}").randint(100, 560)
        return [PayloadDrop(hop=ACCESS_HOP, longer_than=most, direction=fault.direction)]
    if isinstance(fault, UDPDelay):
        return [PayloadDelay(hop=ACCESS_HOP, most_ms=fault.most_ms)]
    return []


def _failing_resolver(fault: ResolverDown) -> DNSLie:
    rcode: Literal["nxdomain", "noerror"] = "nxdomain" if fault.how == "denies" else "noerror"
    return DNSLie(names=fault.names, lasts=fault.seconds, silent=fault.how == "silent", rcode=rcode)

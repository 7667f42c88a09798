"""Build the fabric's configuration of a scenario: path, deployed censors, faults and files."""

import json
import math
import random
from dataclasses import replace
from typing import Literal

from probe.lab.censors import Middlebox
from probe.lab.censors.addresses import IPBlackhole, IPReset
from probe.lab.censors.dns import DNSLie
from probe.lab.censors.http import HTTPBlockpage
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.middlebox import Deployment
from probe.lab.censors.payload_rates import PayloadDelay, PayloadRate
from probe.lab.censors.payloads import PayloadDrop
from probe.lab.censors.tls import TLSReset
from probe.lab.net.fabric import FabricConfig, PathConfig
from probe.lab.net.layout import Cut
from probe.lab.scenario.datagram_faults import NATRebinding, UDPDelay, UDPLoss, UDPRate
from probe.lab.scenario.faults import NAT, VPN, Fault, NoIPv6, NoNetwork, Portal, ResolverDown
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.hosts import HELPER_V4, HELPER_V6, HELPERS_RESOLVER, PORTAL, PROVIDERS_RESOLVER
from probe.lab.world.server_faults import connection_rates
from probe.lab.world.world import World

ANNOTATIONS = "/run/censorprobe/annotations.json"
ROOTS = "/run/censorprobe/roots.pem"
MACHINES_ROOTS = "/run/censorprobe/machine.pem"
HELPERS_ROOTS = "/run/censorprobe/helper.pem"
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
    censors = _censors(scenario)
    config = FabricConfig(
        servers=world.servers,
        path=path,
        seed=seed,
        helper_v4=HELPER_V4,
        helper_v6=HELPER_V6,
        home_router_dns=PROVIDERS_RESOLVER,
        home_resolver=PROVIDERS_RESOLVER if scenario.path.direct_resolver else "",
        helper_resolver=HELPERS_RESOLVER,
        outside_resolver=HELPERS_RESOLVER,
        dead=world.silent,
        outages=[outage for host in world.hosts for outage in host.outages],
        connection_rates=connection_rates(world.hosts, scenario),
        no_ipv6=next((fault.how for fault in scenario.faults if isinstance(fault, NoIPv6)), None),
        no_network=next((fault.how for fault in _no_network(scenario) if fault.after is None), None),
        cut=next(map(_cut, (fault for fault in _no_network(scenario) if fault.after is not None)), None),
        nat_keeps_ports=not any(isinstance(fault, NAT) for fault in scenario.faults),
        nat_rebinds_after=min(_rebindings(scenario), default=math.inf),
        home_interface="tun0" if any(isinstance(fault, VPN) for fault in scenario.faults) else "eth0",
        files={
            ANNOTATIONS: json.dumps({"lab": scenario.name}),
            ROOTS: roots,
            HELPERS_ROOTS: roots + world.newest.pem,
            **_machines_roots(scenario, world),
        },
        record=record,
    )
    for censor in censors:
        censor.deploy(_deployment_at(world.deployment(), censor.hop or path.censor_hop, config))
    helper_censors = [TLSReset(names=scenario.helper.reset_names)] if scenario.helper.reset_names else []
    for censor in helper_censors:
        censor.deploy(_deployment_at(world.deployment(), config.helper_path.censor_hop, config))
    return replace(config, censors=censors, helper_censors=helper_censors)


def _rebindings(scenario: Scenario) -> list[float]:
    return [fault.after for fault in scenario.faults if isinstance(fault, NATRebinding)]


def _no_network(scenario: Scenario) -> list[NoNetwork]:
    return [fault for fault in scenario.faults if isinstance(fault, NoNetwork)]


def _cut(fault: NoNetwork) -> Cut:
    how: Literal["silent", "unreachable"] = "unreachable" if fault.how == "unreachable" else "silent"
    return Cut(how, fault.after or 0.0, fault.until or math.inf)


def _machines_roots(scenario: Scenario, world: World) -> dict[str, str]:
    """Return the file of the authority that only this computer trusts, if a censor signs with it: path and PEM."""
    return {MACHINES_ROOTS: world.machines.pem} if machine_has_roots(scenario) else {}


def machine_has_roots(scenario: Scenario) -> bool:
    """Return whether the user's computer trusts an authority that no other computer trusts."""
    return any(isinstance(censor, TLSIntercept) and censor.signed_by == "machine" for censor in scenario.censors)


def _deployment_at(deployment: Deployment, hop: int, config: FabricConfig) -> Deployment:
    here_v4, here_v6 = config.hop_v4.format(hop=hop), config.hop_v6.format(hop=hop)
    return replace(deployment, hop=hop, seed=config.seed, router_v4=here_v4, router_v6=here_v6)


def _censors(scenario: Scenario) -> list[Middlebox]:
    """Return copies of the scenario's censors, and those that `[helper]` and the faults need."""
    found = [censor.model_copy(deep=True) for censor in scenario.censors]
    if scenario.helper.censored:
        found.append(IPBlackhole(helper=True))
    for fault in scenario.faults:
        if isinstance(fault, Portal) and "dns" in fault.by:
            lie = DNSLie(hop=PORTAL_HOP, names=["*"], spare=fault.spare, answers=[PORTAL], everybody=True)
            found.append(lie)
        if isinstance(fault, ResolverDown):
            found.append(_failing_resolver(fault))
        found += _datagram_limits(fault)
        if isinstance(fault, Portal) and "http" in fault.by:
            found.append(
                HTTPBlockpage(
                    hop=PORTAL_HOP, on_path=False, names=["*"], spare=fault.spare, status=302, location=fault.location
                )
            )
            found.append(IPReset(hop=PORTAL_HOP, ports=[443, 853, 5222], spare=fault.spare))
    return found


def _datagram_limits(fault: Fault) -> list[Middlebox]:
    """Return the device on the access line that a fault of all UDP packets needs."""
    if isinstance(fault, UDPLoss):
        places = {"after_seconds": fault.after, "until_seconds": fault.until}
        chance = {"share": fault.share, "burst_ms": fault.burst_ms, "direction": fault.direction}
        return [PayloadDrop.model_validate({"hop": ACCESS_HOP, **chance, **places})]
    if isinstance(fault, UDPRate):
        return [PayloadRate(hop=ACCESS_HOP, rate_kbit=fault.rate_kbit, queue_ms=fault.queue_ms)]
    if isinstance(fault, UDPDelay):
        return [PayloadDelay(hop=ACCESS_HOP, most_ms=fault.most_ms)]
    return []


def _failing_resolver(fault: ResolverDown) -> DNSLie:
    rcode: Literal["nxdomain", "noerror"] = "nxdomain" if fault.how == "denies" else "noerror"
    return DNSLie(names=fault.names, lasts=fault.seconds, silent=fault.how == "silent", rcode=rcode)

"""Read what a whole measurement says about its network: families, neutral hosts, packet loss and UDP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.analysis.features.network.checks import NetworkCheck, NeutralHosts, checks_of, near, unreached
from probe.analysis.features.network.slow_line import is_slow_line
from probe.analysis.features.udp_support import UDPSupport, udp_support_of
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import flag, table, tables, text
from probe.analysis.observations.rows import PROBE, FlatMeasurement, Observation, neutral_key
from probe.signatures.evidence_age import NETWORK_CHECK, Span
from probe.targets.target import family_of

SYN_REPEATED = 0.9  # seconds, because kernels repeat a SYN after one second (RFC 6298, section 2.1)
MANY_REPEATED = 1 / 12  # of all connects


def working_families(measurement: FlatMeasurement) -> frozenset[int]:
    """Return the address families (4, 6) that work here. If the measurement is silent, IPv4 works and IPv6 does not."""
    families = table(measurement.run.get("families"))
    found = {4: flag(families.get("ipv4"), True), 6: flag(families.get("ipv6"))}
    return frozenset(family for family, works in found.items() if works)


def proven_families(measurement: FlatMeasurement) -> frozenset[int]:
    """Return the working families over which some host proved its identity with packets of the run's size.

    In a measurement that does not say so, every working family was proven. A family is not proven where large packets
    may be lost and this system refused smaller ones. One proof may then have come in small packets by chance.
    """
    preflight = table(measurement.run.get("preflight"))
    refused = table(preflight.get("mtu")).get("refused")
    return frozenset(
        family
        for family in working_families(measurement)
        if flag(preflight.get(f"ipv{family}_proven"), True) and not (isinstance(refused, list) and family in refused)
    )


@dataclass(frozen=True)
class AccessNetwork:
    """Hold what a whole measurement says about its network. All names and addresses are evaluated with it."""

    families: frozenset[int]  # that work here
    proven: frozenset[int]  # of these: a host proved its identity
    checks: tuple[tuple[NetworkCheck, frozenset[int]], ...]
    """Each check, and the proven families in which it did not reach a neutral host, though others. Preflight first."""
    neutral: NeutralHosts
    lossy: bool  # packets to neutral hosts were lost too
    drops: bool  # so many packets are lost that silence proves nothing
    slow: bool  # the access line is so slow that silence proves nothing
    udp: UDPSupport
    interrupted: bool
    out_of_time: bool  # the time limit of the run ended it
    dns_intercepted: bool

    def unchecked(self, spans: Sequence[Span]) -> bool:
        """Return whether no check is near in time to any of the spans."""
        return bool(spans) and not self._near(spans)

    def lost(self, spans: Sequence[Span]) -> bool:
        """Return whether a check near in time to the spans reached no neutral host, unlike the preflight."""
        first = self.checks[0][0]
        later = [check for check in self._near(spans) if check is not first]
        return any(self._lost_in(check) for check in later) and not self._lost_in(first)

    def _near(self, spans: Sequence[Span]) -> list[NetworkCheck]:
        return near([check for check, _ in self.checks], spans, NETWORK_CHECK)

    def _lost_in(self, check: NetworkCheck) -> bool:
        return bool(self.families) and all(map(check.lost, self.families))


def access_network_of(measurement: FlatMeasurement, proofs: Verified) -> AccessNetwork:
    """Read the facts about the network of a measurement."""
    drops, checks = drops_packets(measurement), checks_of(measurement)
    return AccessNetwork(
        families=working_families(measurement),
        proven=proven_families(measurement),
        checks=tuple((check, families_with_outage(check.facts, measurement)) for check in checks),
        neutral=NeutralHosts(checks, proofs.neutral_over_quic),
        lossy=drops or _lossy(measurement),
        drops=drops,
        slow=is_slow_line(measurement),
        udp=udp_support_of(measurement),
        interrupted=flag(measurement.run.get("interrupted")),
        out_of_time=flag(measurement.run.get("out_of_time")),
        dns_intercepted=flag(table(measurement.run.get("preflight")).get("dark_answers")),
    )


def drops_packets(measurement: FlatMeasurement) -> bool:
    """Return whether the whole access line loses SYNs or their answers, for whatever destination.

    The entry of a connect says how often its SYN was sent again. Where it does not, a connect that takes a second
    longer than the quickest one was repeated. With 4 % loss each way one in twelve is. A single destination may have
    reasons of its own, so that at least two addresses are needed.
    """
    connected = [
        row for row in measurement.rows if row.origin == PROBE and row.tcp_attempts and row.tcp_failure is None
    ]
    quickest = min((row.tcp_seconds for row in connected), default=0.0)
    repeated = [row for row in connected if _was_repeated(row, quickest)]
    return len({row.address for row in repeated}) >= 2 and len(repeated) >= MANY_REPEATED * len(connected)


def _was_repeated(row: Observation, quickest: float) -> bool:
    """Return whether a SYN was sent again. A busy computer makes a connect slow too, but repeats no SYN."""
    if row.tcp_syn_repeats >= 0:
        return row.tcp_syn_repeats > 0
    return row.tcp_seconds >= quickest + SYN_REPEATED


def families_with_outage(facts: dict[str, Any], measurement: FlatMeasurement) -> frozenset[int]:
    """Return the proven families in which a check did not reach a neutral host, though it reached others.

    A host that failed at the control too is down for all networks, so it does not count. A host without a
    result over the other family counts for that family too, because the outage may hold for both.
    """
    every = tables(facts.get("neutral"))
    hosts = [host for host in every if _family_of(host) in working_families(measurement)]
    answered = {(text(host.get("endpoint")), _family_of(host)) for host in hosts if not unreached(host)}
    lost = [host for host in hosts if unreached(host) and neutral_key(host) not in measurement.control_neutral_failed]
    return frozenset(
        family
        for family in proven_families(measurement)
        if any((text(host.get("endpoint")), family) not in answered for host in lost)
    )


def _family_of(host: dict[str, Any]) -> int:
    return family_of(as_address(host.get("address")))


def _lossy(measurement: FlatMeasurement) -> bool:
    """Return whether the access line lost packets to neutral hosts of a proven family before the run."""
    first, *_ = checks_of(measurement)
    return any(map(first.lossy, proven_families(measurement)))

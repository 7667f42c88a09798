"""Read what a whole measurement says about its network: families, neutral hosts, packet loss and UDP."""

from dataclasses import dataclass

from probe.analysis.features.slow_line import is_slow_line
from probe.analysis.features.udp_support import UDPSupport, udp_support_of
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import TIMEOUT, UNREACHABLE, kind_of
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import failure, flag, table, tables, text
from probe.analysis.observations.rows import PROBE, FlatMeasurement, Observation, neutral_key
from probe.targets.target import family_of

SYN_REPEATED = 0.9  # seconds, because kernels repeat a SYN after one second (RFC 6298, section 2.1)
MANY_REPEATED = 1 / 12  # of all connects
FEWEST_SILENT = 2  # neutral hosts of one family, which an access line with loss makes silent
CONNECT = "connect"
NO_ANSWER = frozenset({TIMEOUT, UNREACHABLE})


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
    outage: frozenset[int]  # of these: a neutral host was not reached, though others were
    neutral: frozenset[str]  # addresses of neutral hosts with their own certificate, in the preflight or over QUIC
    lossy: bool  # packets to neutral hosts were lost too
    drops: bool  # so many packets are lost that silence proves nothing
    slow: bool  # the access line is so slow that silence proves nothing
    udp: UDPSupport
    interrupted: bool
    out_of_time: bool  # the time limit of the run ended it
    dns_intercepted: bool


def access_network_of(measurement: FlatMeasurement, proofs: Verified) -> AccessNetwork:
    """Read the facts about the network of a measurement."""
    drops = drops_packets(measurement)
    return AccessNetwork(
        families=working_families(measurement),
        proven=proven_families(measurement),
        outage=families_with_outage(measurement),
        neutral=_neutral_addresses(measurement) | proofs.neutral_over_quic,
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


def _neutral_facts(measurement: FlatMeasurement) -> list[dict[str, object]]:
    return tables(table(measurement.run.get("preflight")).get("neutral"))


def _neutral_addresses(measurement: FlatMeasurement) -> frozenset[str]:
    return frozenset(
        as_address(fact.get("address"))
        for fact in _neutral_facts(measurement)
        if fact.get("failure") is None and not flag(fact.get("connect_only"))
    )


def _family_of(fact: dict[str, object]) -> int:
    return family_of(as_address(fact.get("address")))


def _unreached(fact: dict[str, object]) -> bool:
    """Return whether the connect to a neutral host got no answer, or an ICMP error."""
    return fact.get("failed_operation") == CONNECT and kind_of(failure(fact.get("failure"))) in NO_ANSWER


def families_with_outage(measurement: FlatMeasurement) -> frozenset[int]:
    """Return the proven families in which a neutral host was not reached, though others were.

    A host that failed at the control too is down for all networks, so it does not count. A host without a
    result over the other family counts for that family too, because the outage may hold for both.
    """
    facts = [fact for fact in _neutral_facts(measurement) if _family_of(fact) in working_families(measurement)]
    answered = {(text(fact.get("endpoint")), _family_of(fact)) for fact in facts if not _unreached(fact)}
    lost = [fact for fact in facts if _unreached(fact) and neutral_key(fact) not in measurement.control_neutral_failed]
    return frozenset(
        family
        for family in proven_families(measurement)
        if any((text(fact.get("endpoint")), family) not in answered for fact in lost)
    )


def _lossy(measurement: FlatMeasurement) -> bool:
    """Return whether the access line lost packets to neutral hosts of a proven family, so that silence proves little.

    One silent host of several shows a fault near that host. Measurements without `failed_operation` had three hosts
    and do not distinguish silence from other failures. One failure suffices there.
    """
    for family in proven_families(measurement):
        facts = [fact for fact in _neutral_facts(measurement) if _family_of(fact) == family]
        failed = [fact for fact in facts if fact.get("failure") is not None]
        silent = [fact for fact in failed if kind_of(failure(fact.get("failure"))) in NO_ANSWER]
        if any("failed_operation" not in fact for fact in failed):
            return True
        if len(silent) >= FEWEST_SILENT or (silent and 2 * len(silent) >= len(facts)):
            return True
    return False

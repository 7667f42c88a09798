"""What a whole line says of the network it was measured in: families, neutral hosts, loss, datagrams."""

from dataclasses import dataclass

from probe.analysis.features.udp_support import Datagrams, datagrams_in
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import flag, table, tables
from probe.analysis.observations.rows import PROBE, FlatMeasurement

BEGUN_AGAIN = 0.9  # seconds; kernels repeat a SYN after one
OFTEN = 1 / 12  # of all connects


def working_families(line: FlatMeasurement) -> frozenset[int]:
    """The families that work here. IPv4 is taken for granted where the line does not say, IPv6 is not."""
    said = table(line.run.get("families"))
    found = {4: flag(said.get("ipv4"), True), 6: flag(said.get("ipv6"))}
    return frozenset(family for family, works in found.items() if works)


@dataclass(frozen=True)
class AccessNetwork:
    """What a whole line says of the network, and each of its names and addresses is seen in the light of."""

    families: frozenset[int]  # that work here
    neutral: frozenset[str]  # addresses of neutral hosts that showed their own certificate in preflight, or over QUIC
    lossy: bool  # some of what is harmless was lost, too
    drops: bool  # so much that silence proves nothing
    datagrams: Datagrams
    interrupted: bool
    dns_intercepted: bool


def surroundings_of(line: FlatMeasurement, proofs: Verified) -> AccessNetwork:
    """Read them, once for all names and addresses."""
    drops = drops_packets(line)
    return AccessNetwork(
        families=working_families(line),
        neutral=_neutral_addresses(line) | proofs.neutral_over_quic,
        lossy=drops or _lossy(line),
        drops=drops,
        datagrams=datagrams_in(line),
        interrupted=flag(line.run.get("interrupted")),
        dns_intercepted=flag(table(line.run.get("preflight")).get("dark_answers")),
    )


def drops_packets(line: FlatMeasurement) -> bool:
    """Whether SYNs, or what answers them, get lost all over the line, whoever they are for.

    A connect that takes a second longer than the line's quickest had to be begun again (RFC 6298, section 2.1). One in
    twelve is what a line that loses 4 % each way shows; a flow to one place may have reasons of its own.
    """
    made = [row for row in line.rows if row.origin == PROBE and row.tcp_attempts and row.tcp_failure is None]
    quickest = min((row.tcp_seconds for row in made), default=0.0)
    again = [row for row in made if row.tcp_seconds >= quickest + BEGUN_AGAIN]
    return len({row.address for row in again}) >= 2 and len(again) >= OFTEN * len(made)


def _neutral_facts(line: FlatMeasurement) -> list[dict[str, object]]:
    return tables(table(line.run.get("preflight")).get("neutral"))


def _neutral_addresses(line: FlatMeasurement) -> frozenset[str]:
    return frozenset(as_address(fact.get("address")) for fact in _neutral_facts(line) if fact.get("failure") is None)


def _lossy(line: FlatMeasurement) -> bool:
    """Whether some neutral host, of a family that works, failed in preflight: then silence proves little."""
    families = working_families(line)
    return any(
        fact.get("failure") is not None and (6 if ":" in as_address(fact.get("address")) else 4) in families
        for fact in _neutral_facts(line)
    )

"""What a whole line shows about UDP: does it pass here at all, and for more than DNS?"""

from dataclasses import dataclass

from probe.analysis.features.attempts import proof_of
from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import flag, table
from probe.analysis.observations.rows import PROBE, FlatMeasurement, Observation


@dataclass(frozen=True)
class Datagrams:
    """UDP beyond the first hops, in the whole line. `passed`: flows, DNS aside, that got an answer."""

    works: bool
    dns: bool
    passed: int


def datagrams_in(line: FlatMeasurement) -> Datagrams:
    """Whether UDP passes here. What preflight could not say is taken for granted, as IPv4 is.

    An answer from the system's resolver is none from beyond: it may be the home router's.
    """
    mine = [row for row in line.rows if row.origin == PROBE]
    facts = table(line.run.get("preflight"))
    said = facts.get("udp") if facts.get("udp_public") is None else facts.get("udp_public")
    dns = flag(said) or any(_asked_by_datagram(row) for row in mine)
    passed = sum(map(passed_by_datagram, mine))
    return Datagrams(said is not False or dns or passed > 0, dns, passed)


def passed_by_datagram(row: Observation) -> bool:
    """Say whether the row is a flow over UDP, no question of DNS, that got an answer."""
    endpoint = endpoint_of(row.endpoint)
    if endpoint is None or endpoint.carrier != "udp" or endpoint.facts.is_resolver:
        return row.echo_echoed
    by_quic = row.quic_attempts > 0 and row.tls_answered  # to a harmless name too
    return row.echo_echoed or row.payload_answered or by_quic or proof_of(row, endpoint) != ""


def _asked_by_datagram(row: Observation) -> bool:
    return any(query.engine == "udp" and query.resolver != "system" and query.answer.addresses for query in row.queries)

"""Read whether UDP passes in a measurement's network, and whether more than DNS does."""

from dataclasses import dataclass

from probe.analysis.features.attempts import proof_of
from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import flag, table
from probe.analysis.observations.rows import PROBE, FlatMeasurement, Observation


@dataclass(frozen=True)
class UDPSupport:
    """Hold whether UDP passes beyond the first hops. `passed` counts answered flows, without DNS."""

    works: bool
    dns: bool
    passed: int


def udp_support_of(measurement: FlatMeasurement) -> UDPSupport:
    """Return whether UDP passes here. If the preflight could not find out, it is assumed to pass.

    An answer of the system resolver does not count, because the home router may have sent it.
    """
    own_rows = [row for row in measurement.rows if row.origin == PROBE]
    facts = table(measurement.run.get("preflight"))
    found = facts.get("udp") if facts.get("udp_public") is None else facts.get("udp_public")
    dns = flag(found) or any(_got_dns_answer_over_udp(row) for row in own_rows)
    passed = sum(map(passed_by_datagram, own_rows))
    return UDPSupport(found is not False or dns or passed > 0, dns, passed)


def passes_by_datagram(row: Observation) -> bool:
    """Return whether the row is a UDP flow that got an answer from beyond the first hops, DNS included."""
    return passed_by_datagram(row) or _got_dns_answer_over_udp(row)


def passed_by_datagram(row: Observation) -> bool:
    """Return whether the row is a UDP flow, other than DNS, that got an answer."""
    endpoint = endpoint_of(row.endpoint)
    if endpoint is None or endpoint.carrier != "udp" or endpoint.facts.is_resolver:
        return row.echo_echoed
    by_quic = row.quic_attempts > 0 and row.tls_answered  # with an innocuous name too
    return row.echo_echoed or row.payload_answered or by_quic or proof_of(row, endpoint) != ""


def _got_dns_answer_over_udp(row: Observation) -> bool:
    return any(query.engine == "udp" and query.resolver != "system" and query.answer.addresses for query in row.queries)

"""Compare the answers of resolvers that are targets themselves with the answers of trusted sources."""

from dataclasses import dataclass

from probe.analysis.features.dns.races import race_of
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import dns_kind_of
from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import address, table, tables, text
from probe.analysis.observations.rows import FlatMeasurement, Observation, Query
from probe.signatures.bogons import is_bogon


@dataclass(frozen=True)
class Answers:
    """Count the attempts at one resolver by kind of answer. `trusted` counts addresses from trusted sources."""

    false: int = 0  # with a property of the next three
    bogons: int = 0  # an address that no public service can have
    elsewhere: int = 0  # addresses in networks of no trusted answer
    forged_first: int = 0  # a forged datagram, before one that contradicts it
    denied: int = 0  # NXDOMAIN
    refused: int = 0
    broken: int = 0  # SERVFAIL
    trusted: int = 0


def answers_in(attempts: list[Observation], measurement: FlatMeasurement, proofs: Verified) -> Answers:
    """Evaluate the last query of each attempt."""
    asked = [(row, row.queries[-1]) for row in attempts if row.queries]
    trusted = {query.hostname: _trusted(query.hostname, measurement, proofs) for _, query in asked}
    bogons = [any(map(is_bogon, query.answer.addresses)) for _, query in asked]
    elsewhere = [_elsewhere(query, trusted[query.hostname], proofs) for _, query in asked]
    forged = [race_of(query, trusted[query.hostname], proofs.asn).forged_first for _, query in asked]
    kinds = [dns_kind_of(row.payload_failure) for row, _ in asked]
    return Answers(
        false=sum(any(found) for found in zip(bogons, elsewhere, forged, strict=True)),
        bogons=sum(bogons),
        elsewhere=sum(elsewhere),
        forged_first=sum(forged),
        denied=kinds.count("nxdomain"),
        refused=kinds.count("refused"),
        broken=kinds.count("servfail"),
        trusted=sum(map(len, trusted.values())),
    )


def _trusted(name: str, measurement: FlatMeasurement, proofs: Verified) -> frozenset[str]:
    """Return addresses from the control, encrypted resolvers and neutral hosts that were certified in the preflight."""
    facts = tables(table(measurement.run.get("preflight")).get("neutral"))
    fine = [fact for fact in facts if fact.get("failure") is None]
    proven = {address(fact.get("address")) for fact in fine if _host_of(fact) == name}
    return proofs.from_control(name) | proofs.authenticated(name) | proven


def _host_of(fact: dict[str, object]) -> str:
    endpoint = endpoint_of(text(fact.get("endpoint")))
    return endpoint.host if endpoint else ""


def _elsewhere(query: Query, trusted: frozenset[str], proofs: Verified) -> bool:
    """Return whether the answer shares no address and no network with a trusted one, and both networks are known.

    A service in many networks may answer like this. The answer is then doubtful, but not proven false.
    """
    given = query.answer.addresses
    if not given or trusted.intersection(given):
        return False
    networks, known = ({proofs.asn(ip) for ip in ips} - {0} for ips in (given, trusted))
    return bool(networks and known) and not networks & known

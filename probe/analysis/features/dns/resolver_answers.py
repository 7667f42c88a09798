"""Resolvers that are themselves the target: does what they answer hold against what others say of the same name?"""

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
    """How many attempts at one resolver got which kind of answer. `trusted`: addresses that others vouch for."""

    false: int = 0  # one of the three below
    bogons: int = 0  # an address that no public service can have
    elsewhere: int = 0  # addresses in networks of which no trusted source knows
    forged_first: int = 0  # a forged datagram, before one that contradicts it
    denied: int = 0  # "no such name"
    refused: int = 0
    broken: int = 0  # SERVFAIL
    trusted: int = 0


def answers_in(attempts: list[Observation], line: FlatMeasurement, proofs: Verified) -> Answers:
    """Judge the answers to the question of each attempt, one question in each."""
    asked = [(row, row.queries[-1]) for row in attempts if row.queries]
    genuine = {query.hostname: _genuine(query.hostname, line, proofs) for _, query in asked}
    bogons = [any(map(is_bogon, query.answer.addresses)) for _, query in asked]
    elsewhere = [_elsewhere(query, genuine[query.hostname], proofs) for _, query in asked]
    forged = [race_of(query, genuine[query.hostname], proofs.asn).forged_first for _, query in asked]
    said = [dns_kind_of(row.payload_failure) for row, _ in asked]
    return Answers(
        false=sum(any(kinds) for kinds in zip(bogons, elsewhere, forged, strict=True)),
        bogons=sum(bogons),
        elsewhere=sum(elsewhere),
        forged_first=sum(forged),
        denied=said.count("nxdomain"),
        refused=said.count("refused"),
        broken=said.count("servfail"),
        trusted=sum(map(len, genuine.values())),
    )


def _genuine(name: str, line: FlatMeasurement, proofs: Verified) -> frozenset[str]:
    """What the control was told, what came encrypted, and where a neutral host proved itself before the run."""
    facts = tables(table(line.run.get("preflight")).get("neutral"))
    fine = [fact for fact in facts if fact.get("failure") is None]
    proven = {address(fact.get("address")) for fact in fine if _host_of(fact) == name}
    return proofs.from_control(name) | proofs.authenticated(name) | proven


def _host_of(fact: dict[str, object]) -> str:
    endpoint = endpoint_of(text(fact.get("endpoint")))
    return endpoint.host if endpoint else ""


def _elsewhere(query: Query, genuine: frozenset[str], proofs: Verified) -> bool:
    """Whether nothing connects the answer with a trusted one: other addresses, other networks, and both are known.

    A service in many networks may honestly answer so: it makes an answer doubtful, and nobody a liar.
    """
    given = query.answer.addresses
    if not given or genuine.intersection(given):
        return False
    networks, trusted = ({proofs.asn(ip) for ip in ips} - {0} for ips in (given, genuine))
    return bool(networks and trusted) and not networks & trusted

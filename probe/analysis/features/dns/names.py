"""Compute the feature row of one host name from the DNS queries of a measurement."""

from probe.analysis.features.access_network import AccessNetwork
from probe.analysis.features.dns.forgery import FAMILIES, count_forgeries, raced_families, system_spans
from probe.analysis.features.rows import NameRow
from probe.analysis.features.verified_addresses import Verified, refused_certificate
from probe.analysis.observations.failure_kinds import dns_kind_of, is_local
from probe.analysis.observations.rows import FlatMeasurement, Query
from probe.formats import failures as f
from probe.signatures.bogons import is_bogon
from probe.signatures.evidence_age import CONTROL_LOOKUP, RESOLVER_WORKS, Span, in_time
from probe.targets.dialects import ENCRYPTED_RESOLVERS
from probe.targets.target import family_of

_DENIALS = frozenset({"nxdomain", "no_answer"})
_ANSWERED_WITHIN = 1.0  # seconds in which a resolver that works answers


def name_row(name: str, measurement: FlatMeasurement, proofs: Verified, network: AccessNetwork) -> NameRow:
    """Compute the row that the rules about names read."""
    families, asked = network.families, _system_queries(name, proofs)
    answers = _answers(name, asked, families, proofs)
    failed, spans = _failure(asked, families), system_spans(name, proofs)
    row = NameRow(
        dns_needed=True,
        dns_attempts=len(_deciding(asked)),
        dns_local_faults=sum(is_local(query.answer.failure) for query in _deciding(asked)),
        interrupted=network.interrupted,
        network_unchecked=failed is not None and network.unchecked(spans),
        network_lost=failed is not None and network.lost(spans),
        line_drops=network.drops or network.slow,
        dns_failure=failed,
        dns_failure_kind=dns_kind_of(failed),
    )
    _count_answers(row, name, answers, proofs)
    _count_trusted(row, name, frozenset(answers), proofs)
    _count_others(row, name, proofs)
    row.dns_compared = measurement.foreign or _gave_usual_addresses(name, proofs, spans)
    row.dns_family_absent = not answers and any(query.answer.addresses for query in _deciding(asked))
    row.dns_family_spared = bool(_spared(name, asked, families, proofs))
    count_forgeries(row, name, measurement, proofs)
    return row


def name_transactions(name: str, proofs: Verified) -> list[int]:
    """Return the numbers of the probe's transactions that queried the name."""
    return list(dict.fromkeys(row.transaction_id for row, _ in proofs.probe.asked(name)))


def _system_queries(name: str, proofs: Verified) -> list[Query]:
    return [query for query in proofs.asked(name) if query.resolver == "system"]


def _deciding(asked: list[Query]) -> list[Query]:
    """Return the queries of the system library, or our own UDP queries to the same resolver if those were lost.

    A lost packet costs the library five seconds per try. The library may also lack a file descriptor. If our own query
    to the same resolver was answered then, the resolver is not silent.
    """
    library = [query for query in asked if query.engine != "udp"]
    lost = all(_is_inconclusive(query.answer.failure) for query in library)
    answered = [query for query in asked if query.engine == "udp" and query.answer.addresses]
    return answered if lost and answered else library or asked


def _is_inconclusive(failure: str | None) -> bool:
    return failure in {f.TIMEOUT, f.TIMED_OUT, f.DNS_MISBEHAVING} or is_local(failure)


def _answers(name: str, asked: list[Query], families: frozenset[int], proofs: Verified) -> list[str]:
    """Return the addresses to evaluate: those of a family without any verified answer if there is one, else all.

    A true AAAA record then does not hide a false A record. If one family is verified and the other was not tried, only
    bogons of the other one count, because its addresses were never tested.
    """
    by_family, verified = _by_family(asked, families), proofs.verified(name)
    doubted = {row.address for row in proofs.probe.of_host(name)}
    doubted |= {ip for answers in by_family.values() for ip in answers if is_bogon(ip)}
    if not any(verified.intersection(answers) for answers in by_family.values()):
        doubted |= {ip for answers in by_family.values() for ip in answers}
    false_family = [
        answers
        for answers in by_family.values()
        if doubted.intersection(answers) and not verified.intersection(answers)
    ]
    every = [answers for _, answers in sorted(by_family.items())]
    return sorted({ip for answers in (false_family or every) for ip in answers})


def _by_family(asked: list[Query], families: frozenset[int]) -> dict[int, list[str]]:
    """Return the addresses from the system resolver by family, for families that work here."""
    found: dict[int, list[str]] = {}
    for query in _deciding(asked):
        family = FAMILIES.get(query.query_type, 0)
        if query.answer.failure is None and family in families:
            found.setdefault(family, []).extend(query.answer.addresses)
    return found


def _spared(name: str, asked: list[Query], families: frozenset[int], proofs: Verified) -> set[int]:
    """Return the families with a certified address from the system resolver and without a forged answer first."""
    working = proofs.certified_here(name)
    fine = {family for family, answers in _by_family(asked, families).items() if working.intersection(answers)}
    return fine - raced_families(name, proofs)


def _failure(asked: list[Query], families: frozenset[int]) -> str | None:
    """Return the failure of resolving, None if an address came. Our own query is more precise than getaddrinfo."""
    queries = _deciding(asked)
    if not queries or any(query.answer.addresses for query in queries):
        return None
    relevant = [query for query in queries if FAMILIES.get(query.query_type, 0) in families] or queries
    failure = relevant[0].answer.failure or "dns_no_answer"
    own = [query.answer.failure for query in asked if query.engine == "udp" and query.answer.failure is not None]
    vague = dns_kind_of(failure) == "other" and not is_local(failure)
    precise = [failed for failed in own if not is_local(failed) and dns_kind_of(failed) not in {"other", "no_answer"}]
    return precise[0] if vague and precise else failure


def _count_answers(row: NameRow, name: str, answers: list[str], proofs: Verified) -> None:
    verified = proofs.verified(name)
    trusted = (verified | proofs.certified_here(name)) - set(answers)
    networks = {proofs.asn(ip) for ip in trusted} - {0}
    row.dns_answers = len(answers)
    row.dns_genuine = len(verified.intersection(answers) - proofs.contested(name))
    row.dns_contested = len(verified.intersection(answers) & proofs.contested(name))
    row.dns_reached = len(_reached(name, proofs).intersection(answers))
    row.dns_trusted_reached = len(_reached(name, proofs) & verified - set(answers))
    row.dns_bogon = sum(map(is_bogon, answers))
    row.dns_blockpage = len(_showing_blockpages(name, proofs).intersection(answers))
    row.dns_foreign = len(_showing_foreign(name, proofs).intersection(answers))
    tried = {row.address for row in proofs.probe.of_host(name)} & set(answers)
    row.dns_elsewhere = sum(bool(networks and proofs.asn(ip)) and proofs.asn(ip) not in networks for ip in tried)
    near = {ip for ip in answers if proofs.asn(ip) in networks}
    row.dns_neighbours = len(near)
    row.dns_refuted_at_control = len((_refuted(name, proofs) - near).intersection(answers))


def _reached(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if row.failure is None}


def _showing_blockpages(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if row.http_fingerprints}


def _showing_foreign(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if refused_certificate(row)}


def _refuted(name: str, proofs: Verified) -> set[str]:
    """Return the addresses that the control tried and could not verify."""
    tried = {
        row.address for row in proofs.counted.of_host(name) if row.failure is not None and not is_local(row.failure)
    }
    return tried - proofs.certified_at_control(name)


def _count_trusted(row: NameRow, name: str, answers: frozenset[str], proofs: Verified) -> None:
    row.dns_authenticated = len(proofs.authenticated(name))
    asked = _timely_at_control(name, proofs)
    row.dns_from_control = len({ip for query in asked if query.answer.failure is None for ip in query.answer.addresses})
    families = set(map(family_of, answers)) or {4, 6}  # a verified IPv4 address does not refute an IPv6 address
    proven_at_control = proofs.authenticated(name) & proofs.certified_at_control(name)
    row.dns_proven_here = sum(family_of(ip) in families for ip in proofs.certified_here(name) - answers)
    row.dns_proven_authenticated = sum(family_of(ip) in families for ip in proven_at_control - answers)
    at_control = [query for query in asked if not is_local(query.answer.failure)]
    row.control_attempts = len(at_control)
    row.control_successes = sum(bool(query.answer.addresses) for query in at_control)
    others = proofs.asked(name, ENCRYPTED_RESOLVERS) + at_control
    row.dns_others_denied = sum(dns_kind_of(query.answer.failure) == "nxdomain" for query in others)


def _timely_at_control(name: str, proofs: Verified) -> list[Query]:
    """Return the control's queries for the name without answers that are too old for the lookups here."""
    spans = system_spans(name, proofs)
    return [
        query
        for row, query in proofs.control.asked(name)
        if not query.answer.addresses or not spans or in_time(row.began, spans, CONTROL_LOOKUP)
    ]


def _count_others(row: NameRow, name: str, proofs: Verified) -> None:
    """Count other names for which the system resolver answered then, and those of which it lost a query."""
    others = _of_other_names(name, proofs)
    known = {query.hostname for _, query in others if query.answer.addresses}
    lost = {query.hostname for _, query in others if dns_kind_of(query.answer.failure) == "timeout"}
    spans = system_spans(name, proofs)
    timely = {query.hostname for t0, query in others if _is_answer(query) and _tells(t0, spans, row)}
    row.dns_other_names_resolved, row.dns_others_lost = len(timely), len(known & lost)


def _of_other_names(name: str, proofs: Verified) -> list[tuple[float, Query]]:
    """Return the queries for other names to the system resolver, each with its time."""
    asked = [(at.t0, query) for at in proofs.probe.all for query in at.queries if query.resolver == "system"]
    return [(t0, query) for t0, query in asked if query.hostname != name]


def _gave_usual_addresses(name: str, proofs: Verified, spans: list[Span]) -> bool:
    """Return whether the system resolver gave addresses that a server can have for another name at about that time."""
    near = [query for t0, query in _of_other_names(name, proofs) if in_time(t0, spans, RESOLVER_WORKS)]
    return any(query.answer.addresses and not any(map(is_bogon, query.answer.addresses)) for query in near)


def _is_answer(query: Query) -> bool:
    """Return whether a working resolver answered: with addresses, or that there are none."""
    return bool(query.answer.addresses) or dns_kind_of(query.answer.failure) in _DENIALS


def _tells(t0: float, spans: list[Span], row: NameRow) -> bool:
    """Return whether an answer to a query at `t0` shows that the resolver worked when it failed for the name.

    A resolver that is silent may have been gone for a time. The library repeats its query in the second half of its
    patience. Only an answer to a query between both shows that the resolver was not gone from one to the other.
    """
    if row.dns_failure_kind == "timeout":
        return any(begin + _ANSWERED_WITHIN <= t0 <= (begin + end) / 2 for begin, end in spans)
    return in_time(t0, spans, RESOLVER_WORKS)

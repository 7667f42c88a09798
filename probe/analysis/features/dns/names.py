"""How a host name resolved: a line's questions and answers → one NameRow, and the transactions that it rests on."""

from probe.analysis.features.access_network import AccessNetwork
from probe.analysis.features.dns.forgery import FAMILIES, count_forgeries, raced_families
from probe.analysis.features.rows import NameRow
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import CERTIFICATE, dns_kind_of, is_local, kind_of
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.rows import FlatMeasurement, Observation, Query
from probe.formats import failures as f
from probe.signatures.bogons import is_bogon
from probe.signatures.resolver_fingerprint import print_of
from probe.targets.dialects import ENCRYPTED_RESOLVERS


def name_row(name: str, line: FlatMeasurement, proofs: Verified, around: AccessNetwork) -> NameRow:
    """Work out everything that the rules about names read."""
    families, asked = around.families, _system_questions(name, proofs)
    answers = _answers(name, asked, families, proofs)
    failed = _failure(asked, families)
    row = NameRow(
        dns_needed=True,
        dns_attempts=len(_own_library(asked)),
        dns_local_faults=sum(is_local(query.answer.failure) for query in _own_library(asked)),
        interrupted=around.interrupted,
        line_drops=around.drops,
        dns_failure=failed,
        dns_failure_kind=dns_kind_of(failed),
    )
    _judge_answers(row, name, answers, proofs)
    _count_trusted(row, name, frozenset(answers), proofs)
    resolved, row.dns_others_lost = _others_resolved(name, proofs)
    row.dns_other_names_resolved = resolved + (print_of(table(line.run.get("preflight")).get("resolver")) is not None)
    row.dns_family_absent = not answers and any(query.answer.addresses for query in _own_library(asked))
    row.dns_family_spared = bool(_spared(name, asked, families, proofs))
    count_forgeries(row, name, line, proofs)
    return row


def name_transactions(name: str, proofs: Verified) -> list[int]:
    """The probe's transactions that asked for the name."""
    return list(dict.fromkeys(row.transaction_id for row, _ in proofs.probe.asked(name)))


def _system_questions(name: str, proofs: Verified) -> list[Query]:
    return [query for query in proofs.asked(name) if query.resolver == "system"]


def _own_library(asked: list[Query]) -> list[Query]:
    """The system library's questions; our own UDP ones to the same resolver where the library has none, or got lost.

    A lost packet costs the library five seconds a try. Where it gave up without any answer, or had no descriptor left
    to ask with, and our own question to the same resolver was answered, the resolver is no silent one.
    """
    library = [query for query in asked if query.engine != "udp"]
    lost = all(_says_nothing(query.answer.failure) for query in library)
    answered = [query for query in asked if query.engine == "udp" and query.answer.addresses]
    return answered if lost and answered else library or asked


def _says_nothing(failure: str | None) -> bool:
    return failure in {f.TIMEOUT, f.TIMED_OUT, f.DNS_MISBEHAVING} or is_local(failure)


def _answers(name: str, asked: list[Query], families: frozenset[int], proofs: Verified) -> list[str]:
    """The addresses to judge: those of a family whose answers hold nothing genuine, if there is one, else all.

    So a lie about A records is not hidden by an honest AAAA record. Of a family that was never tried, beside a genuine
    one, only a bogon says anything: nobody has looked whether the others are the name's.
    """
    by_family, genuine = _by_family(asked, families), proofs.genuine(name)
    doubted = {row.address for row in proofs.probe.of_host(name)}
    doubted |= {ip for answers in by_family.values() for ip in answers if is_bogon(ip)}
    if not any(genuine.intersection(answers) for answers in by_family.values()):
        doubted |= {ip for answers in by_family.values() for ip in answers}
    lied_about = [
        answers for answers in by_family.values() if doubted.intersection(answers) and not genuine.intersection(answers)
    ]
    every = [answers for _, answers in sorted(by_family.items())]
    return sorted({ip for answers in (lied_about or every) for ip in answers})


def _by_family(asked: list[Query], families: frozenset[int]) -> dict[int, list[str]]:
    """The addresses that the system's resolver gave, of families that work here."""
    found: dict[int, list[str]] = {}
    for query in _own_library(asked):
        family = FAMILIES.get(query.query_type, 0)
        if query.answer.failure is None and family in families:
            found.setdefault(family, []).extend(query.answer.addresses)
    return found


def _spared(name: str, asked: list[Query], families: frozenset[int], proofs: Verified) -> set[int]:
    """Families that nobody raced for, and whose addresses, as the system's resolver gave them, proved genuine here."""
    working = proofs.certified_here(name)
    fine = {family for family, answers in _by_family(asked, families).items() if working.intersection(answers)}
    return fine - raced_families(name, proofs)


def _failure(asked: list[Query], families: frozenset[int]) -> str | None:
    """How resolving failed; None if any address came. Our own question knows more precisely than getaddrinfo."""
    library = _own_library(asked)
    if not library or any(query.answer.addresses for query in library):
        return None
    relevant = [query for query in library if FAMILIES.get(query.query_type, 0) in families] or library
    said = relevant[0].answer.failure or "dns_no_answer"
    own = [query.answer.failure for query in asked if query.engine == "udp" and query.answer.failure is not None]
    vague = dns_kind_of(said) == "other" and not is_local(said)
    precise = [failed for failed in own if not is_local(failed) and dns_kind_of(failed) not in {"other", "no_answer"}]
    return precise[0] if vague and precise else said


def _judge_answers(row: NameRow, name: str, answers: list[str], proofs: Verified) -> None:
    genuine = proofs.genuine(name)
    trusted = (genuine | proofs.certified_here(name)) - set(answers)
    networks = {proofs.asn(ip) for ip in trusted} - {0}
    row.dns_answers = len(answers)
    row.dns_genuine = len(genuine.intersection(answers))
    row.dns_reached = len(_reached(name, proofs).intersection(answers))
    row.dns_trusted_reached = len(_reached(name, proofs) & genuine - set(answers))
    row.dns_bogon = sum(map(is_bogon, answers))
    row.dns_blockpage = len(_showing_blockpages(name, proofs).intersection(answers))
    row.dns_foreign = len(_showing_foreign(name, proofs).intersection(answers))
    visited = {row.address for row in proofs.probe.of_host(name)} & set(answers)  # and proved nothing there
    row.dns_elsewhere = sum(bool(networks and proofs.asn(ip)) and proofs.asn(ip) not in networks for ip in visited)
    near = {ip for ip in answers if proofs.asn(ip) in networks}
    row.dns_neighbours = len(near)
    row.dns_refuted_at_control = len((_refuted(name, proofs) - near).intersection(answers))  # or one that has gone


def _reached(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if row.failure is None}


def _showing_blockpages(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if row.http_fingerprints}


def _showing_foreign(name: str, proofs: Verified) -> set[str]:
    return {row.address for row in proofs.probe.of_host(name) if _refused(row)}


def _refused(row: Observation) -> bool:
    return CERTIFICATE in {kind_of(row.tls_failure), kind_of(row.quic_failure)}


def _refuted(name: str, proofs: Verified) -> set[str]:
    """Addresses that the control tried and could not prove to be the name's."""
    tried = {
        row.address for row in proofs.counted.of_host(name) if row.failure is not None and not is_local(row.failure)
    }
    return tried - proofs.certified_at_control(name)


def _count_trusted(row: NameRow, name: str, answers: frozenset[str], proofs: Verified) -> None:
    row.dns_authenticated = len(proofs.authenticated(name))
    row.dns_from_control = len(proofs.from_control(name))
    families = set(map(_family, answers)) or {4, 6}  # a machine's IPv4 address does not make its IPv6 address a lie
    proven_there = proofs.authenticated(name) & proofs.certified_at_control(name)
    row.dns_proven_here = sum(_family(ip) in families for ip in proofs.certified_here(name) - answers)
    row.dns_proven_authenticated = sum(_family(ip) in families for ip in proven_there - answers)
    at_control = [query for query in proofs.control_asked(name) if not is_local(query.answer.failure)]
    row.control_attempts = len(at_control)
    row.control_successes = sum(bool(query.answer.addresses) for query in at_control)
    others = proofs.asked(name, ENCRYPTED_RESOLVERS) + at_control
    row.dns_others_denied = sum(dns_kind_of(query.answer.failure) == "nxdomain" for query in others)


def _others_resolved(name: str, proofs: Verified) -> tuple[int, int]:
    """How many other names of the line the system's resolver knew, and of how many of these a question was lost."""
    asked = [query for row in proofs.probe.all for query in row.queries if query.resolver == "system"]
    others = [query for query in asked if query.hostname != name]
    resolved = {query.hostname for query in others if query.answer.addresses}
    lost = {query.hostname for query in others if dns_kind_of(query.answer.failure) == "timeout"}
    return len(resolved), len(resolved & lost)


def _family(ip: str) -> int:
    return 6 if ":" in ip else 4

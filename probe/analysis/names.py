"""How a host name resolved: a line's questions and answers → one NameRow, and the transactions that it rests on."""

from probe.analysis.kinds import CERTIFICATE, dns_kind_of, is_local, kind_of
from probe.analysis.observations import Line, Observation, Query
from probe.analysis.proofs import AUTHENTICATED, Proofs, host_of
from probe.analysis.races import is_forged, race_of
from probe.analysis.reading import flag
from probe.analysis.rows import NameRow
from probe.formats import failures as f
from probe.formats.bogons import is_bogon

_FAMILIES = {"A": 4, "AAAA": 6}


def name_row(name: str, line: Line, proofs: Proofs, families: frozenset[int]) -> NameRow:
    """Work out everything that the rules about names read. `families` are those that work here."""
    asked = _system_questions(name, proofs)
    answers = _answers(asked, families, proofs.genuine(name))
    failed = _failure(asked, families)
    row = NameRow(
        dns_needed=True,
        dns_attempts=len(asked),
        dns_local_faults=sum(is_local(query.answer.failure) for query in asked),
        interrupted=flag(line.run.get("interrupted")),
        dns_failure=failed,
        dns_failure_kind=dns_kind_of(failed),
    )
    _judge_answers(row, name, answers, proofs)
    _count_trusted(row, name, frozenset(answers), proofs)
    _count_forgeries(row, name, proofs)
    return row


def name_transactions(name: str, proofs: Proofs) -> list[int]:
    """The probe's transactions that asked for the name."""
    return [row.transaction_id for row in proofs.probe if any(query.hostname == name for query in row.queries)]


def _system_questions(name: str, proofs: Proofs) -> list[Query]:
    return [query for query in proofs.asked(name) if query.resolver == "system"]


def _own_library(asked: list[Query]) -> list[Query]:
    """The system library's questions; our own UDP ones to the same resolver where the library has none, or got lost.

    A lost packet costs the library five seconds a try. Where it gave up without any answer and our own question to the
    same resolver was answered, the resolver is no silent one.
    """
    library = [query for query in asked if query.engine != "udp"]
    lost = all(query.answer.failure in {f.TIMEOUT, f.TIMED_OUT, f.DNS_MISBEHAVING} for query in library)
    answered = [query for query in asked if query.engine == "udp" and query.answer.addresses]
    return answered if lost and answered else library or asked


def _answers(asked: list[Query], families: frozenset[int], genuine: frozenset[str]) -> list[str]:
    """The addresses to judge: those of a family whose answers hold nothing genuine, if there is one, else all.

    So a lie about A records is not hidden by an honest AAAA record.
    """
    by_family: dict[int, list[str]] = {}
    for query in _own_library(asked):
        family = _FAMILIES.get(query.query_type, 0)
        if query.answer.failure is None and family in families:
            by_family.setdefault(family, []).extend(query.answer.addresses)
    lied_about = [answers for answers in by_family.values() if answers and not genuine.intersection(answers)]
    every = [answers for _, answers in sorted(by_family.items())]
    return sorted({ip for answers in (lied_about or every) for ip in answers})


def _failure(asked: list[Query], families: frozenset[int]) -> str | None:
    """How resolving failed; None if any address came. Our own question knows more precisely than getaddrinfo."""
    library = _own_library(asked)
    if not library or any(query.answer.addresses for query in library):
        return None
    relevant = [query for query in library if _FAMILIES.get(query.query_type, 0) in families] or library
    said = relevant[0].answer.failure or "dns_no_answer"
    own = [query.answer.failure for query in asked if query.engine == "udp" and query.answer.failure is not None]
    vague = dns_kind_of(said) == "other" and not is_local(said)
    precise = [failed for failed in own if not is_local(failed) and dns_kind_of(failed) not in {"other", "no_answer"}]
    return precise[0] if vague and precise else said


def _judge_answers(row: NameRow, name: str, answers: list[str], proofs: Proofs) -> None:
    genuine = proofs.genuine(name)
    trusted = (genuine | proofs.certified_here(name)) - set(answers)
    networks = {proofs.asn(ip) for ip in trusted} - {0}
    row.dns_answers = len(answers)
    row.dns_genuine = len(genuine.intersection(answers))
    row.dns_bogon = sum(map(is_bogon, answers))
    row.dns_blockpage = sum(ip in _showing_blockpages(name, proofs) for ip in answers)
    row.dns_foreign = sum(ip in _showing_foreign(name, proofs.probe) for ip in answers)
    row.dns_elsewhere = sum(bool(networks and proofs.asn(ip)) and proofs.asn(ip) not in networks for ip in answers)
    row.dns_refuted_at_control = sum(ip in _refuted(name, proofs) for ip in answers)


def _showing_blockpages(name: str, proofs: Proofs) -> set[str]:
    return {row.address for row in proofs.probe if row.http_fingerprints and host_of(row) == name}


def _showing_foreign(name: str, rows: list[Observation]) -> set[str]:
    return {row.address for row in rows if _refused(row) and host_of(row) == name}


def _refused(row: Observation) -> bool:
    return CERTIFICATE in {kind_of(row.tls_failure), kind_of(row.quic_failure)}


def _refuted(name: str, proofs: Proofs) -> set[str]:
    """Addresses that the control tried and could not prove to be the name's."""
    tried = {
        row.address
        for row in proofs.counted_control()
        if host_of(row) == name and row.failure is not None and not is_local(row.failure)
    }
    return tried - proofs.certified_at_control(name)


def _count_trusted(row: NameRow, name: str, answers: frozenset[str], proofs: Proofs) -> None:
    row.dns_authenticated = len(proofs.authenticated(name))
    row.dns_from_control = len(proofs.from_control(name))
    row.dns_proven_here = len(proofs.certified_here(name) - answers)
    row.dns_proven_authenticated = len((proofs.authenticated(name) & proofs.certified_at_control(name)) - answers)
    at_control = [query for query in proofs.control_asked(name) if not is_local(query.answer.failure)]
    row.control_attempts = len(at_control)
    row.control_successes = sum(bool(query.answer.addresses) for query in at_control)
    others = proofs.asked(name, AUTHENTICATED) + at_control
    row.dns_others_denied = sum(dns_kind_of(query.answer.failure) == "nxdomain" for query in others)
    row.dns_other_names_resolved = len(
        {
            query.hostname
            for other in proofs.probe
            for query in other.queries
            if query.resolver == "system" and query.hostname != name and query.answer.addresses
        }
    )


def _count_forgeries(row: NameRow, name: str, proofs: Proofs) -> None:
    genuine = proofs.genuine(name)
    forged: list[str] = []
    for query in proofs.asked(name, frozenset({"udp"})):
        race = race_of(query, genuine, proofs.asn)
        row.dns_forged_first += race.forged_first and query.resolver == "system"
        row.dns_forged_public += race.forged_first and query.resolver != "system"
        row.dns_forged_late += race.forged_late
        row.dns_doubled += race.doubled
        forged += race.forged
    for query in _dark_questions(name, proofs):
        if query.answer.addresses and not is_forged(query.answer, genuine):
            row.dns_dark_genuine += 1
        elif is_forged(query.answer, genuine) and not _is_referral(query):
            row.dns_dark_forged += 1
            forged += query.answer.addresses
    row.dns_forged_bogon = bool(forged) and all(map(is_bogon, forged))  # one that is somebody's says more


def _is_referral(query: Query) -> bool:
    """Whether it says where else to ask, as an honest server without recursion does (RFC 1034, 4.3.1)."""
    return dns_kind_of(query.answer.failure) == "no_answer"


def _dark_questions(name: str, proofs: Proofs) -> list[Query]:
    dark = [row for row in proofs.probe if row.followup == "dark_resolver"]
    return [query for row in dark for query in row.queries if query.hostname == name]

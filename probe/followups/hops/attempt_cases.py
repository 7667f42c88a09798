"""Find cases for a hop search among first attempts: pages of a middlebox, browsers' hellos, and answers that stop.

Choose the DNS queries that a hop search is made for: those that the path answers, or drops.

The provider's own resolver is no case. A computer asks it through the home router, and it may answer falsely itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from probe.dialogue import fell_silent
from probe.followups.hops.clear_text_page import page_of
from probe.followups.hops.limited_payloads import LONGEST_REACTION, Case
from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session.session import HELPER
from probe.session.trace import Trace
from probe.signatures.bogons import is_bogon
from probe.targets.target import Endpoint

DNS_PORT = 53
RESOLVER_SCHEME = "dns+udp"


def name_cases(trace: Trace, hosts: Collection[str]) -> Iterable[Case]:
    """Yield cases for names of the target: answered by a non-resolver, or raced or dropped before a public resolver.

    One search holds for all services, so they have no service.
    """
    asked = [record for record in trace.transactions if record.hostname in hosts and record.address != HELPER]
    forged = [one for one in asked if one.followup == "dark_resolver" and _is_answered(one.failure)]
    public = [one for one in asked if one.followup == "resolver_udp"]
    raced = [one for one in public if _is_raced(_query_of(trace, one))]
    for record in (*forged, *raced, *(one for one in public if one.failure in f.SILENT)):
        yield _case(record, record.hostname, _query_of(trace, record))


def resolver_case(
    trace: Trace, attempt: TransactionRecord, endpoint: Endpoint, confirmation: TransactionRecord | None = None
) -> Case | None:
    """Return the case of a public resolver that gave false answers or none.

    Return None if the resolver itself may have sent them.
    """
    query = _query_of(trace, attempt)
    if endpoint.scheme != RESOLVER_SCHEME or query is None:
        return None
    failures = {attempt.failure, confirmation.failure if confirmation else attempt.failure}
    failed_equally = failures <= f.SILENT or (len(failures) == 1 and (attempt.failure or "").startswith("dns_"))
    if failed_equally or (failures == {None} and (_is_raced(query) or _has_bogon(query))):
        return replace(_case(attempt, query.hostname, query), service=attempt.service, endpoint=endpoint)
    return None


def _case(record: TransactionRecord, name: str, query: DNSQuery | None) -> Case:
    place, by_silence = (record.address, record.port or DNS_PORT), record.failure in f.SILENT
    query_type = query.query_type if query else "A"
    reaction = 0.0 if by_silence or query is None else min(query.x_round_trip or 0.0, LONGEST_REACTION)
    return Case("dns", "", name, *place, by_silence, record.transaction_id, query_type=query_type, reaction=reaction)


def _is_answered(failure: str | None) -> bool:
    """Return whether a non-resolver gave an answer.

    A referral is excluded, because an authoritative server at that address may send it (RFC 1034, 4.3.1).
    """
    return failure is None or (failure.startswith("dns_") and failure != f.DNS_NO_ANSWER)


def _query_of(trace: Trace, record: TransactionRecord) -> DNSQuery | None:
    return next((entry for entry in trace.entries_of(record) if isinstance(entry, DNSQuery)), None)


def _is_raced(query: DNSQuery | None) -> bool:
    """Return whether two answers to one query contradict each other."""
    answers = (query.x_responses or []) if query else []
    return len({(one.rcode, frozenset(filter(None, (a.address for a in one.answers)))) for one in answers}) > 1


def _has_bogon(query: DNSQuery) -> bool:
    return any(is_bogon(answer.address) for answer in query.answers if answer.address)


Attempt = tuple[TransactionRecord, Endpoint]

_WEB = frozenset({"http", "https"})
_OTHER_TRANSFERS = frozenset({"innocuous_name_transfer", "neutral_host_transfer"})


def page_cases(trace: Trace, attempts: Iterable[Attempt]) -> Iterable[Case]:
    """Return a case for each page that a neutral host sends for the name too, and each known block page.

    A block page at an address that nothing confirms may come from its own server, which is not asked again.
    """
    for attempt, endpoint in attempts:
        own = page_of(trace.entries_of(attempt)) if endpoint.scheme == "http" else None
        others = (
            page_of(trace.entries_of(record))
            for record in trace.transactions
            if record.followup == "same_name_neutral_host" and record.cause == attempt.transaction_id
        )
        in_place = attempt.corroborated and own is not None and own.is_block_page
        if own is not None and (in_place or (own.is_telling(endpoint.host) and own in others)):
            cause = attempt.transaction_id
            about = (attempt.service, endpoint.host, *place_of(attempt), False, cause, endpoint, True)
            yield Case("http", *about, reaction=reaction_of(trace, attempt))


def hello_cases(trace: Trace, attempts: Iterable[Attempt]) -> Iterable[Case]:
    """Return a case for each endpoint that answers our hello and at which a browser's failed twice.

    If an innocuous name fails in the browser's hello too, the extension for Encrypted ClientHello is the cause, and the
    search sends the innocuous name. Otherwise it sends the target's name.
    """
    for attempt, endpoint in attempts:
        caused = _caused_by(trace, attempt)
        failed = [record for record in caused if record.followup == "browser_hello" and _is_in_tls(record)]
        failures = {record.failure for record in failed}
        if len(failed) < 2 or not (failures <= f.SILENT or failures <= f.CUT_OFF):
            continue
        passed = {record.followup for record in caused if record.failure is None}
        by_name = "harmless_browser_hello" in passed
        sent = failed if by_name else [record for record in caused if record.followup == "harmless_browser_hello"]
        if sent and (by_name or ("browser_hello_without_ech" in passed and _is_in_tls(sent[-1]))):
            host, by_silence, cause = sent[-1].sent_name, failures <= f.SILENT, failed[-1].transaction_id
            about = (attempt.service, host, *place_of(attempt), by_silence, cause, endpoint)
            reaction = 0.0 if by_silence else reaction_of(trace, *sent)
            yield Case("tls", *about, by_browser=True, innocuous=not by_name, reaction=reaction)


def stop_cases(trace: Trace, attempts: Iterable[Attempt]) -> Iterable[Case]:
    """Return a case for each endpoint whose answers stop, while answers elsewhere or with another name do not.

    Nothing may have been acknowledged after the stop: a device then drops our packets too.
    """
    for attempt, endpoint in attempts:
        caused = _caused_by(trace, attempt)
        again = [record for record in caused if record.followup == "same_transfer_again"]
        silent = [record for record in (attempt, *again) if _fell_silent(trace, record)]
        others = [record for record in trace.transactions if record.followup in _OTHER_TRANSFERS]
        passed = any(record.failure is None and not _fell_silent(trace, record) for record in others)
        if endpoint.scheme in _WEB and len(silent) > 1 and passed and not any(map(_acknowledged, silent)):
            about = (attempt.service, endpoint.host, *place_of(attempt), True, attempt.transaction_id, endpoint)
            yield Case("frozen", *about)


def place_of(attempt: TransactionRecord) -> tuple[str, int]:
    return attempt.address, attempt.port


def reaction_of(trace: Trace, *records: TransactionRecord) -> float:
    """Return the shortest time of the last steps of these flows, in seconds.

    Flows that run at the same time make single times longer.
    """
    last = [entries[-1] for record in records if (entries := trace.entries_of(record))]
    return min([LONGEST_REACTION, *(entry.t - entry.t0 for entry in last)]) if last else 0.0


def _caused_by(trace: Trace, attempt: TransactionRecord) -> list[TransactionRecord]:
    return [record for record in trace.transactions if record.cause == attempt.transaction_id]


def _fell_silent(trace: Trace, record: TransactionRecord) -> bool:
    return fell_silent(record, trace.entries_of(record))


def _acknowledged(record: TransactionRecord) -> bool:
    """Return whether the server acknowledged all bytes, or the system does not tell it. The SYN counts as one."""
    end = record.stream
    return end is None or end.bytes_acked is None or end.bytes_acked > end.bytes_sent


def _is_in_tls(record: TransactionRecord) -> bool:
    return record.failed_operation == "tls_handshake"

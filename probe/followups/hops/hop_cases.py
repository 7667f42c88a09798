"""Choose what a hop search is made for, from the transactions of a measurement."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from probe.followups.hops.attempt_cases import (
    RESOLVER_SCHEME,
    Attempt,
    hello_cases,
    name_cases,
    page_cases,
    place_of,
    reaction_of,
    resolver_case,
    stop_cases,
)
from probe.followups.hops.limited_payloads import Case
from probe.followups.hops.mail_opening import MAIL
from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.exchanges.calls import UDPEcho
from probe.formats.exchanges.hops import PayloadKind
from probe.formats.exchanges.mail import MailEntry
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Trace
from probe.signatures.ttl_distance import NAMELESS
from probe.targets.hop_mechanisms import SEARCHED_STREAMS
from probe.targets.target import Endpoint

MOST_CASES = 8  # of one measurement

_KINDS: dict[str, PayloadKind] = {
    "connect": "syn",
    "tls_handshake": "tls",
    "http_round_trip": "http",
    "quic_handshake": "quic",
}
_ICMP_ERRORS = frozenset({f.HOST_UNREACHABLE, f.NETWORK_UNREACHABLE})
_CONNECT_FAILURES = frozenset({f.REFUSED, f.RESET, *_ICMP_ERRORS})
_STREAMS = SEARCHED_STREAMS | MAIL.keys()
_INTERCEPTED: dict[PayloadKind, PayloadKind] = {"tls": "syn", "quic": "datagram"}  # packets of a redirected flow
_MAIL: dict[str, PayloadKind] = {"smtp": "smtp", "imap": "imap"}  # by the proof of a dialect
_STARTTLS = "mail_starttls"
_MAIL_STEPS = frozenset({"mail_greeting", _STARTTLS})


class HopCases:
    """Hold the attempts of one measurement that may show interference."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._failed: list[tuple[TransactionRecord, TransactionRecord, Endpoint]] = []
        self._attempts: list[Attempt] = []
        self._found: list[Case] = []

    def note(self, attempt: TransactionRecord, confirmation: TransactionRecord, endpoint: Endpoint) -> None:
        """Remember an endpoint whose attempt and confirmation failed at a verified address."""
        self._failed.append((attempt, confirmation, endpoint))

    def note_attempt(self, attempt: TransactionRecord, endpoint: Endpoint) -> None:
        """Remember the first attempt. A middlebox may have sent or stopped its answer, or act on other hellos."""
        self._attempts.append((attempt, endpoint))

    def of(self, hosts: Collection[str]) -> list[Case]:
        """Return one case per kind of payload, and per service where the server matters.

        `hosts`: the names of the target's endpoints.
        """
        found: dict[tuple[PayloadKind, str, int], Case] = {}
        lookups = [*name_cases(self._trace, hosts), *self._resolvers()]
        self._found = [*lookups, *self._endpoints(), *self._among_attempts()]
        for case in self._found:
            family = case.family if case.intercepted and case.kind in NAMELESS else 0  # often only one is redirected
            found.setdefault((case.kind, "" if case.is_pathwide else case.service, family), case)
        return list(found.values())[:MOST_CASES]

    def _among_attempts(self) -> Iterable[Case]:
        for cases in (page_cases, hello_cases, stop_cases):
            yield from cases(self._trace, self._attempts)

    def at_another_address(self, case: Case) -> Case | None:
        """Return a case with the same payload for the same service that has another address."""
        about = (case.kind, case.service, case.host, case.by_silence, case.any_name, case.by_browser)
        for other in self._found:
            kind = (other.kind, other.service, other.host, other.by_silence, other.any_name, other.by_browser)
            if kind == about and other.ip != case.ip:
                return other
        return None

    def _endpoints(self) -> Iterable[Case]:
        for attempt, confirmation, endpoint in self._failed:
            failures = {attempt.failure, confirmation.failure}
            cause = attempt.transaction_id
            if failures == {None} and endpoint.dialect == "sip/udp":  # the planner noted answers that are doubtful
                case = Case("sip", attempt.service, endpoint.host, *place_of(attempt), False, cause, endpoint)
                yield replace(case, reaction=reaction_of(self._trace, attempt, confirmation))
            if attempt.failed_operation != confirmation.failed_operation:
                continue
            kind = _kind_of(attempt, endpoint)
            if kind is None:
                continue
            about = (attempt.service, endpoint.host, *place_of(attempt))
            if failures <= f.SILENT and self._is_spoilt(endpoint):
                yield Case(kind, *about, True, cause, endpoint, by_quote=True)
                continue
            intercepted, by_silence = failures <= f.CERTIFICATE_FAILURES, bool(failures & f.SILENT)
            reaction = 0.0 if by_silence else reaction_of(self._trace, attempt, confirmation)
            for payload, any_name in self._payloads(kind, failures, attempt, endpoint):
                case = Case(payload, *about, by_silence, cause, endpoint, any_name, intercepted=intercepted)
                yield replace(case, asks_for_tls=attempt.failed_operation == _STARTTLS, reaction=reaction)

    def _payloads(
        self, kind: PayloadKind, failures: set[str | None], attempt: TransactionRecord, endpoint: Endpoint
    ) -> Iterable[tuple[PayloadKind, bool]]:
        """Return the payloads that may locate two equal failures, with `any_name` of `Case`."""
        if kind != "syn" and self._is_by_name(failures, attempt, endpoint):
            yield kind, False
            return
        if kind == "quic" and (failures <= f.SILENT or failures <= _CONNECT_FAILURES):
            yield "quic", True
        if failures <= f.CERTIFICATE_FAILURES and kind in _INTERCEPTED:
            yield kind, True
            yield _INTERCEPTED[kind], True
            return
        kind = "datagram" if endpoint.carrier == "udp" else kind
        if self._is_searchable(kind, failures, attempt):
            yield kind, True

    def _is_by_name(self, failures: set[str | None], attempt: TransactionRecord, endpoint: Endpoint) -> bool:
        """Return whether two equal failures follow the name or the payload, since an innocuous one passed."""
        refused = endpoint.scheme == "quic" and failures <= _CONNECT_FAILURES
        if not (failures <= f.SILENT or failures <= f.CUT_OFF or refused):
            return False
        by_name = endpoint.facts.has_exchangeable_name and self._innocuous_passed(attempt, endpoint)
        return by_name or (bool(endpoint.facts.echo_payload) and self._only_own_payload_dropped())

    def _is_searchable(self, kind: PayloadKind, failures: set[str | None], attempt: TransactionRecord) -> bool:
        """Return whether two failures can be located without an innocuous flow that passed."""
        if kind in NAMELESS:
            return failures <= f.SILENT | _ICMP_ERRORS or failures <= _CONNECT_FAILURES
        if kind == "inside_tls":
            return failures <= f.SILENT or failures <= f.CUT_OFF
        if kind not in _STREAMS or "tls_handshake" in attempt.steps:
            return False
        refused = kind in MAIL and self._is_refused(attempt, failures)
        return refused or failures <= f.SILENT or failures <= f.CUT_OFF

    def _is_refused(self, attempt: TransactionRecord, failures: set[str | None]) -> bool:
        """Return whether STARTTLS is refused, or a refusal looks injected. Servers refuse EHLO for many reasons."""
        if all(": starttls refused" in (failure or "") for failure in failures):
            return True
        entries = [entry for entry in self._trace.entries_of(attempt) if isinstance(entry, MailEntry)]
        return any(entry.known_refusal or entry.contradicted for entry in entries)

    def _innocuous_passed(self, failed: TransactionRecord, endpoint: Endpoint) -> bool:
        return any(
            record.failure is None and (record.kind == "innocuous" or record.followup == "other_name_same_address")
            for record in self._trace.transactions
            if (record.address, record.port) == (failed.address, failed.port)
            and (("quic_handshake" in record.steps) == (endpoint.scheme == "quic"))
        )

    def _only_own_payload_dropped(self) -> bool:
        """Return whether the echo pair lost the endpoint's datagram and not the random one."""
        echoed: dict[str, set[bool]] = defaultdict(set)
        for record in self._trace.transactions:
            echoed[record.followup].add(record.failure is None)
        return echoed["other_payload_echo"] == {True} and echoed["same_payload_echo"] == {False}

    def _is_spoilt(self, endpoint: Endpoint) -> bool:
        """Return whether the endpoint's datagram came back from the echo with exchanged ends and a random one whole."""
        echoes = [
            entry
            for record in self._trace.transactions
            for entry in self._trace.entries_of(record)
            if isinstance(entry, UDPEcho) and entry.echoed
        ]
        own = [entry for entry in echoes if entry.payload == endpoint.facts.echo_payload]
        others = [entry for entry in echoes if entry.payload == "other"]
        swapped = any(entry.ends_swapped and not entry.ends_kept for entry in own)
        return swapped and bool(others) and not any(one.changed for one in others)

    def _resolvers(self) -> Iterable[Case]:
        """Return a case for each public resolver whose answer the path may have forged, or dropped."""
        for attempt, confirmation, endpoint in self._failed:
            if (case := resolver_case(self._trace, attempt, endpoint, confirmation)) is not None:
                yield case
        for attempt, endpoint in self._attempts:
            if attempt.failure is None and (case := resolver_case(self._trace, attempt, endpoint)) is not None:
                yield case


def _kind_of(attempt: TransactionRecord, endpoint: Endpoint) -> PayloadKind | None:
    """Return the kind of the payload that failed, None if no packet of its kind is sent with limited TTL."""
    operation = attempt.failed_operation or ""
    if operation == DNSQuery.OPERATION:
        return "datagram" if endpoint.scheme == RESOLVER_SCHEME else None
    facts = endpoint.facts
    if "tls_handshake" in attempt.steps and facts.tls_first and facts.layers[-1] in {"payload", "mail"}:
        return "inside_tls"
    if operation in _MAIL_STEPS:
        return _MAIL.get(facts.proof) if facts.starttls else None
    return _KINDS.get(operation) or (facts.payload_kind or None if operation else None)

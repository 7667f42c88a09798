"""What OONI's probe would have written of a measurement: a pure function over its entries and transactions.

OONI dials a host's addresses in order, IPv4 first, until one connects, and writes one `requests` element per URL, also
when the chain failed before HTTP. It knows the endpoints that a target file marks `ooni = true`, and no second attempt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from probe.dialogue import Method, written_url
from probe.formats import failures as f
from probe.formats.entries import DNSQuery, Entry, HTTPRequest, HTTPTransaction, TCPConnect, TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.targets import Endpoint, Target
from probe.trace import Trace

E = TypeVar("E", bound=Entry)
_SHORT_NAMES = {"tls_handshake": f.SSL_FAILED_HANDSHAKE, "http_round_trip": "http_request_failed"}


@dataclass
class Seen:
    """One endpoint as OONI's probe would have tried it. `operation` is the step that failed, None for success."""

    service: str
    endpoint: Endpoint
    method: str = "GET"
    operation: str | None = None
    failure: str | None = None
    entries: list[Entry] = field(default_factory=list)  # connects, handshake, request; not the shared queries

    @property
    def summary_failure(self) -> str | None:
        """The failure for a summary key, where a vague one gets a name of its layer (reference/ooni.md, rule 13b)."""
        if self.failure is None or not self.failure.startswith(f.UNKNOWN):
            return self.failure
        return _SHORT_NAMES.get(self.operation or "", f.INTERRUPTED)


@dataclass
class View:
    """The whole of it: `seen` holds only endpoints that were tried ("not run" is never "failed")."""

    queries: list[DNSQuery] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    rewritten: list[Entry] = field(default_factory=list)  # of ours, in whose place one of the entries stands

    def entries(self) -> list[Entry]:
        """Every entry, queries first."""
        return [*self.queries, *(entry for one in self.seen for entry in one.entries)]


def ooni_view(trace: Trace, target: Target, method: Method) -> View:
    """Select from the first pass what OONI's probe would have done and seen."""
    marked = [(service.role, endpoint) for service, endpoint in target.endpoints() if endpoint.ooni]
    by_transaction: dict[int, list[Entry]] = {}
    for entry in trace.entries:
        by_transaction.setdefault(entry.transaction_id, []).append(entry)
    queries = _queries(trace, {endpoint.host for _, endpoint in marked}, by_transaction)
    seen = [_seen(Seen(role, endpoint, method(endpoint)), trace, queries, by_transaction) for role, endpoint in marked]
    return View(_as_ooni_writes(queries), [one for one in seen if one is not None])


def _queries(trace: Trace, hosts: set[str], entries: dict[int, list[Entry]]) -> list[DNSQuery]:
    lookups = [t.transaction_id for t in trace.transactions if t.kind == "lookup" and t.hostname in hosts]
    found = [e for number in lookups for e in entries.get(number, []) if isinstance(e, DNSQuery)]
    return [query for query in found if query.engine in {"system", "getaddrinfo"}]


def _as_ooni_writes(queries: list[DNSQuery]) -> list[DNSQuery]:
    """Where one family was answered, OONI writes no entry for the other (reference/ooni.md 2.1, engine `system`)."""
    answered = {query.hostname for query in queries if query.failure is None}
    return [query for query in queries if query.failure is None or query.hostname not in answered]


def _seen(seen: Seen, trace: Trace, queries: list[DNSQuery], entries: dict[int, list[Entry]]) -> Seen | None:
    tried = _dialled(seen.endpoint, trace.transactions, queries)
    if not tried:
        return _unresolved(seen, queries)
    connects = [(record, _first(entries.get(record.transaction_id, []), TCPConnect)) for record in tried]
    for record, connect in connects:
        if connect is None:
            continue
        seen.entries.append(connect)
        if connect.failure is None:
            return _connected(seen, record, entries[record.transaction_id])
    if not seen.entries:
        return None  # our own fault stopped it before a packet was sent
    failures = [entry.failure for entry in seen.entries if entry.failure is not None]
    named = [failure for failure in failures if not failure.startswith(f.UNKNOWN)]
    return _failed(seen, "connect", (named or failures)[0], tried[0])


def _dialled(
    endpoint: Endpoint, transactions: Iterable[TransactionRecord], queries: list[DNSQuery]
) -> list[TransactionRecord]:
    """The first attempts at the endpoint, in the order in which OONI dials: IPv4 first, then as resolved."""
    answers = [a.address for query in queries if query.hostname == endpoint.host for a in query.answers]
    place = {address: number for number, address in reversed(list(enumerate(answers)))}
    tried = [t for t in transactions if t.kind == "first" and t.endpoint == endpoint.url and t.address]
    return sorted(tried, key=lambda t: (t.family, place.get(t.address, len(place)), t.transaction_id))


def _unresolved(seen: Seen, queries: list[DNSQuery]) -> Seen | None:
    asked = [query for query in queries if query.hostname == seen.endpoint.host]
    if not asked or any(query.failure is None for query in asked):
        return None
    return _failed(seen, "resolve", asked[0].failure, None, asked[0])


def _connected(seen: Seen, record: TransactionRecord, entries: list[Entry]) -> Seen:
    if seen.endpoint.scheme not in {"http", "https"}:
        return seen  # OONI only connects
    handshake, request = _first(entries, TLSHandshake), _first(entries, HTTPTransaction)
    seen.entries += [entry for entry in (handshake, request) if entry is not None]
    if record.failure is None:
        return seen
    if request is None:
        return _failed(seen, record.failed_operation, record.failure, record)
    seen.operation, seen.failure = "http_round_trip", request.failure
    return seen


def _failed(
    seen: Seen, operation: str | None, failure: str | None, record: TransactionRecord | None, at: Entry | None = None
) -> Seen:
    """Note a failure before HTTP; for a URL write the `requests` element that OONI would have written."""
    seen.operation, seen.failure = operation, failure
    if seen.endpoint.scheme in {"http", "https"}:
        timed = record or at
        seen.entries.append(
            HTTPTransaction(
                failure=failure,
                request=HTTPRequest(url=written_url(seen.endpoint), method=seen.method),
                transaction_id=timed.transaction_id if timed else 0,
                t0=timed.t0 if timed else 0.0,
                t=timed.t if timed else 0.0,
            )
        )
    return seen


def _first(entries: Iterable[Entry], kind: type[E]) -> E | None:
    return next((entry for entry in entries if isinstance(entry, kind)), None)

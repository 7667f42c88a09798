"""Select what OONI's probe would have written of a measurement. A pure function of entries and transactions.

OONI connects to a host's addresses in order, IPv4 first, until one succeeds. It writes one `requests` element per URL,
even if the chain failed before HTTP. It knows only the endpoints that a target file marks `ooni = true`, and it makes
no second attempt.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from probe.dialogue import Method, written_url
from probe.formats import failures as f
from probe.formats.entries import DNSQuery, Entry, HTTPRequest, HTTPTransaction, TCPConnect
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.keys import LISTS, Lists
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Trace
from probe.targets.target import Endpoint, Target

E = TypeVar("E", bound=Entry)
OONI_LISTS = ("queries", "tcp_connect", "tls_handshakes", "requests")
Extent = Literal["resolve", "connect", "request", "exchange", "every_address"]
"""How far OONI's probe goes at an endpoint.

It resolves the name, connects to the first address that accepts, or sends a request on that connection. Other nettests
send a datagram to the first address, or try every address.
"""
_SHORT_NAMES = {"tls_handshake": f.SSL_FAILED_HANDSHAKE, "http_round_trip": "http_request_failed"}


@dataclass
class OONIAttempt:
    """Hold one endpoint as OONI's probe would have tried it. `operation` is the failed step, None after success."""

    service: str
    endpoint: Endpoint
    method: str = "GET"
    operation: str | None = None
    failure: str | None = None
    entries: list[Entry] = field(default_factory=list)  # connects, handshake, request, without the shared queries
    address: str = ""  # set if OONI asks one address, or each separately
    requests: bool = False  # whether OONI continues with a request

    @property
    def summary_failure(self) -> str | None:
        """Return the failure for a summary key. An unknown failure gets the name of its layer, because OONI's backend
        sets aside measurements with `unknown_failure` there.
        """
        if self.failure is None or not self.failure.startswith(f.UNKNOWN):
            return self.failure
        return _SHORT_NAMES.get(self.operation or "", f.INTERRUPTED)


@dataclass
class View:
    """Hold OONI's view. `seen` has only endpoints that were tried, because "not run" is never "failed"."""

    queries: list[DNSQuery] = field(default_factory=list)
    seen: list[OONIAttempt] = field(default_factory=list)
    untried: list[Endpoint] = field(default_factory=list)  # OONI would have gone beyond the name, and we did not
    # untried endpoints by URL, with the failure of another target's visit there
    not_visited: dict[str, str] = field(default_factory=dict)
    rewritten: list[Entry] = field(default_factory=list)  # our entries that one of the view's entries replaces

    def entries(self) -> list[Entry]:
        """Return every entry, queries first."""
        return [*self.queries, *(entry for one in self.seen for entry in one.entries)]


def by_scheme(endpoint: Endpoint) -> Extent:
    """Return what most of OONI's nettests do: request a URL, else connect, and only resolve for datagrams."""
    if endpoint.carrier == "udp":
        return "resolve"
    return "request" if endpoint.scheme in {"http", "https"} else "connect"


def no_input(target: Target) -> None:
    """Return None, because most nettests take no input."""


def lists_of(entries: Iterable[Entry]) -> Lists:
    """Sort entries into OONI's lists by time. Requests are newest first, as in OONI's."""
    found: dict[str, list[Entry]] = {key: [] for key in LISTS}
    for entry in sorted(entries, key=lambda e: -e.t if isinstance(e, HTTPTransaction) else e.t):
        found[entry.LIST].append(entry)
    return Lists.model_validate(found)


def urlgetter_keys(lists: Lists, operation: str | None = None, failure: str | None = None) -> dict[str, Any]:
    """Return the keys of OONI's urlgetter, which most of its nettests embed."""
    return {"failed_operation": operation, "failure": failure} | {key: getattr(lists, key) for key in OONI_LISTS}


def ooni_view(trace: Trace, target: Target, method: Method, extent: Callable[[Endpoint], Extent] = by_scheme) -> View:
    """Select from the first pass what OONI's probe would have done and seen."""
    marked = [(service.role, endpoint) for service, endpoint in target.endpoints() if endpoint.ooni]
    by_transaction: dict[int, list[Entry]] = {}
    for entry in trace.entries:
        by_transaction.setdefault(entry.transaction_id, []).append(entry)
    queries = _queries(trace, {endpoint.host for _, endpoint in marked}, by_transaction)
    view = View(_as_ooni_writes(queries))
    for role, endpoint in marked:
        far = extent(endpoint)
        blank = OONIAttempt(role, endpoint, method(endpoint), requests=far == "request")
        found = _AT[far](blank, trace, queries, by_transaction)
        view.seen += found
        view.untried += [endpoint] if not found and far != "resolve" else []
    view.not_visited = {one.url: trace.not_visited[one.url] for one in view.untried if one.url in trace.not_visited}
    for one in view.seen:
        _count_the_body(one, view)
    return view


def _queries(trace: Trace, hosts: set[str], entries: dict[int, list[Entry]]) -> list[DNSQuery]:
    lookups = [t.transaction_id for t in trace.transactions if t.kind == "lookup" and t.hostname in hosts]
    found = [e for number in lookups for e in entries.get(number, []) if isinstance(e, DNSQuery)]
    return [query for query in found if query.engine in {"system", "getaddrinfo"}]


def _as_ooni_writes(queries: list[DNSQuery]) -> list[DNSQuery]:
    """Drop the entry of a family without answers if the other family has some, as OONI's engine `system` does."""
    answered = {query.hostname for query in queries if query.failure is None}
    return [query for query in queries if query.failure is None or query.hostname not in answered]


Entries = dict[int, list[Entry]]


def _only_looked_up(seen: OONIAttempt, trace: Trace, queries: list[DNSQuery], entries: Entries) -> list[OONIAttempt]:
    """Return the view of an endpoint that OONI only looks up."""
    return _unresolved(seen, queries)


def _dialled_until_one_connects(
    seen: OONIAttempt, trace: Trace, queries: list[DNSQuery], entries: Entries
) -> list[OONIAttempt]:
    tried = _dialled(seen.endpoint, trace.attempts(), queries)
    if not tried:
        return _unresolved(seen, queries)
    connects = [(record, _first(entries.get(record.transaction_id, []), TCPConnect)) for record in tried]
    for record, connect in connects:
        if connect is None:
            continue
        seen.entries.append(connect)
        if connect.failure is None:
            return [_connected(seen, record, entries[record.transaction_id])]
    if not seen.entries:
        return []  # a local failure stopped it before a packet was sent
    failures = [entry.failure for entry in seen.entries if entry.failure is not None]
    named = [failure for failure in failures if not failure.startswith(f.UNKNOWN)]
    return [_failed(seen, "connect", (named or failures)[0], tried[0])]


def _asked_at_the_first(
    seen: OONIAttempt, trace: Trace, queries: list[DNSQuery], entries: Entries
) -> list[OONIAttempt]:
    """Return the view of an endpoint that gets a datagram at its first address. Connecting a UDP socket fails only
    locally.
    """
    tried = _sent(_dialled(seen.endpoint, trace.attempts(), queries))
    if not tried:
        return _unresolved(seen, queries)
    seen.address, seen.operation, seen.failure = tried[0].address, tried[0].failed_operation, tried[0].failure
    return [seen]


def _asked_at_each(seen: OONIAttempt, trace: Trace, queries: list[DNSQuery], entries: Entries) -> list[OONIAttempt]:
    """Return the view of an endpoint that OONI tries at every address separately."""
    tried = _sent(_dialled(seen.endpoint, trace.attempts(), queries))
    if not tried:
        return _unresolved(seen, queries)
    return [
        OONIAttempt(
            seen.service,
            seen.endpoint,
            seen.method,
            record.failed_operation,
            record.failure,
            [entry for entry in entries.get(record.transaction_id, []) if entry.LIST in OONI_LISTS],
            record.address,
        )
        for record in tried
    ]


_AT: dict[Extent, Callable[[OONIAttempt, Trace, list[DNSQuery], Entries], list[OONIAttempt]]] = {
    "resolve": _only_looked_up,
    "connect": _dialled_until_one_connects,
    "request": _dialled_until_one_connects,
    "exchange": _asked_at_the_first,
    "every_address": _asked_at_each,
}


def _dialled(
    endpoint: Endpoint, transactions: Iterable[TransactionRecord], queries: list[DNSQuery]
) -> list[TransactionRecord]:
    """Return the first attempts in the order in which OONI connects: IPv4 first, then as resolved."""
    answers = [a.address for query in queries if query.hostname == endpoint.host for a in query.answers]
    place = {address: number for number, address in reversed(list(enumerate(answers)))}
    tried = [t for t in transactions if t.kind == "first" and t.endpoint == endpoint.url and t.address]
    return sorted(tried, key=lambda t: (t.family, place.get(t.address, len(place)), t.transaction_id))


def _sent(tried: list[TransactionRecord]) -> list[TransactionRecord]:
    """Drop attempts that a local failure stopped before anything was sent."""
    return [record for record in tried if record.failed_operation != "top_level"]


def _unresolved(seen: OONIAttempt, queries: list[DNSQuery]) -> list[OONIAttempt]:
    """Return the view of a name without addresses. A name that resolves was not tried."""
    asked = [query for query in queries if query.hostname == seen.endpoint.host]
    if not asked or any(query.failure is None for query in asked):
        return []
    return [_failed(seen, "resolve", asked[0].failure, None, asked[0])]


def _connected(seen: OONIAttempt, record: TransactionRecord, entries: list[Entry]) -> OONIAttempt:
    if not seen.requests:
        return seen
    handshake, request = _first(entries, TLSHandshake), _first(entries, HTTPTransaction)
    seen.entries += [entry for entry in (handshake, request) if entry is not None]
    if record.failure is None:
        return seen
    if request is None:
        return _failed(seen, record.failed_operation, record.failure, record)
    seen.operation, seen.failure = "http_round_trip", request.failure
    return seen


def _count_the_body(seen: OONIAttempt, view: View) -> None:
    """Count an incomplete body as a failure, as OONI does. A body cut off by our own deadline is no failure.

    Our nettests ask only for the status line. Our own entry stays unchanged, and OONI's list gets a copy.
    """
    for number, entry in enumerate(seen.entries):
        if isinstance(entry, HTTPTransaction) and entry.failure is None:
            broke_off = entry.response.x_body_failure
            if broke_off not in {None, f.TIMEOUT} and not f.is_local(broke_off):
                seen.operation, seen.failure = "http_round_trip", broke_off
                seen.entries[number] = entry.model_copy(update={"failure": broke_off})
                view.rewritten.append(entry)


def _failed(
    seen: OONIAttempt,
    operation: str | None,
    failure: str | None,
    record: TransactionRecord | None,
    at: Entry | None = None,
) -> OONIAttempt:
    """Record a failure before HTTP. For a URL, add the `requests` element that OONI would have written."""
    seen.operation, seen.failure = operation, failure
    if seen.requests:
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

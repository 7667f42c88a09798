"""Select what OONI's probe 0.5 would have written of a web address and its redirects (ooni/probe-cli 7cb22410).

It tries every address, requests the page from the first one that is ready, and follows that answer's redirect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from probe.formats.entries import DNSQuery, Entry, HTTPTransaction, TCPConnect
from probe.formats.exchanges.near_reactions import NearReaction
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.ooni.view import OONIAttempt, View
from probe.session.trace import Trace
from probe.signatures.near_reactions import Burst, PacketSent, near_place
from probe.targets.target import Endpoint, Target, parse_endpoint
from probe.targets.url_lists import web_endpoint

E = TypeVar("E", bound=Entry)
SYSTEM = frozenset({"system", "getaddrinfo"})
DNS, TCP, TLS, HTTP = range(4)  # the last operation of an attempt


@dataclass(frozen=True)
class PageAttempt:
    """Hold a lookup (no address) or a flow to one address, with the last operation that it reached."""

    depth: int  # redirects before it
    kind: int  # DNS, TCP, TLS or HTTP
    failure: str | None
    transaction_id: int
    host: str
    address: str = ""  # "1.2.3.4:443"
    request: HTTPTransaction | None = None
    over_tls: bool = False


@dataclass
class WebView(View):
    """Hold OONI's view of one web address. Its classic verdict uses `attempts`. `control` is x_control, if any."""

    url: str = ""
    endpoint: Endpoint | None = None
    attempts: list[PageAttempt] = field(default_factory=list)
    lookups: list[DNSQuery] = field(default_factory=list)  # the system's queries for the first host
    doubled: list[DNSQuery] = field(default_factory=list)  # our own questions with more than one answering datagram
    # time, place, and whether the page was requested there
    ready: list[tuple[float, str, bool]] = field(default_factory=list)
    redirects: dict[str, list[str]] = field(default_factory=dict)  # service: the endpoints of its redirects
    control: dict[str, Any] | None = None
    filtered_near: bool = False  # this computer or the first router stops what was tried, so that no network is blamed

    @property
    def endpoints(self) -> list[str]:
        """Return the places where the first host was tried, as `address:port`."""
        return list(dict.fromkeys(one.address for one in self.attempts if one.depth == 0 and one.address))


def web_view(trace: Trace, target: Target, control: dict[str, Any] | None) -> WebView:
    """Select what OONI's probe would have done and seen, with its tags added to ours."""
    service, endpoint = next(target.endpoints())
    view = WebView(url=target.input or endpoint.url, endpoint=endpoint, control=control)
    firsts = [
        (endpoint.url, 0),
        *((redirect.endpoint, redirect.since) for redirect in trace.redirects if redirect.service == service.role),
    ]
    ends = [since for _, since in firsts[1:]] + [len(trace.transactions) + 1]
    nexts = [url for url, _ in firsts[1:]] + [""]
    entries: dict[int, list[Entry]] = {}
    for entry in trace.entries:
        entries.setdefault(entry.transaction_id, []).append(entry)
    for depth, ((url, since), end, following) in enumerate(zip(firsts, ends, nexts, strict=True)):
        here = [t for t in trace.attempts() if since <= t.transaction_id < end]
        page = _Hop(view, depth, parse_endpoint(url), service.role).take(here, trace.transactions, entries)
        if page is None or _leads_to(page) != following:
            break
    for redirect in trace.redirects:
        view.redirects.setdefault(redirect.service, []).append(redirect.endpoint)
    view.filtered_near = any(map(_is_filtered_near, trace.entries))
    view.doubled = [query for query in map(_later_answers, trace.entries) if query is not None]
    return view


def _is_filtered_near(entry: Entry) -> bool:
    """Return whether an entry shows the hosts file, this computer or the first router as the cause of a failure."""
    if isinstance(entry, DNSQuery):
        return bool(entry.x_in_hosts_file)
    if not isinstance(entry, NearReaction):
        return False
    packets = [PacketSent(p.to, p.outcome, p.at_once, p.sender, p.seconds or 0.0) for p in entry.packets]
    counted = (entry.burst, entry.burst_answered, entry.burst_not_sent, entry.beside_not_sent)
    refused = bool(entry.datagram_refused)
    return near_place(packets, datagram_refused=refused, burst=Burst(*(each or 0 for each in counted))) != ""


@dataclass
class _Hop:
    view: WebView
    depth: int
    endpoint: Endpoint
    role: str

    def take(
        self, here: Iterable[TransactionRecord], every: Sequence[TransactionRecord], entries: dict[int, list[Entry]]
    ) -> HTTPTransaction | None:
        """Add one redirect's host to the view. Return the answer that OONI would have followed, or None."""
        self._take_lookups(every, entries)
        tried = [t for t in here if t.kind == "first" and t.endpoint == self.endpoint.url and t.address]
        asked = self._asked(tried, entries)
        for record in tried:
            self._take(record, entries.get(record.transaction_id, []), fetch=record is asked)
        return _only(entries, asked, HTTPTransaction) if asked is not None and asked.failure is None else None

    def _take_lookups(self, every: Iterable[TransactionRecord], entries: dict[int, list[Entry]]) -> None:
        """Add the system's answers about this host unless they are there. A family without answers is left out."""
        host = self.endpoint.host
        if self.endpoint.is_literal or any(query.hostname == host for query in self.view.queries):
            return
        lookups = [t.transaction_id for t in every if t.kind == "lookup" and t.hostname == host]
        said = [e for number in lookups for e in entries.get(number, []) if isinstance(e, DNSQuery)]
        said = [query for query in said if query.engine in SYSTEM]
        answered = any(query.failure is None for query in said)
        kept = [query for query in said if query.failure is None or not answered]
        self.view.queries += kept
        self.view.lookups += said if self.depth == 0 else []
        self.view.attempts += [
            PageAttempt(self.depth, DNS, query.failure, query.transaction_id, host) for query in kept[:1]
        ]

    def _asked(self, tried: Sequence[TransactionRecord], entries: dict[int, list[Entry]]) -> TransactionRecord | None:
        """Return the flow whose page OONI would have fetched: the first that was ready, an answer before a failure."""
        ready = [(request, t) for t in tried if (request := _only(entries, t, HTTPTransaction)) is not None]
        order = sorted(ready, key=lambda pair: (pair[0].failure is not None, pair[0].t0))
        self.view.ready += [(request.t0, request.address, pair is order[0]) for pair in ready for request in pair[:1]]
        return order[0][1] if order else None

    def _take(self, record: TransactionRecord, entries: list[Entry], *, fetch: bool) -> None:
        connect, handshake = _first(entries, TCPConnect), _first(entries, TLSHandshake)
        request = _first(entries, HTTPTransaction)
        if connect is None:
            return  # a local failure stopped it before a packet was sent
        seen = OONIAttempt(self.role, self.endpoint, operation=record.failed_operation, failure=record.failure)
        for entry in (connect, handshake, request if fetch else None):
            if entry is not None:
                seen.entries.append(entry.model_copy(update={"tags": [*entry.tags, *self._tags(record)]}))
                self.view.rewritten.append(entry)
        self.view.seen.append(seen)
        self._note(record, connect, handshake, request if fetch else None)

    def _note(
        self,
        record: TransactionRecord,
        connect: TCPConnect,
        handshake: TLSHandshake | None,
        request: HTTPTransaction | None,
    ) -> None:
        """Record an attempt for the classic verdict: its last operation and how it ended."""
        reached = [(TCP, connect), (TLS, handshake), (HTTP, request)]
        kind, last = next((kind, entry) for kind, entry in reversed(reached) if entry is not None)
        host = f"[{connect.ip}]" if ":" in connect.ip else connect.ip
        place = f"{host}:{connect.port}"
        number, secure = record.transaction_id, handshake is not None
        found = PageAttempt(self.depth, kind, last.failure, number, self.endpoint.host, place, request, secure)
        self.view.attempts.append(found)

    def _tags(self, record: TransactionRecord) -> list[str]:
        """Return OONI's tags of 0.5: source of the address, depth of the chain, and that a page was requested."""
        classic = ["classic"] if {"system", "literal"} & set(record.address_sources) else []
        first = ["tcptls_experiment"] if self.depth == 0 else []
        return [*classic, *first, f"depth={self.depth}", "fetch_body=true"]


def _later_answers(entry: Entry) -> DNSQuery | None:
    """Return the second datagram for one of our questions as a separate entry."""
    if not isinstance(entry, DNSQuery) or len(entry.x_responses or []) < 2:
        return None
    second = (entry.x_responses or [])[1]
    told = {"answers": second.answers, "failure": second.failure, "rcode": second.rcode, "t": second.t}
    return entry.model_copy(update=told | {"raw_response": second.raw_response, "x_responses": None})


def _leads_to(page: HTTPTransaction) -> str:
    """Return the endpoint that an answer redirects to, or ""."""
    location = page.response.headers.get("Location", "")
    try:
        return web_endpoint(location).url if location else ""
    except ValueError:
        return ""


def _first(entries: Iterable[Entry], kind: type[E]) -> E | None:
    return next((entry for entry in entries if isinstance(entry, kind)), None)


def _only(entries: dict[int, list[Entry]], record: TransactionRecord, kind: type[E]) -> E | None:
    return _first(entries.get(record.transaction_id, []), kind)

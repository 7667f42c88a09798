"""Find the pages of a measurement that came slowly, in comparison to the best page of the run's other targets."""

from collections.abc import Iterator
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from probe.dialogue import came_too_slowly
from probe.formats.entries import HTTPTransaction
from probe.formats.transactions import FollowUp, TransactionRecord
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.slow_page import LEAST_SHARE, SLOW, SLOW_ALONE, SLOW_OVER_QUIC
from probe.targets.target import Target, family_of

OWN = frozenset({"first", "confirm"})
Protocol = Literal["tls", "http", "quic"]


def compared_flow(
    about: tuple[int | None, str, str], followup: FollowUp, name: str, address: str, port: int
) -> TransactionFacts:
    """Return the facts of a flow under a name that is compared with an answer.

    `about` is the answer's transaction, its service and its endpoint.
    """
    cause, service, endpoint = about
    return TransactionFacts(
        "followup",
        followup,
        cause,
        service,
        endpoint,
        address=address,
        port=port,
        family=family_of(address),
        sent_name=name,
    )


class Page(NamedTuple):
    """Hold one page: its transaction, service and endpoint, the name, bytes a second, and over what it came.

    `address`, `port` and `url` are those of its request.
    """

    cause: int | None
    service: str
    endpoint: str
    host: str
    rate: float
    over: Protocol = "tls"
    address: str = ""
    port: int = 443
    url: str = ""

    def transaction(self, followup: FollowUp, name: str) -> TransactionFacts:
        """Return the facts of a flow that reads the page again from its address, under a name."""
        return compared_flow(self[:3], followup, name, self.address, self.port)


def pages_of(trace: Trace, round_trip: float = 0.0) -> list[Page]:
    """Return the pages whose bodies were long enough to be timed, or were too slow for their time limit.

    `round_trip` seconds are not counted, because a far server needs them for a page that does not fit into its first
    packets.
    """
    return list(_pages(trace, round_trip))


def slowest(pages: list[Page], best: float, *, over_quic: float = SLOW_OVER_QUIC) -> Page | None:
    """Return the slowest page if it is slow. `best` is the best page of other targets, 0.0 without one."""
    return next(iter(slow_names(pages, best, over_quic=over_quic)), None)


def slow_names(pages: list[Page], best: float, *, over_quic: float = SLOW_OVER_QUIC) -> list[Page]:
    """Return the slowest page of each service that is slow, the slowest first. `over_quic` is the limit over QUIC.

    A limit of a name slows all its pages. One slow page of several is of a limited address, or of a busy computer, so
    that it must be slower.
    """
    best_of = {page.host: max(each.rate for each in pages if each.host == page.host) for page in pages}
    found: dict[str, Page] = {}
    for page in sorted(pages, key=lambda page: (best_of[page.host], page.rate)):
        slow = over_quic if page.over == "quic" else SLOW
        limit = min(slow, best * LEAST_SHARE) if best else slow
        if page.rate < (limit if best_of[page.host] < limit else min(limit, SLOW_ALONE)):
            found.setdefault(page.service, page)
    return list(found.values())


def slow_over_quic(pages: list[Page], best: float) -> Page | None:
    """Return the slowest page over QUIC if it is slow, and a page over TLS under its name is fast, or slow too.

    Without a page over TLS nothing shows whether the service itself is slow.
    """
    over_quic = [page for page in pages if page.over == "quic"]
    found = slowest([page for page in over_quic if is_fast_over_tls(pages, page.host)], best)
    if found is not None:
        return found
    slow = {page.host for page in slow_names([page for page in pages if page.over == "tls"], best)}
    return slowest([page for page in over_quic if page.host in slow], best, over_quic=SLOW)


def is_fast_over_tls(pages: list[Page], host: str) -> bool:
    """Return whether a page over TLS under a name is fast, so that neither its server nor its content is slow."""
    return any(page.over == "tls" and page.host == host and page.rate >= SLOW for page in pages)


def subjects_of(pages: list[Page], best: float) -> list[Page]:
    """Return the pages that pairs are measured for, in this order. `best` is the best page of other targets.

    A slow page over each protocol comes first, if there is one. The other services over TLS follow.
    """
    over_quic, over_http = slow_over_quic(pages, best), slowest([page for page in pages if page.over == "http"], best)
    slow = slow_names([page for page in pages if page.over == "tls"], best)
    if over_quic is not None:  # its name comes first, since a pair of it must show that the name is slowed down
        slow.sort(key=lambda page: page.host != over_quic.host)
    return [page for page in (*slow[:1], over_quic, over_http, *slow[1:]) if page is not None]


def first_name(target: Target) -> Page | None:
    """Return the target's first server that is named in a TLS hello, as a page without a rate."""
    for service, endpoint in target.endpoints():
        if endpoint.dialect in {"https", "tls"} and not endpoint.is_literal:
            return Page(None, service.role, endpoint.url, endpoint.host, 0.0)
    return None


def _pages(trace: Trace, round_trip: float) -> Iterator[Page]:
    own = {record.transaction_id: record for record in trace.transactions if record.kind in OWN}
    for entry in trace.entries:
        record = own.get(entry.transaction_id)
        if record is None or not isinstance(entry, HTTPTransaction):
            continue
        over, rate = protocol_of(entry), _rate(entry, record, round_trip)
        host = urlsplit(record.endpoint).hostname
        if rate is not None and host and over and record.sent_name == host:
            about = (record.transaction_id, record.service, record.endpoint, host)
            yield Page(*about, rate, over, record.address, record.port or 443, entry.request.url)


def _rate(entry: HTTPTransaction, record: TransactionRecord, round_trip: float) -> float | None:
    """Return the bytes a second of a timed page, or of one that was too slow for its time limit. None for others."""
    end = record.stream
    if end is not None and came_too_slowly(record, [entry]):
        return end.bytes_after_sent / max(entry.t - entry.t0, 1e-3)
    seconds = entry.response.x_body_time
    return None if seconds is None else entry.response.x_body_length / max(seconds - round_trip, 1e-3)


def protocol_of(entry: HTTPTransaction) -> Protocol | None:
    """Return over what a page came, None for an address that is no web address."""
    if entry.request.x_transport == "quic":
        return "quic"
    scheme = urlsplit(entry.request.url).scheme
    return "tls" if scheme == "https" else "http" if scheme == "http" else None

"""Find the pages of a measurement that came slowly, in comparison to the best page of the run under another name."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from probe.dialogue import came_too_slowly
from probe.formats.entries import HTTPTransaction
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
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


class SlowPage(NamedTuple):
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


def pages_of(trace: Trace, round_trip: float = 0.0) -> list[SlowPage]:
    """Return the pages whose bodies were long enough to be timed, or were too slow for their time limit.

    `round_trip` seconds are not counted, because a far server needs them for a page that does not fit into its first
    packets.
    """
    return list(_pages(trace, round_trip))


def best_by_name(pages: list[SlowPage]) -> dict[str, float]:
    """Return the bytes a second of the best page under each name."""
    return {page.host: max(each.rate for each in pages if each.host == page.host) for page in pages}


def slowest(pages: list[SlowPage], rates: Mapping[str, float], *, over_quic: float = SLOW_OVER_QUIC) -> SlowPage | None:
    """Return the slowest page if it is slow. `rates` has the best page of the run under each name."""
    return next(iter(slow_names(pages, rates, over_quic=over_quic)), None)


def slow_names(
    pages: list[SlowPage], rates: Mapping[str, float], *, over_quic: float = SLOW_OVER_QUIC
) -> list[SlowPage]:
    """Return the slowest page of each service that is slow, the slowest first. `over_quic` is the limit over QUIC.

    The best page under another name shows what the access line carries. Names of this measurement count only if they
    are fast, since a list of limited names may have several of one target.

    A limit of a name slows all pages under this name. If other pages are fast, a limited address or a busy computer may
    be the cause, so a slow page counts only if it is much slower.
    """
    best_of = best_by_name(pages)
    found: dict[str, SlowPage] = {}
    for page in sorted(pages, key=lambda page: (best_of[page.host], page.rate)):
        slow = over_quic if page.over == "quic" else SLOW
        others = (rate for name, rate in rates.items() if name != page.host and (name not in best_of or rate >= SLOW))
        best = max(others, default=0.0)
        limit = min(slow, best * LEAST_SHARE) if best else slow
        if page.rate < (limit if best_of[page.host] < limit else min(limit, SLOW_ALONE)):
            found.setdefault(page.service, page)
    return list(found.values())


def slow_over_quic(pages: list[SlowPage], rates: Mapping[str, float]) -> SlowPage | None:
    """Return the slowest page over QUIC if it is slow, and a page over TLS under its name is fast, or slow too.

    Without a page over TLS nothing shows whether the service itself is slow.
    """
    over_quic = [page for page in pages if page.over == "quic"]
    found = slowest([page for page in over_quic if is_fast_over_tls(pages, page.host)], rates)
    if found is not None:
        return found
    slow = {page.host for page in slow_names([page for page in pages if page.over == "tls"], rates)}
    return slowest([page for page in over_quic if page.host in slow], rates, over_quic=SLOW)


def is_fast_over_tls(pages: list[SlowPage], host: str) -> bool:
    """Return whether a page over TLS under a name is fast, so that neither its server nor its content is slow."""
    return any(page.over == "tls" and page.host == host and page.rate >= SLOW for page in pages)


def subjects_of(pages: list[SlowPage], rates: Mapping[str, float]) -> list[SlowPage]:
    """Return the pages that pairs are measured for, in this order. `rates` has the best page of the run by name.

    A slow page over each protocol comes first, if there is one. The other services over TLS follow.
    """
    over_quic, over_http = slow_over_quic(pages, rates), slowest([page for page in pages if page.over == "http"], rates)
    slow = slow_names([page for page in pages if page.over == "tls"], rates)
    if over_quic is not None:  # the pair of its name must come first, since it shows whether the name is slowed down
        slow.sort(key=lambda page: page.host != over_quic.host)
    return [page for page in (*slow[:1], over_quic, over_http, *slow[1:]) if page is not None]


def first_name(target: Target) -> SlowPage | None:
    """Return the target's first server that is named in a TLS hello, as a page without a rate."""
    for service, endpoint in target.endpoints():
        if endpoint.dialect in {"https", "tls"} and not endpoint.is_literal:
            return SlowPage(None, service.role, endpoint.url, endpoint.host, 0.0)
    return None


def _pages(trace: Trace, round_trip: float) -> Iterator[SlowPage]:
    own = {record.transaction_id: record for record in trace.transactions if record.kind in OWN}
    for entry in trace.entries:
        record = own.get(entry.transaction_id)
        if record is None or not isinstance(entry, HTTPTransaction):
            continue
        over, rate = protocol_of(entry), _rate(entry, record, round_trip)
        host = urlsplit(record.endpoint).hostname
        if rate is not None and host and over and record.sent_name == host:
            about = (record.transaction_id, record.service, record.endpoint, host)
            yield SlowPage(*about, rate, over, record.address, record.port or 443, entry.request.url)


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

"""Find the pages of a measurement that came slowly, in comparison to the best page of the run's other targets."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from probe.formats.entries import HTTPTransaction
from probe.session.trace import Trace
from probe.signatures.slow_page import LEAST_SHARE, SLOW

OWN = frozenset({"first", "confirm"})
SCHEMES = frozenset({"https", "http"})


class Page(NamedTuple):
    """Hold one page: its transaction, service and endpoint, the name, and bytes a second.

    `in_clear`: it came without TLS.
    """

    cause: int | None
    service: str
    endpoint: str
    host: str
    rate: float
    in_clear: bool = False


def pages_of(trace: Trace) -> list[Page]:
    """Return the pages whose bodies were long enough to be timed."""
    return list(_pages(trace))


def slowest(pages: list[Page], best: float) -> Page | None:
    """Return the slowest page if it is slow. `best` is the best page of other targets, 0.0 without one."""
    limit = min(SLOW, best * LEAST_SHARE) if best else SLOW
    return min((page for page in pages if page.rate < limit), key=lambda page: page.rate, default=None)


def _pages(trace: Trace) -> Iterator[Page]:
    own = {record.transaction_id: record for record in trace.transactions if record.kind in OWN}
    for entry in trace.entries:
        record = own.get(entry.transaction_id)
        if record is None or not isinstance(entry, HTTPTransaction):
            continue
        scheme = urlsplit(entry.request.url).scheme
        seconds, host = entry.response.x_body_time, urlsplit(record.endpoint).hostname
        if seconds is not None and host and scheme in SCHEMES and record.sent_name == host:
            rate = entry.response.x_body_length / max(seconds, 1e-3)
            yield Page(record.transaction_id, record.service, record.endpoint, host, rate, scheme == "http")

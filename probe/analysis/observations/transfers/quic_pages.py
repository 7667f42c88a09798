"""Compute the figures of a page over QUIC that was read in turns under its name and under an innocuous one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from probe.analysis.observations.failure_kinds import LOCAL, kind_of
from probe.analysis.observations.lenient_json import failure, name, number, table, tables, text
from probe.analysis.observations.transfers.pages import page_columns, page_rates, protocol_of, rate_of, rounded_row
from probe.analysis.observations.transfers.row import TransferRow
from probe.analysis.statistics.throughput_ratio import ratio_of_turns
from probe.formats.plain_json import places_of_entries
from probe.signatures.slow_page import SLOW, SLOW_OVER_QUIC

NAMED, INNOCUOUS = "quic_page_name", "quic_page_innocuous"
MOST_READS = 50  # of a connection. More are not from our probe.

Table = dict[str, Any]


def quic_page_row(test_keys: Table, control: Table) -> TransferRow | None:
    """Return the row of the first pair of connections, None without one."""
    found = [
        next((each for each in tables(test_keys.get("x_transactions")) if text(each.get("followup")) == kind), None)
        for kind in (NAMED, INNOCUOUS)
    ]
    one, other = found
    if one is None or other is None:
        return None
    mine, theirs = (_reads(test_keys, number(each.get("transaction_id"))) for each in (one, other))
    service, name_sent = text(one.get("service")), name(one.get("sent_name"))
    alike = {read.page for read in (*mine, *theirs)}
    ratio = ratio_of_turns(_rates(mine), _rates(theirs)) if len(alike) == 1 else None
    spoiled = any(kind_of(failure(each.get("failure"))) == LOCAL for each in (one, other))
    share, innocuous_share = (min(_rates(each), default=0.0) / SLOW for each in (mine, theirs))
    over_tls = max(page_rates(test_keys, name_sent, "tls"), default=None)
    slow = SLOW if over_tls is not None and over_tls < SLOW else SLOW_OVER_QUIC
    columns: Table = {
        "pair": _FIRST,
        "service": service,
        "name": name_sent,
        "transaction_id": number(one.get("transaction_id")),
        "innocuous_transaction_id": number(other.get("transaction_id")),
        "spoiled": spoiled,
        "usable": ratio is not None and not spoiled and innocuous_share >= 1.0,
        "ratio": ratio.value if ratio else None,
        "pooled": ratio.value if ratio else None,
        "pooled_low": ratio.low if ratio else None,
        "pooled_high": ratio.high if ratio else None,
        "share": share,
        "innocuous_share": innocuous_share,
        "silent": 0.0,
        **dict.fromkeys(("repeated", "innocuous_repeated", "queueing", "innocuous_queueing")),
        "protocol": "quic",
        "other_page_rate": over_tls,
    }
    return rounded_row(columns | page_columns(test_keys, control, service, name_sent, "quic", slow))


_FIRST = 100
"""Number of the pair. Those of transfers from the helper begin at 0."""


class _Read(NamedTuple):
    """Hold one read: the status and title of the page, and bytes a second."""

    page: tuple[int, str]
    rate: float


def _reads(test_keys: Table, transaction: int) -> list[_Read]:
    """Return the reads of a connection, up to the first one that was not whole."""
    found = list[_Read]()
    for place in places_of_entries(test_keys):
        for entry in tables(place.get("requests")):
            if number(entry.get("transaction_id")) != transaction or protocol_of(entry) != "quic":
                continue
            rate = rate_of(entry)
            if rate is None or len(found) == MOST_READS:
                return found
            response = table(entry.get("response"))
            found.append(_Read((number(response.get("code")), text(response.get("x_title"))), rate))
    return found


def _rates(reads: Sequence[_Read]) -> list[float]:
    """Return the rates up to that of the helper's transfers. A faster page is not slow, and its time is too short."""
    return [min(read.rate, SLOW) for read in reads]

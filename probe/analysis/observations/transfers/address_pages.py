"""Compute the figures of a page that was read at its address under an innocuous name, compared with the helper's pace.

The reference is the transfer under an innocuous name that the helper sent in the same minute. The times of pages are
without two round trips, so that a long way to the server is not called slow.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from probe.analysis.observations.failure_kinds import LOCAL, kind_of
from probe.analysis.observations.lenient_json import (
    failure,
    name,
    number,
    seconds,
    seconds_or_none,
    table,
    tables,
    text,
)
from probe.analysis.observations.transfers.pages import OWN, page_columns, rate_of, rounded_row
from probe.analysis.observations.transfers.row import TransferRow
from probe.analysis.statistics.throughput_ratio import ratio_of_turns
from probe.formats.plain_json import places_of_entries
from probe.signatures.slow_page import SLOW

FOLLOWUP = "address_page_innocuous"
ROUND_TRIPS = 2  # that a first window of 14 kB can need for a record of 16 kB (RFC 6928)
MOST_READS = 50
FIRST = 101
"""Number of the pair. Those of transfers from the helper begin at 0."""

Table = dict[str, Any]


class _Read(NamedTuple):
    """Hold one read: its transaction, the status, and bytes a second."""

    transaction: int
    code: int
    rate: float


def address_page_row(test_keys: Table, control: Table, pairs: Sequence[TransferRow]) -> TransferRow | None:
    """Return the row of these reads, None without them or without a usable pair of the same name from the helper."""
    records = [each for each in tables(test_keys.get("x_transactions")) if text(each.get("followup")) == FOLLOWUP]
    if not records:
        return None
    first = records[0]
    service, host = text(first.get("service")), _own_name(test_keys, number(first.get("cause")))
    alike = (row for row in pairs if (row.service, row.name, row.protocol) == (service, host, "tls"))
    pair = next((row for row in alike if row.usable), None)
    if pair is None:
        return None
    reads = _reads(test_keys, [number(each.get("transaction_id")) for each in records][:MOST_READS])
    reference = [SLOW * min(1.0, pair.innocuous_share)] * len(reads)
    codes = {read.code for read in reads} | _own_codes(test_keys, number(first.get("cause")))
    ratio = ratio_of_turns([min(SLOW, read.rate) for read in reads], reference) if len(codes) == 1 else None
    spoiled = any(kind_of(failure(each.get("failure"))) == LOCAL for each in records)
    columns: Table = {
        "pair": FIRST,
        "service": service,
        "name": host,
        "transaction_id": number(first.get("transaction_id")),
        "innocuous_transaction_id": pair.innocuous_transaction_id,
        "spoiled": spoiled,
        "usable": ratio is not None and not spoiled,
        "ratio": ratio.value if ratio else None,
        "pooled": ratio.value if ratio else None,
        "pooled_low": ratio.low if ratio else None,
        "pooled_high": ratio.high if ratio else None,
        "share": ratio.value if ratio else 0.0,
        "innocuous_share": pair.innocuous_share,
        "silent": 0.0,
        **dict.fromkeys(("repeated", "innocuous_repeated", "queueing", "innocuous_queueing")),
        "protocol": "address",
    }
    return rounded_row(columns | page_columns(test_keys, control, service, host, "tls"))


def _own_name(test_keys: Table, cause: int) -> str:
    """Return the name that the slow page was fetched under."""
    found = (each for each in tables(test_keys.get("x_transactions")) if number(each.get("transaction_id")) == cause)
    return next((name(each.get("sent_name")) for each in found if text(each.get("kind")) in OWN), "")


def _own_codes(test_keys: Table, cause: int) -> set[int]:
    """Return the status of the slow page. If it did not arrive in time, those of other attempts at the endpoint."""
    own = {number(each.get("transaction_id")): each for each in tables(test_keys.get("x_transactions"))}
    endpoint = own.get(cause, {}).get("endpoint")
    asked = [(_number_of(each), _code(each)) for each in _entries(test_keys, "requests")]
    found = {code for transaction, code in asked if transaction == cause and code}
    others = (code for transaction, code in asked if code and _is_attempt(own.get(transaction, {}), endpoint))
    return found or set(others)


def _is_attempt(record: Table, endpoint: Any) -> bool:
    return text(record.get("kind")) in OWN and record.get("endpoint") == endpoint


def _reads(test_keys: Table, transactions: Sequence[int]) -> list[_Read]:
    """Return the reads, up to the first that was not whole."""
    trips = {_number_of(each): _lasted(each) for each in _entries(test_keys, "tcp_connect")}
    pages = {_number_of(each): each for each in _entries(test_keys, "requests")}
    found = list[_Read]()
    for transaction in transactions:
        entry = pages.get(transaction)
        rate = rate_of(entry, ROUND_TRIPS * trips.get(transaction, 0.0)) if entry is not None else None
        if entry is None or rate is None:
            return found
        found.append(_Read(transaction, _code(entry), rate))
    return found


def _entries(test_keys: Table, key: str) -> list[Table]:
    return [entry for place in places_of_entries(test_keys) for entry in tables(place.get(key))]


def _number_of(entry: Table) -> int:
    return number(entry.get("transaction_id"))


def _code(entry: Table) -> int:
    return number(table(entry.get("response")).get("code"))


def _lasted(entry: Table) -> float:
    began = seconds_or_none(entry.get("t0"))
    return 0.0 if began is None else max(0.0, seconds(entry.get("t")) - began)

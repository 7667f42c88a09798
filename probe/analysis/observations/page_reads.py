"""Read how fast pages of a measurement came, also those that were read in turns to compare names or addresses."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

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
from probe.analysis.observations.stream_ends import is_late
from probe.analysis.observations.transfer_row import TransferRow, rounded_row
from probe.analysis.statistics.throughput_ratio import ratio_of_turns
from probe.formats.plain_json import places_of_entries
from probe.signatures.silent_streams import is_still_arriving
from probe.signatures.slow_page import LEAST_SHARE, SLOW, SLOW_OVER_QUIC

Protocol = Literal["tls", "http", "quic"]
Table = dict[str, Any]

OWN = frozenset({"first", "confirm"})


def page_columns(
    test_keys: Table, control: Table, service: str, name_sent: str, protocol: Protocol, slow: float = SLOW
) -> dict[str, Any]:
    """Return the columns about the pages of a service under a name. `control` are the keys of the helper's answer.

    A page is slow below `slow` bytes a second.
    """
    here = list(page_rates(test_keys, name_sent, protocol, service))
    there = max(page_rates(control, name_sent, protocol, service), default=None)
    return {
        "pages": len(here),
        "slow_pages": sum(there is not None and rate < min(slow, LEAST_SHARE * there) for rate in here),
        "page_rate": max(here, default=None),
        "control_page_rate": there,
    }


def page_rates(test_keys: Table, name_sent: str, protocol: Protocol, service: str | None = None) -> Iterator[float]:
    """Yield the bytes a second of each timed page under a name, of one service or of all.

    A page counts too whose bytes still arrived at the time limit.
    """
    own = {
        number(each.get("transaction_id")): each
        for each in tables(test_keys.get("x_transactions"))
        if text(each.get("kind")) in OWN
        and service in (None, text(each.get("service")))
        and name(each.get("sent_name")) == name_sent
    }
    for place in places_of_entries(test_keys):
        for entry in tables(place.get("requests")):
            record = own.get(number(entry.get("transaction_id")))
            if record is not None and protocol_of(entry) == protocol:
                rate = rate_of(entry)
                rate = _rate_until_limit(entry, record) if rate is None else rate
                if rate is not None:
                    yield rate


def rate_of(entry: Table, spared: float = 0.0) -> float | None:
    """Return the bytes a second of a timed page. None for one that was cut off or frozen, which came not slowly.

    `spared` seconds are not counted.
    """
    response = table(entry.get("response"))
    lasted = seconds_or_none(response.get("x_body_time"))
    if lasted is None or response.get("x_body_failure") is not None:
        return None
    return number(response.get("x_body_length")) / max(lasted - spared, 1e-3)


def _rate_until_limit(entry: Table, record: Table) -> float | None:
    """Return the bytes a second of an answer that was too slow for its time limit, None for another one."""
    end, began = table(record.get("stream")), seconds_or_none(entry.get("t0"))
    received, waited = number(end.get("bytes_after_sent")), seconds(entry.get("t")) - (began or 0.0)
    arriving = is_late(entry) and is_still_arriving(received, seconds(end.get("silence")), waited)
    return received / max(waited, 1e-3) if began is not None and arriving else None


def protocol_of(entry: Table) -> Protocol | None:
    """Return over what a page came, None for no web address."""
    request = table(entry.get("request"))
    if text(request.get("x_transport")) == "quic":
        return "quic"
    scheme = text(request.get("url")).partition(":")[0]
    return "tls" if scheme == "https" else "http" if scheme == "http" else None


NAMED, INNOCUOUS = "quic_page_name", "quic_page_innocuous"
MOST_READS = 50  # of a connection. More are not from our probe.


def quic_page_row(test_keys: Table, control: Table) -> TransferRow | None:
    """Return the row of the first pair of connections, None without one."""
    found = [
        next((each for each in tables(test_keys.get("x_transactions")) if text(each.get("followup")) == kind), None)
        for kind in (NAMED, INNOCUOUS)
    ]
    one, other = found
    if one is None or other is None:
        return None
    mine, theirs = (_quic_reads(test_keys, number(each.get("transaction_id"))) for each in (one, other))
    service, name_sent = text(one.get("service")), name(one.get("sent_name"))
    alike = {read.page for read in (*mine, *theirs)}
    ratio = ratio_of_turns(_rates(mine), _rates(theirs)) if len(alike) == 1 else None
    spoiled = any(kind_of(failure(each.get("failure"))) == LOCAL for each in (one, other))
    share, innocuous_share = (min(_rates(each), default=0.0) / SLOW for each in (mine, theirs))
    over_tls = max(page_rates(test_keys, name_sent, "tls"), default=None)
    slow = SLOW if over_tls is not None and over_tls < SLOW else SLOW_OVER_QUIC
    columns: Table = {
        "pair": _FIRST_QUIC,
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
        "pace": SLOW,
        "silent": 0.0,
        **dict.fromkeys(("repeated", "innocuous_repeated", "queueing", "innocuous_queueing")),
        "protocol": "quic",
        "other_page_rate": over_tls,
    }
    return rounded_row(columns | page_columns(test_keys, control, service, name_sent, "quic", slow))


_FIRST_QUIC = 100
"""Number of the pair. Those of transfers from the helper begin at 0."""


class _QuicRead(NamedTuple):
    """Hold one read: the status and title of the page, and bytes a second."""

    page: tuple[int, str]
    rate: float


def _quic_reads(test_keys: Table, transaction: int) -> list[_QuicRead]:
    """Return the reads of a connection, up to the first one that was not whole."""
    found = list[_QuicRead]()
    for place in places_of_entries(test_keys):
        for entry in tables(place.get("requests")):
            if number(entry.get("transaction_id")) != transaction or protocol_of(entry) != "quic":
                continue
            rate = rate_of(entry)
            if rate is None or len(found) == MOST_READS:
                return found
            response = table(entry.get("response"))
            found.append(_QuicRead((number(response.get("code")), text(response.get("x_title"))), rate))
    return found


def _rates(reads: Sequence[_QuicRead]) -> list[float]:
    """Return the rates up to that of the helper's transfers. A faster page is not slow, and its time is too short."""
    return [min(read.rate, SLOW) for read in reads]


FOLLOWUP = "address_page_innocuous"
ROUND_TRIPS = 2  # that a first window of 14 kB can need for a record of 16 kB (RFC 6928)
_FIRST_ADDRESS = 101
"""Number of the pair. Those of transfers from the helper begin at 0."""


class _AddressRead(NamedTuple):
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
    reads = _address_reads(test_keys, [number(each.get("transaction_id")) for each in records][:MOST_READS])
    reference = [SLOW * min(1.0, pair.innocuous_share)] * len(reads)
    codes = {read.code for read in reads} | _own_codes(test_keys, number(first.get("cause")))
    ratio = ratio_of_turns([min(SLOW, read.rate) for read in reads], reference) if len(codes) == 1 else None
    spoiled = any(kind_of(failure(each.get("failure"))) == LOCAL for each in records)
    columns: Table = {
        "pair": _FIRST_ADDRESS,
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


def _address_reads(test_keys: Table, transactions: Sequence[int]) -> list[_AddressRead]:
    """Return the reads, up to the first that was not whole."""
    trips = {_number_of(each): _lasted(each) for each in _entries(test_keys, "tcp_connect")}
    pages = {_number_of(each): each for each in _entries(test_keys, "requests")}
    found = list[_AddressRead]()
    for transaction in transactions:
        entry = pages.get(transaction)
        rate = rate_of(entry, ROUND_TRIPS * trips.get(transaction, 0.0)) if entry is not None else None
        if entry is None or rate is None:
            return found
        found.append(_AddressRead(transaction, _code(entry), rate))
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

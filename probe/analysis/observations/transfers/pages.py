"""Read how fast pages of a measurement came, by service, name and protocol."""

from collections.abc import Iterator
from typing import Any, Literal

from probe.analysis.observations.lenient_json import (
    name,
    number,
    seconds,
    seconds_or_none,
    table,
    tables,
    text,
)
from probe.analysis.observations.stream_ends import is_late
from probe.analysis.observations.transfers.row import TransferRow
from probe.formats.plain_json import places_of_entries
from probe.signatures.silent_streams import is_still_arriving
from probe.signatures.slow_page import LEAST_SHARE, SLOW

Protocol = Literal["tls", "http", "quic"]
Table = dict[str, Any]

OWN = frozenset({"first", "confirm"})
_DIGITS = 4


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


def rounded_row(columns: Table) -> TransferRow:
    """Return the row of these columns, with numbers of four digits."""
    rounded: Table = {
        key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in columns.items()
    }
    return TransferRow(**rounded)

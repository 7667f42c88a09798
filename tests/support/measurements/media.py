"""Make entries of media flows, whose packets are lost or delayed by number."""

from collections.abc import Callable
from typing import Any

from probe.formats.exchanges.media import LOST, NO_TIME, NOT_KNOWN

PACKETS = 500
Lost = Callable[[int], bool]
Delay = Callable[[int], float]


def entry(
    shape: str,
    *,
    forth: Lost = lambda number: False,
    back: Lost = lambda number: False,
    delay: Delay = lambda number: 0.0,
    pair: int = 0,
    late: Lost = lambda number: False,
    **columns: Any,
) -> dict[str, Any]:
    """Return the entry of one flow, as the step `media_flow` writes it. `delay` is on the way to the helper."""
    reached = [number for number in range(PACKETS) if not forth(number)]
    returned = [number for number in reached if not back(number)]
    last = max(returned, default=-1)
    delays = [round(delay(number) * 1e4) for number in range(PACKETS)]
    there, here = set(reached), set(returned)
    made = {
        "failure": None if returned else "generic_timeout_error",
        "port": 50000,
        "shape": shape,
        "pair": pair,
        "rank": 0,
        "size": 160,
        "interval": 0.02,
        "established": True,
        "sent": PACKETS,
        "reached": sum(number <= last for number in reached),
        "returned": len(returned),
        "copies": 0,
        "refused": 0,
        "foreign": 0,
        "round_trip": 0.08 if returned else None,
        "late": [700 if late(number) else 0 for number in range(PACKETS)],
        "forth": [
            delays[number] if number in here else NOT_KNOWN if number > last else NO_TIME if number in there else LOST
            for number in range(PACKETS)
        ],
        "back": [
            0 if number in here else LOST if number in there and number <= last else NOT_KNOWN
            for number in range(PACKETS)
        ],
    }
    return made | columns


def unopened(shape: str, pair: int = 0, failure: str = "generic_timeout_error") -> dict[str, Any]:
    """Return the entry of a flow whose requests got no response."""
    nothing: dict[str, Any] = {"sent": 0, "reached": 0, "late": [], "forth": [], "back": [], "established": False}
    return entry(shape, forth=lambda number: True, pair=pair, failure=failure) | nothing


def followups(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return test keys with the entries and their transactions, numbered from 900."""
    numbered = [entry | {"transaction_id": 900 + place} for place, entry in enumerate(entries)]
    transactions = [
        {
            "transaction_id": entry["transaction_id"],
            "kind": "followup",
            "followup": "media_opaque" if entry["shape"] == "opaque" else "media_shape",
            "address": "helper",
            "failure": entry["failure"],
            "t0": 1.0,
            "t": 12.0,
        }
        for entry in numbered
    ]
    return {"x_transactions": transactions, "x_followups": {"media": numbered}}

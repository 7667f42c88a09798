"""Compute the figures of pairs of media flows when a measurement is flattened."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from probe.analysis.observations.failure_kinds import LOCAL, kind_of
from probe.analysis.observations.lenient_json import failure, number, seconds, seconds_or_none, tables, text
from probe.analysis.observations.media.row import BACK, BOTH, FORTH, MediaRow
from probe.analysis.statistics.e_model import rate_call
from probe.analysis.statistics.flow_cutoff import permanent_gap, plateau
from probe.analysis.statistics.flow_pair import loss_difference
from probe.analysis.statistics.flow_parts import LATE, loss_between, punctual, without_span
from probe.analysis.statistics.marked_share import Estimate, bursts, difference
from probe.analysis.statistics.media_flow import MediaFlow, delay_change, jitter, longest_gap, loss, reordered
from probe.analysis.statistics.rate_limit import EVEN, can_share_limit, queue_rate, unevenness
from probe.analysis.statistics.recorded_flow import Directions, directions
from probe.formats.plain_json import places_of_entries
from probe.signatures.call_packets import was_late

OPAQUE = "opaque"
MOST_PACKETS = 5_000  # of a flow that is read. A longer list is not from our probe, and would take long.
MOST_PAIRS = 10
AROUND = 1.0  # seconds before and after a cutoff
_DIGITS = 4


class _Flow:
    """Read one entry of a media flow."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.shape, self.transaction = text(entry.get("shape")), number(entry.get("transaction_id"))
        self.returned, self.round_trip = number(entry.get("returned")), seconds_or_none(entry.get("round_trip"))
        self.is_frozen = entry.get("same_port_answered") is False and entry.get("new_port_answered") is True
        self.bits = 8 * number(entry.get("size"))
        self._late, self._forth, self._back = (_numbers(entry.get(name)) for name in ("late", "forth", "back"))
        self._interval = seconds(entry.get("interval"))
        refused, failed = number(entry.get("refused")) > 0, kind_of(failure(entry.get("failure"))) == LOCAL
        self.spoiled = refused or failed or not self._is_whole() or was_late(self._late)

    def _is_whole(self) -> bool:
        same = len(self._late) == len(self._forth) == len(self._back)
        return same and self._interval > 0 and self.bits > 0

    @cached_property
    def directions(self) -> Directions:
        if not self._is_whole():
            return directions([], [], [], 1.0)
        return directions(self._late, self._forth, self._back, self._interval)


def media_rows(test_keys: dict[str, Any]) -> tuple[MediaRow, ...]:
    """Return three rows for each pair of flows in test keys: forth, back, and both ways."""
    pairs: dict[int, dict[str, _Flow]] = {}
    for place in places_of_entries(test_keys):
        for entry in tables(place.get("media")):
            if len(pairs) < MOST_PAIRS:
                flow = _Flow(entry)
                pairs.setdefault(number(entry.get("pair")), {}).setdefault(flow.shape, flow)
    return tuple(row for pair in sorted(pairs) for row in _rows_of(pair, pairs[pair]))


def _rows_of(pair: int, flows: dict[str, _Flow]) -> Iterator[MediaRow]:
    opaque = flows.get(OPAQUE)
    if opaque is None:
        return
    for shape in sorted(flows.keys() - {OPAQUE}):
        for direction in (FORTH, BACK, BOTH):
            yield _row(pair, direction, flows[shape], opaque)


def _row(pair: int, direction: str, flow: _Flow, opaque: _Flow) -> MediaRow:
    one, other = getattr(flow.directions, direction), getattr(opaque.directions, direction)
    round_trips = [each.round_trip for each in (flow, opaque) if each.round_trip is not None]
    round_trip = min(round_trips, default=None)
    rate, queued = _limit(one, flow.bits)
    opaque_rate, opaque_queued = _limit(other, opaque.bits)
    columns: dict[str, Any] = {
        "pair": pair,
        "direction": direction,
        "shape": flow.shape,
        "transaction_id": flow.transaction,
        "opaque_transaction_id": opaque.transaction,
        "spoiled": flow.spoiled or opaque.spoiled,
        "sent": len(one.sent),
        "opaque_sent": len(other.sent),
        "returned": flow.returned,
        "opaque_returned": opaque.returned,
        "round_trip": round_trip,
        **_losses(one, other),
        **_late(punctual(one), punctual(other)),
        **_gap(one),
        "jitter": jitter(one),
        "opaque_jitter": jitter(other),
        "reordered": reordered(one),
        **_delays(one, other),
        **_cutoff(one, other),
        "shared_limit": can_share_limit(one, other),
        "rate": rate,
        "opaque_rate": opaque_rate,
        "queued": queued,
        "opaque_queued": opaque_queued,
        "frozen": flow.is_frozen and opaque.is_frozen,
        "mos": _mos(one, round_trip or 0.0),
    }
    return MediaRow(**{name: _rounded(value) for name, value in columns.items()})


def _losses(one: MediaFlow, other: MediaFlow) -> dict[str, float | None]:
    return {
        **_estimates("loss", loss(one)),
        **_estimates("opaque_loss", loss(other)),
        **_estimates("loss_difference", loss_difference(one, other)),
        "loss_without_gap_low": _without_gap(one, other),
        "opaque_loss_without_gap_low": _without_gap(other, one),
    }


def _late(one: MediaFlow, other: MediaFlow) -> dict[str, float | None]:
    """Return the same for punctual packets, in which late ones are lost."""
    return {
        **_estimates("late", loss(one)),
        **_estimates("opaque_late", loss(other)),
        **_estimates("late_difference", loss_difference(one, other)),
        "late_without_run_low": _without_gap(one, other),
    }


def _estimates(name: str, found: Estimate | None) -> dict[str, float | None]:
    value, low, high = found or (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _without_gap(one: MediaFlow, other: MediaFlow) -> float | None:
    """Return the lower end of the difference of losses without the time of the first flow's longest gap."""
    gap = longest_gap(one)
    if gap is None:
        return None
    begin = one.sent[gap.first]
    after = gap.first + gap.packets
    end = one.sent[after] if after < len(one.sent) else one.sent[-1] + 1.0
    found = loss_difference(without_span(one, begin, end), without_span(other, begin, end))
    return found.low if found else None


def _gap(flow: MediaFlow) -> dict[str, float]:
    gap = longest_gap(flow)
    return {"gap_packets": gap.packets if gap else 0, "gap_seconds": gap.seconds if gap else 0.0}


def _delays(one: MediaFlow, other: MediaFlow) -> dict[str, float | None]:
    here, there = delay_change(one), delay_change(other)
    return {
        **_estimates("delay_change", here),
        "opaque_delay_change": there.value if there else None,
        "delay_difference_low": difference(here, there).low if here and there else None,
    }


def _cutoff(one: MediaFlow, other: MediaFlow) -> dict[str, float]:
    gap, opaque = permanent_gap(one), permanent_gap(other)
    first = gap.first if gap else -1
    time = one.sent[first] if one.sent and gap else 0.0
    last = max((at for at in one.arrived if at is not None), default=0.0)
    return {
        "cutoff_packet": first,
        "cutoff_time": time,
        "cutoff_seconds": max(0.0, one.sent[-1] - last) if one.sent else 0.0,
        "opaque_cutoff_packet": opaque.first if opaque else -1,
        "opaque_lost_at_cutoff": loss_between(other, time - AROUND, time + AROUND).value,
    }


def _limit(flow: MediaFlow, bits: int) -> tuple[float | None, bool]:
    """Return the rate of a limiter, None without one, and whether it queues packets."""
    queue = queue_rate(flow, bits)
    if queue is not None:
        return queue, True
    spread, found = unevenness(flow), plateau(flow, bits)
    return found.value if found and spread is not None and spread < EVEN else None, False


def _mos(flow: MediaFlow, round_trip: float) -> float:
    lost, late = loss(flow).value, loss(punctual(flow)).value
    burst = flow.lost.bit_count() / bursts(flow.lost) if flow.lost else 1.0
    return rate_call(lost + (1.0 - lost) * late, burst, round_trip / 2 + 0.02 + LATE).mos


def _numbers(value: Any) -> list[int]:
    """Return a list of whole numbers, an empty one if it is too long or has other values."""
    if not isinstance(value, list) or len(value) > MOST_PACKETS:
        return []
    return value if all(type(item) is int and abs(item) < 10**9 for item in value) else []


def _rounded(value: Any) -> Any:
    return round(value, _DIGITS) if isinstance(value, float) else value

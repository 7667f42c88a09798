"""Define the row of one direction of a pair of media flows, and compute its figures when a measurement is flattened."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from probe.analysis.observations.failure_kinds import LOCAL, kind_of
from probe.analysis.observations.lenient_json import failure, number, seconds, seconds_or_none, tables, text
from probe.analysis.statistics.e_model import rate_call
from probe.analysis.statistics.flow_limits import EVEN, can_share_limit, permanent_gap, plateau, queue_rate, unevenness
from probe.analysis.statistics.media_flow import (
    LATE,
    MediaFlow,
    delay_change,
    jitter,
    longest_gap,
    loss,
    loss_between,
    loss_difference,
    punctual,
    reordered,
    without_span,
)
from probe.analysis.statistics.recorded_flow import Directions, directions
from probe.analysis.statistics.shares import Estimate, bursts, difference
from probe.formats.plain_json import places_of_entries
from probe.signatures.call_packets import was_late

FORTH, BACK, BOTH = "forth", "back", "both"


class MediaRow(NamedTuple):
    """Hold the figures of one direction of a pair. Columns with `opaque_` are of the flow of random bytes.

    Shares are from 0 to 1, with intervals of 95 %. Late packets arrived more than 100 ms beyond the least delay.
    """

    pair: Annotated[int, "number of the pair in the run, from 0"]
    direction: Annotated[
        str, "`forth` to the helper, `back` from it, or `both` for packets that made both ways and for all others"
    ]
    shape: Annotated[str, "the app's shape of packets"]
    transaction_id: Annotated[int, "transaction of the flow with the app's shape"]
    opaque_transaction_id: Annotated[int, "transaction of the opaque flow"]
    spoiled: Annotated[bool, "the helper or this computer disturbed a flow, or one of them was not to be read"]
    sent: Annotated[int, "packets of which the fate in this direction is known"]
    opaque_sent: Annotated[int, "the same of the opaque flow"]
    returned: Annotated[int, "packets that came back, in either row of the pair"]
    opaque_returned: Annotated[int, "the same of the opaque flow"]
    round_trip: Annotated[float | None, "least round trip of either flow in seconds, NULL without one"]
    loss: Annotated[float, "share of lost packets"]
    loss_low: Annotated[float, "lower end of its interval"]
    loss_high: Annotated[float, "upper end of its interval"]
    opaque_loss: Annotated[float, "share of lost packets of the opaque flow"]
    opaque_loss_low: Annotated[float, "lower end of its interval"]
    opaque_loss_high: Annotated[float, "upper end of its interval"]
    loss_difference: Annotated[float | None, "loss minus that of the opaque flow, NULL if the flows hardly overlap"]
    loss_difference_low: Annotated[float | None, "lower end of its interval"]
    loss_difference_high: Annotated[float | None, "upper end of its interval"]
    loss_without_gap_low: Annotated[
        float | None, "lower end of the difference's interval without the time of the longest gap"
    ]
    opaque_loss_without_gap_low: Annotated[
        float | None, "the same of the opaque flow's loss minus that of the app's shape"
    ]
    late: Annotated[float, "share of late packets among those that arrived"]
    late_low: Annotated[float, "lower end of its interval"]
    late_high: Annotated[float, "upper end of its interval"]
    opaque_late: Annotated[float, "share of late packets of the opaque flow"]
    opaque_late_low: Annotated[float, "lower end of its interval"]
    opaque_late_high: Annotated[float, "upper end of its interval"]
    late_difference: Annotated[float | None, "late share minus that of the opaque flow"]
    late_difference_low: Annotated[float | None, "lower end of its interval"]
    late_difference_high: Annotated[float | None, "upper end of its interval"]
    late_without_run_low: Annotated[
        float | None, "lower end of the difference's interval without the time of the longest run of late packets"
    ]
    gap_packets: Annotated[int, "packets in the longest run of lost ones"]
    gap_seconds: Annotated[float, "its duration"]
    jitter: Annotated[float, "interarrival jitter in seconds (RFC 3550, 6.4.1)"]
    opaque_jitter: Annotated[float, "the same of the opaque flow"]
    reordered: Annotated[int, "packets that arrived behind a later one (RFC 4737, 3.3)"]
    delay_change: Annotated[
        float | None, "median delay of the last fifth minus that of the first in seconds, NULL if too few arrived"
    ]
    delay_change_low: Annotated[float | None, "lower end of its interval"]
    delay_change_high: Annotated[float | None, "upper end of its interval"]
    opaque_delay_change: Annotated[float | None, "delay change of the opaque flow"]
    delay_difference_low: Annotated[
        float | None, "lower end of the interval of delay change minus that of the opaque flow"
    ]
    cutoff_packet: Annotated[int, "first packet of a silence to the end that losses do not explain, -1 without one"]
    cutoff_time: Annotated[float, "its time since the first packet in seconds"]
    cutoff_seconds: Annotated[float, "seconds from the last arrival to the last packet sent"]
    opaque_cutoff_packet: Annotated[int, "the same packet of the opaque flow, -1 without one"]
    opaque_lost_at_cutoff: Annotated[float, "share of lost packets of the opaque flow within a second of the cutoff"]
    shared_limit: Annotated[bool, "one rate limit for both flows explains their losses, however unequal they are"]
    rate: Annotated[float | None, "received rate in bit/s while packets are lost or queued, NULL without a limit"]
    opaque_rate: Annotated[float | None, "the same of the opaque flow"]
    queued: Annotated[bool, "the delay grows through the flow, as in a shaper's queue"]
    opaque_queued: Annotated[bool, "the same of the opaque flow"]
    mos: Annotated[float, "mean opinion score by the E-model, a comment for people that no rule reads"]
    frozen: Annotated[
        bool, "after both flows had stopped, the helper answered requests from other ports and not from theirs"
    ] = False


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
        **_shares("loss", "gap", one, other),
        "opaque_loss_without_gap_low": _without_gap(other, one),
        **_shares("late", "run", punctual(one), punctual(other)),
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


def _shares(name: str, longest: str, one: MediaFlow, other: MediaFlow) -> dict[str, float | None]:
    """Return the shares of lost packets and their difference, also without the time of the `longest` gap.

    In punctual packets, late ones are lost.
    """
    return {
        **_estimates(name, loss(one)),
        **_estimates(f"opaque_{name}", loss(other)),
        **_estimates(f"{name}_difference", loss_difference(one, other)),
        f"{name}_without_{longest}_low": _without_gap(one, other),
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

"""State the pace of call packets. Recognize flows that this computer or our other flows disturbed."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.formats.exchanges.media import MediaFlow

INTERVAL = 0.02  # seconds between two packets, as Opus and most codecs of calls have
LATE = 600  # tenths of a millisecond behind the schedule: three packets
MOST_LATE, FEW = 0.05, 5  # share of such packets, and a number that spoils no flow


def was_late(late: Sequence[int]) -> bool:
    """Return whether too many packets were late. `late`: tenths of a millisecond behind the schedule, by packet."""
    return sum(tenths > LATE for tenths in late) > max(FEW, MOST_LATE * len(late))


MUCH_BESIDE = 200_000  # bytes of our other flows in the seconds of a pair, half of what the pair itself moves
FEW_BESIDE = 10_000  # bytes a second of our other flows, beside which a pair is repeated
HARMED = 0.02  # share of packets that were lost or late. No rule accuses from so few.
LATE_ARRIVAL = 1000  # tenths of a millisecond above the least delay, as in the rules


def one_unharmed(flows: "Iterable[MediaFlow]") -> bool:
    """Return whether a flow of a pair passed well. Our other flows would have harmed both, since both have one pace."""
    return any(flow.established and _harmed(flow) <= HARMED * flow.sent for flow in flows)


def _harmed(flow: "MediaFlow") -> int:
    late = sum(max(there, back) > LATE_ARRIVAL for there, back in zip(flow.forth, flow.back, strict=True))
    return flow.sent - flow.returned + late


DRAINS, FOLLOWS = 4.0, 3.0  # seconds around a packet without our other flows: until their queue is empty, and after it
QUIET = 100  # packets that passed without our other flows, so that their harm shows anything


def harmed_without_others(flows: "Collection[MediaFlow]", zero: float, busy: Collection[float]) -> bool:
    """Return whether all flows of a pair were harmed while our other flows moved few bytes too.

    `zero` is the time from which the flows' own times count, and `busy` has the times at which our other flows moved
    many bytes, both in seconds of one clock.
    """
    return bool(flows) and all(_harmed_when_quiet(flow, [time - zero - flow.t0 for time in busy]) for flow in flows)


def _harmed_when_quiet(flow: "MediaFlow", busy: Collection[float]) -> bool:
    quiet = [
        back < 0 or max(forth, back) > LATE_ARRIVAL
        for number, (forth, back) in enumerate(zip(flow.forth, flow.back, strict=True))
        if not any(number * flow.interval - DRAINS < time < number * flow.interval + FOLLOWS for time in busy)
    ]
    return len(quiet) >= QUIET and sum(quiet) > HARMED * len(quiet)

"""Make media flows with known figures."""

from collections.abc import Callable

from probe.analysis.statistics.media_flow import MediaFlow

PACKETS, STEP = 500, 0.02


def flow(
    lost: Callable[[int], bool] = lambda number: False,
    delay: Callable[[int], float] = lambda number: 0.05,
    *,
    packets: int = PACKETS,
    starts: float = 0.0,
    duplicates: int = 0,
) -> MediaFlow:
    """Return a flow whose packets are sent every 20 ms, by number lost or delayed."""
    sent = [starts + STEP * number for number in range(packets)]
    arrived = [None if lost(number) else time + delay(number) for number, time in enumerate(sent)]
    return MediaFlow(sent, arrived, duplicates)


def from_marks(marks: int, packets: int = PACKETS, starts: float = 0.0) -> MediaFlow:
    return flow(lambda number: bool(marks >> number & 1), packets=packets, starts=starts)

"""Compare the losses of two flows that were sent side by side."""

from collections.abc import Sequence
from math import atanh, sqrt, tanh
from statistics import StatisticsError, correlation

from probe.analysis.statistics.flow_parts import loss_between
from probe.analysis.statistics.marked_share import Estimate, difference
from probe.analysis.statistics.media_flow import MediaFlow

WINDOW = 0.5  # seconds
FEWEST_WINDOWS = 6
MOST_CORRELATION = 0.95


def loss_difference(one: MediaFlow, other: MediaFlow) -> Estimate | None:
    """Return the loss of one flow minus that of the other, with an interval. None if they hardly overlap in time.

    Only packets count that were sent while both flows ran. Congestion and weak radio hit both flows at once, and what
    they have in common cancels. The correlation of their losses is taken from windows of WINDOW seconds, as the lower
    end of an interval of one standard error. Otherwise chance would narrow the interval of independent flows.
    """
    if not (one.sent and other.sent):
        return None
    begin, end = max(one.sent[0], other.sent[0]), min(one.sent[-1], other.sent[-1])
    windows = int((end - begin) / WINDOW)
    if windows < FEWEST_WINDOWS:
        return None
    end = begin + windows * WINDOW
    shares = [_window_shares(flow, begin, windows) for flow in (one, other)]
    return difference(loss_between(one, begin, end), loss_between(other, begin, end), _common(*shares))


def _window_shares(flow: MediaFlow, begin: float, windows: int) -> list[float]:
    return [loss_between(flow, begin + at * WINDOW, begin + (at + 1) * WINDOW).value for at in range(windows)]


def _common(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the lower end of the correlation by Fisher's transformation, 0 if there is none."""
    try:
        found = min(MOST_CORRELATION, correlation(one, other))
    except StatisticsError:  # one flow has the same loss in all windows
        return 0.0
    return max(0.0, tanh(atanh(max(0.0, found)) - 1.0 / sqrt(len(one) - 3)))

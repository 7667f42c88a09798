"""Find where a media flow ends for good, and the rate at which a limiter lets it pass."""

from math import sqrt
from statistics import mean, stdev

from probe.analysis.statistics.marked_share import Estimate, bursts
from probe.analysis.statistics.media_flow import Gap, MediaFlow, gaps
from probe.analysis.statistics.wilson import wilson

CHANCE = 0.001  # below which a silence to the end is a permanent gap
USUAL_CONTINUES = 0.9  # a burst goes on with this probability at least, so that bursts of ten packets are expected
FEWEST_LOST = 10  # packets, below which no rate is given
SPANS = 10
_T9 = 2.262157  # Student's distribution with nine degrees of freedom, two-sided 95 %


def permanent_gap(flow: MediaFlow) -> Gap | None:
    """Return the silence that lasts to the end of the flow, if losses as before do not explain it. Else None.

    The test assumes that each burst of losses goes on with the same probability after each packet. This probability is
    the upper end of its interval, from the losses before the silence, and never below USUAL_CONTINUES. The chance that
    a burst then lasts as long as the silence must be below CHANCE, which needs more than a second of silence. An outage
    of some seconds at the end looks the same. Only the other flow of the pair distinguishes it.
    """
    last = max(gaps(flow), key=lambda gap: gap.first, default=None)
    if last is None or last.first + last.packets < len(flow.sent):
        return None
    before = flow.lost & ((1 << last.first) - 1)
    lost, begun = before.bit_count(), bursts(before)
    continues = max(USUAL_CONTINUES, wilson(lost - begun, lost)[1]) if lost else USUAL_CONTINUES
    chance = (begun + 1) * continues ** (last.packets - 1)
    return last if chance < CHANCE else None


def plateau(flow: MediaFlow, bits: int) -> Estimate | None:
    """Return the received rate in bit/s while packets of `bits` each are lost. None for few losses.

    The time begins with the last arrival before the first loss, when a token bucket is empty, and ends with the last
    arrival. The interval comes from the rates in ten equal spans. It is at least as wide as one packet.
    """
    cut = permanent_gap(flow)
    lost = flow.lost & ((1 << cut.first) - 1) if cut else flow.lost
    if lost.bit_count() < FEWEST_LOST:
        return None
    first = (lost & -lost).bit_length() - 1
    times = sorted(time for time in flow.arrived[max(0, first - 1) :] if time is not None)
    if len(times) <= SPANS or times[-1] <= times[0]:
        return None
    width = (times[-1] - times[0]) / SPANS
    counts = [0] * SPANS
    for time in times[1:]:
        counts[min(SPANS - 1, int((time - times[0]) / width))] += 1
    rates = [count * bits / width for count in counts]
    half = max(_T9 * stdev(rates) / sqrt(SPANS), bits / (SPANS * width))
    return Estimate(mean(rates), max(0.0, mean(rates) - half), mean(rates) + half)

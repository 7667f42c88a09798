"""Find where a media flow ends for good, and if a rate limit explains its losses or delays."""

from itertools import pairwise
from math import sqrt
from statistics import mean, median, stdev

from probe.analysis.statistics.media_flow import Gap, MediaFlow, gaps
from probe.analysis.statistics.shares import Estimate, bursts, wilson

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


EVEN = 1.152  # quantile 0.001 of the chi-squared distribution with nine degrees of freedom
FIFTHS = 5
FEWEST_ARRIVED = 50
LEAST_STEP, LEAST_GROWTH = 0.02, 0.2  # seconds by which the delay grows from fifth to fifth, and in all


def unevenness(flow: MediaFlow) -> float | None:
    """Return how unevenly losses are spread over the time behind the first loss. None for few losses.

    It is the sum of squared deviations of ten equal spans from their mean, in units of the variance of independent
    losses. That is nine on average for independent losses, and more for bursts. A token bucket drops at a constant
    rate, which gives a number near zero. Losses by chance are below EVEN once in a thousand flows.
    """
    cut = permanent_gap(flow)
    end = cut.first if cut else len(flow.sent)
    lost = flow.lost & ((1 << end) - 1)
    if lost.bit_count() < FEWEST_LOST:
        return None
    begin = (lost & -lost).bit_length() - 1
    width = (end - begin) // SPANS
    if width < 2:
        return None
    counts = [(lost >> begin + width * span & (1 << width) - 1).bit_count() for span in range(SPANS)]
    mean = sum(counts) / SPANS
    variance = mean * (1.0 - mean / width)
    return sum((count - mean) ** 2 for count in counts) / variance if variance else None


def can_share_limit(one: MediaFlow, other: MediaFlow) -> bool:
    """Return whether one rate limit for both flows explains their losses, however unequal these are.

    Two flows of equal pace meet a token bucket or a full queue in the same phase again and again. So one of them can
    lose most packets. Traffic phase effects are the field's name for it (Floyd and Jacobson, 1991, recalled). What both
    lose together is even then, and both lose something.
    """
    both = sorted([*zip(one.sent, one.arrived, strict=True), *zip(other.sent, other.arrived, strict=True)], key=_sent)
    spread = unevenness(MediaFlow([time for time, _ in both], [time for _, time in both]))
    return spread is not None and spread < EVEN and min(one.lost.bit_count(), other.lost.bit_count()) >= FEWEST_LOST


def _sent(packet: tuple[float, float | None]) -> float:
    return packet[0]


def queue_rate(flow: MediaFlow, bits: int) -> float | None:
    """Return the rate in bit/s at which a growing queue is emptied, for packets of `bits` each. None without one.

    The packets that arrived are divided into fifths. Their median delays must grow from each to the next.
    """
    numbers = sorted(flow.order)
    if len(numbers) < FEWEST_ARRIVED:
        return None
    size = len(numbers) // FIFTHS
    parts = [numbers[size * part : size * (part + 1)] for part in range(FIFTHS)]
    delays = [median(map(flow.delay, part)) for part in parts]
    if delays[-1] - delays[0] < LEAST_GROWTH or any(after - before < LEAST_STEP for before, after in pairwise(delays)):
        return None
    times = sorted(time for number in numbers[size:] if (time := flow.arrived[number]) is not None)
    return bits * (len(times) - 1) / (times[-1] - times[0]) if times[-1] > times[0] else None

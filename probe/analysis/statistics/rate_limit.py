"""Distinguish a rate limit from losses by chance: a policer drops evenly, and a shaper lets the delay grow."""

from itertools import pairwise
from statistics import median

from probe.analysis.statistics.flow_cutoff import FEWEST_LOST, SPANS, permanent_gap
from probe.analysis.statistics.media_flow import MediaFlow

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

"""Rate a call by the E-model (ITU-T G.107), as a comment for people and never for a rule.

Formulas and parameters, with the texts that were opened on 2026-11-27:

- R = 93.2 - Id - Ie,eff with the Recommendation's defaults. The highest value 93.2 stands at
  http://what-when-how.com/voip/e-model-based-voice-quality-estimation-voip/
- Id is Idd of equation 7-27. MOS is equation B-4. The function mos_score of https://github.com/tohojo/flent has both at
  commit 0024eb90e1cb6658771da048413ce970bd835f94, after G.107 (06/2015). Echo is taken as cancelled, so that the other
  parts of Id stay at their defaults. This is recalled.
- Ie,eff is equation 7-29. It is quoted, with BurstR, in question 40040117 of Stack Overflow, and without BurstR in
  mos_score.
- Bpl = 4.3 is the default, and the least of its range up to 40 (https://github.com/tohojo/flent/issues/247,
  2022-01-10).
- Opus has no published Ie and Bpl (https://github.com/xiph/opus/issues/51, 2017-10-08). Ie = 0 and the default of Bpl
  are used. Opus conceals losses, so a call over Opus probably sounds better than this rating. This is inferred.
- BurstR is the mean length of bursts over the length that independent losses would have. This definition is recalled.
"""

from math import log2, pow
from typing import NamedTuple

HIGHEST = 93.2
IE, BPL = 0.0, 4.3
DELAY_NOTICED = 0.1  # seconds one way


class Rating(NamedTuple):
    """Hold the transmission rating R (0 to 100) and the mean opinion score (1 to 4.5)."""

    r: float
    mos: float


def rate_call(loss: float, mean_burst: float, delay: float) -> Rating:
    """Return the rating for a share of lost packets, the mean length of its bursts, and the delay one way in seconds.

    The delay is from mouth to ear: half the round trip, 20 ms for the packet, and the receiver's buffer.
    """
    ratio = max(1.0, mean_burst * (1.0 - loss))  # BurstR
    percent = 100.0 * loss
    equipment = IE + (95.0 - IE) * percent / (percent / ratio + BPL)
    rating = max(0.0, HIGHEST - _delay_impairment(delay) - equipment)
    return Rating(rating, max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6))


def _delay_impairment(delay: float) -> float:
    if delay <= DELAY_NOTICED:
        return 0.0
    x = log2(delay / DELAY_NOTICED)
    return 25.0 * (pow(1.0 + pow(x, 6), 1 / 6) - 3.0 * pow(1.0 + pow(x / 3.0, 6), 1 / 6) + 2.0)

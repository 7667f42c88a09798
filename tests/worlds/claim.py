"""Define a claim: what is promised, and what was measured on made-up worlds."""

from dataclasses import dataclass
from math import comb


@dataclass(frozen=True)
class Claim:
    """Hold one row of the table. `beside` is what the promise costs, such as misses."""

    claim: str
    promised: str
    measured: str
    beside: str
    holds: bool


def most_at(rate: float, trials: int, risk: float = 0.05) -> int:
    """Return the count that a binomial variable of this rate exceeds with a probability of at most `risk`."""
    left, count = 1.0, -1
    while left > risk + 1e-12:  # sums of floats
        count += 1
        left -= comb(trials, count) * rate**count * (1 - rate) ** (trials - count)
    return count


def percent(part: int, whole: int) -> str:
    return f"{part / max(whole, 1):.0%} ({part} of {whole})"

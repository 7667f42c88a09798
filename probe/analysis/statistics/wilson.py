"""Compute the Wilson score interval of a share, for pass rates."""

from math import sqrt

Z95 = 1.959964  # two-sided 95 %


def wilson(successes: float, trials: float, z: float = Z95) -> tuple[float, float]:
    """Return (low, high) of the Wilson score interval, each from 0 to 1, (0, 1) without trials.

    Counts may be effective ones, which are not whole. It stays inside 0 to 1, and it is accurate for few trials and for
    shares near 0 and 1, unlike the normal interval.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212. Raises ValueError if successes exceed trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return low, high

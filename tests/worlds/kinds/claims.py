"""Measure the kinds of worlds: what is false, and how many full blocks are found."""

from collections.abc import Iterator, Sequence
from statistics import median

from tests.worlds.claim import Claim, most_at
from tests.worlds.kinds.kinds import KINDS
from tests.worlds.kinds.score import SEEN_BY, Score, score

SEEDS = range(3)
FALSE_STATES, FALSE_STARS, FALSE_EVENTS, A_YEAR = 0.05, 0.05, 0.10, 0.1
POWER = 0.7  # of the full blocks that SEEN_BY devices measured
MISSED = {"1 to 3 invented runs a day that hide a block"}
"""Kinds in which too few blocks are found. The table says so."""


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    """Yield a claim for each kind of world."""
    for name, draw in KINDS.items():
        yield _claim(name, score(draw, seeds), len(seeds))


def _claim(name: str, found: Score, worlds: int) -> Claim:
    return Claim(
        f"countries, {worlds} worlds: {name}",
        f"false: states and marks {FALSE_STATES:.0%}, events {FALSE_EVENTS:.0%}, shutdowns {A_YEAR} a year",
        f"false: {_of(found.false_states, found.states)} states, {_of(found.false_stars, found.stars)} marks, "
        f"{_of(found.false_events, found.events)} events, {found.false_shutdowns} shutdowns in {found.years:.0f} years",
        _power(found),
        is_kept(found),
    )


def is_kept(found: Score) -> bool:
    """Return True if a score keeps all promises, with the binomial error of the sample."""
    return is_true(found) and min(found.full_states, found.full_events) >= POWER * found.full


def is_true(found: Score) -> bool:
    """Return True if a score accuses as rarely as promised."""
    return (
        found.false_states <= most_at(FALSE_STATES, found.states)
        and found.false_stars <= most_at(FALSE_STARS, found.stars)
        and found.false_events <= most_at(FALSE_EVENTS, found.events)
        and found.false_shutdowns <= max(1, A_YEAR * found.years)
    )


def _power(found: Score) -> str:
    """Return how many full blocks are found, and how many shutdowns."""
    blocks = (
        f"of {found.full} full blocks with {SEEN_BY} devices: {found.full_states} states, {found.full_stars} marks, "
        f"{found.full_events} events, onset off by {median(found.errors or [0]):.0f} days"
    )
    silences = f"found: {found.found_shutdowns} of {found.shutdowns} shutdowns"
    return ", ".join([blocks] * (found.full > 0) + [silences] * (found.shutdowns > 0)) or "nothing to be found"


def _of(false: int, all_: int) -> str:
    return f"{false} of {all_}"

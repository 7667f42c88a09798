"""Measure the kinds of worlds with partial blocks: what is named falsely, and how many partial blocks are named."""

from collections.abc import Iterator, Sequence

from probe.analysis.compare.partial_tests import RATE
from tests.worlds.claim import Claim, most_at, percent
from tests.worlds.kinds.kinds import PARTIAL
from tests.worlds.kinds.partial_score import PartialScore, score

SEEDS = range(1)
RARELY_NAMED = {"blocks in the mornings of an exam week"}
"""Kinds of which fewer than half are named, since few devices measure in these hours."""


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    """Yield a claim for each kind of world."""
    for name, draw in PARTIAL.items():
        yield _claim(name, score(draw, seeds), len(seeds))


def _claim(name: str, found: PartialScore, worlds: int) -> Claim:
    return Claim(
        f"partial blocks of countries, {worlds} worlds: {name}",
        f"at most {RATE:.0%} false",
        f"{found.false} of {found.named} named falsely, {found.states} false states, in {found.cells} cells",
        _power(found) if found.partial else "nothing to be found",
        is_kept(found),
    )


def is_kept(found: PartialScore) -> bool:
    """Return True if few are named falsely. Without a true one, few of all cells may be."""
    return found.false <= most_at(RATE, found.named if found.partial else min(found.cells, 20))


def _power(found: PartialScore) -> str:
    named = percent(found.found, found.partial)
    return f"named: {named}, {found.right} with the true kind. Shown as OK: {found.fine}"

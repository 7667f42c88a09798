"""Test the search of needed transactions, against the same search written as a recursion."""

import random
from collections.abc import Callable, Iterator

import pytest

from probe.analysis.verdicts.deciding_evidence import RemovalSearch

Same = Callable[[frozenset[int]], bool]
"""Returns True if the verdict stays the same without some transactions."""

ALL = range(12)


def recursive(same: Same) -> list[int]:
    def remove(candidates: list[int], removed: frozenset[int]) -> frozenset[int]:
        together = removed.union(candidates)
        if not candidates or same(together):
            return together
        if len(candidates) == 1:
            return removed
        middle = len(candidates) // 2
        return remove(candidates[:middle], remove(candidates[middle:], removed))

    needed, removed = list(ALL), frozenset[int]()
    while (found := remove(needed, removed)) != removed:
        removed, needed = found, [number for number in needed if number not in found]
    return needed


def questions(search: RemovalSearch, same: Same) -> Iterator[frozenset[int]]:
    while (question := search.question) is not None:
        yield question
        search.answer(same(question))


def needing(seed: int) -> Same:
    """Return a verdict that needs all transactions of one of a few sets. An odd seed lets some sets change it again."""
    chosen = random.Random(seed)
    sets = [set(chosen.sample(ALL, chosen.randint(0, 5))) for _ in range(chosen.randint(1, 3))]
    spoilt = [frozenset(chosen.sample(ALL, chosen.randint(3, 9))) for _ in range(40 * (seed % 2))]
    return lambda removed: any(not one & removed for one in sets) and removed not in spoilt


@pytest.mark.parametrize("seed", range(60))
def test_search_finds_what_the_recursion_finds(seed: int) -> None:
    same, search = needing(seed), RemovalSearch(ALL)
    asked = list(questions(search, same))
    assert search.needed() == recursive(same)
    assert len(set(asked)) == len(asked)


def test_part_of_a_search_keeps_all_that_it_did_not_remove() -> None:
    search = RemovalSearch(ALL)
    assert search.question == frozenset(ALL) and search.needed() == list(ALL)
    search.answer(False)
    search.answer(True)
    assert search.needed() == list(ALL)[:6]


def test_search_among_nothing_asks_nothing() -> None:
    assert RemovalSearch([]).question is None

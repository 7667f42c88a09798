"""Test the hop search: it finds the hop in few flows and finds nothing if outcomes are contradictory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.signatures.ttl_distance import Interval, TTLSearch, acted, interval, next_ttls


def resetting(hop: int, answering: set[int]) -> "dict[int, str]":
    return {ttl: "reset" if ttl >= hop else "expired" if ttl in answering else "silent" for ttl in range(1, 40)}


def dropping(hop: int, answering: set[int]) -> "dict[int, str]":
    return {ttl: "silent" if ttl >= hop or ttl not in answering else "expired" for ttl in range(1, 40)}


def flows_of(search: TTLSearch, world: dict[int, str]) -> int:
    """Run the search against a path. Each flow ends at the first TTL at which a middlebox acts."""
    flows = 0
    while ttls := search.next():
        flows += 1
        assert ttls == sorted(ttls) and len(ttls) <= search.most
        for ttl in ttls:
            search.learn(ttl, world[ttl])
            if world[ttl] == "reset":
                break
        assert flows < 40
    return flows


@given(st.integers(1, 26), st.integers(1, 26))
def test_three_flows_of_two_find_a_reset_among_twenty_six_hops(hop: int, length: int) -> None:
    hop = min(hop, length)
    search = TTLSearch(range(1, length + 1), frozenset(), length + 1, by_silence=False)
    flows = flows_of(search, resetting(hop, set()))
    assert flows <= 3 and search.found() == Interval(hop - 1, hop, 1)


@given(st.integers(1, 7), st.integers(1, 7))
def test_three_flows_of_one_find_it_among_seven(hop: int, length: int) -> None:
    hop = min(hop, length)
    search = TTLSearch(range(1, length + 1), frozenset(), length + 1, by_silence=False, most=1)
    assert flows_of(search, resetting(hop, set())) <= 3
    assert search.found() == Interval(hop - 1, hop, 1)


@given(st.integers(1, 12), st.integers(1, 12))
def test_one_flow_of_datagrams_finds_a_drop(hop: int, length: int) -> None:
    """Test a flow that goes on with the TTLs that its own results suggest."""
    hop, routers = min(hop, length), range(1, length + 1)
    search = TTLSearch(routers, frozenset(routers), length + 1, by_silence=True)
    world, sent = dropping(hop, {*routers}), search.next()
    while further := search.next_after((ttl, world[ttl]) for ttl in sent):
        sent += further[:1]
        assert len(sent) == len({*sent}) <= 7
    for ttl in sent:
        search.learn(ttl, world[ttl])
    assert search.found() == Interval(hop - 1, hop, 1)


@given(st.integers(1, 8))
def test_several_possible_ttls_are_tried_on_another_path(hop: int) -> None:
    """Test that nothing outside them is tried, and that a hop outside them is not found."""
    search = TTLSearch(range(1, 9), frozenset(), 9, by_silence=False, guess=Interval(2, 5, 1))
    flows = flows_of(search, resetting(hop, set()))
    assert flows == 1 and {ttl for ttl, _ in search.seen} <= {3, 4}
    found = search.found()
    assert (found is not None and found.exact) == (hop == 4)
    assert found is None or found.low < hop <= found.high


@given(st.integers(1, 12), st.sets(st.integers(1, 12), min_size=1))
def test_drop_is_found_between_answering_routers(hop: int, answering: set[int]) -> None:
    search = TTLSearch(sorted(answering), frozenset(answering), 13, by_silence=True)
    assert flows_of(search, dropping(hop, answering)) <= 3
    found, beyond = search.found(), [ttl for ttl in answering if ttl >= hop]
    if not beyond:
        assert found is None
    else:
        assert found is not None and found.high == min(beyond)
        assert found.low == max((ttl for ttl in answering if ttl < hop), default=0)
        assert found.low < hop <= found.high


@given(st.integers(1, 26), st.integers(1, 26))
def test_right_guess_costs_one_flow_and_wrong_guess_does_not_mislead(hop: int, guess: int) -> None:
    search = TTLSearch(range(1, 27), frozenset(), 27, by_silence=False, guess=Interval(guess - 1, guess, 1))
    flows = flows_of(search, resetting(hop, set()))
    assert search.found() == Interval(hop - 1, hop, 1)
    assert flows == 1 if hop == guess else flows <= 5


def test_server_itself_is_no_middlebox() -> None:
    search = TTLSearch(range(1, 7), frozenset(range(1, 7)), 7, by_silence=False)
    flows_of(search, dict.fromkeys(range(1, 40), "expired"))
    assert search.found() is None


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ([], None),
        ([(3, False)], None),
        ([(3, False), (4, True)], Interval(3, 4, 1)),
        ([(2, False), (6, True)], Interval(2, 6, 1)),
        ([(1, True)], Interval(0, 1, 1)),
        ([(3, True), (3, False)], None),  # as many say yes as no
        ([(3, True), (5, False)], None),  # a middlebox acts on all packets that pass it
        ([(3, False)] * 5 + [(4, True)] * 5, Interval(3, 4, 5)),
        ([(3, False)] * 5 + [(3, True)] + [(4, True)] * 5, Interval(3, 4, 4)),
    ],
)
def test_outcomes_give_the_interval(seen: list[tuple[int, bool]], found: Interval | None) -> None:
    assert interval(seen) == found


def test_silence_counts_only_for_drops_and_at_answering_routers() -> None:
    here = frozenset({4})
    assert acted("silent", 4, by_silence=True, answering=here) is True
    assert acted("silent", 5, by_silence=True, answering=here) is None
    assert acted("silent", 4, by_silence=False, answering=here) is False
    for outcome in ("reset", "closed", "answered"):
        assert acted(outcome, 5, by_silence=True, answering=here) is True
    assert acted("expired", 4, by_silence=True, answering=here) is False


def test_only_ttls_inside_the_interval_are_tried() -> None:
    assert next_ttls(3, 4, range(1, 30), most=2) == []
    assert next_ttls(0, 10, [4], most=2) == [4]
    assert next_ttls(0, 12, range(1, 12), most=2) == [4, 8]

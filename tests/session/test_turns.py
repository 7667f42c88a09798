"""Test that flows go one at a time while that is useful, and what is counted of slow ones."""

import asyncio

from probe.session.turns import MOST_IN_VAIN, OpenFlows, Turns


async def most_at_once(turns: Turns, flows: int = 5) -> int:
    """Return how many of these flows were in their turn at once, at most."""
    now, most = 0, 0

    async def flow() -> None:
        nonlocal now, most
        async with turns.turn():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1

    await asyncio.gather(*(flow() for _ in range(flows)))
    return most


async def test_one_flow_at_a_time_has_the_turn() -> None:
    assert await most_at_once(Turns()) == 1


async def test_turns_end_after_flows_that_failed_alone() -> None:
    turns = Turns()
    for _ in range(MOST_IN_VAIN - 1):
        turns.ended(gained=False)
    assert await most_at_once(turns) == 1
    turns.ended(gained=True)
    turns.ended(gained=False)
    useful = [turns.are_useful]
    for _ in range(MOST_IN_VAIN):
        turns.ended(gained=False)
    assert [*useful, turns.are_useful] == [True, False]
    assert await most_at_once(turns) == 5


async def test_flow_that_raises_gives_up_its_turn() -> None:
    turns = Turns()
    try:
        async with turns.turn():
            raise ValueError
    except ValueError:
        pass
    assert await most_at_once(turns) == 1


def test_slow_flows_are_counted_since_a_time() -> None:
    now = 10.0
    turns = Turns(lambda: now)
    turns.came_too_slowly()
    now = 20.0
    turns.came_too_slowly()
    assert [turns.slow_since(when) for when in (10.0, 10.1, 20.0, 20.1)] == [2, 1, 1, 0]


async def test_open_flows_tell_when_there_are_none() -> None:
    flows = OpenFlows()
    assert flows.none.is_set()
    with flows.one():
        with flows.one():
            assert not flows.none.is_set()
        assert not flows.none.is_set()
    assert flows.none.is_set()

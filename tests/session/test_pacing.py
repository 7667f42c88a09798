"""Test the limits of P7 and P8: triggers, residual windows, flows in flight, timeouts."""

import asyncio

import pytest

from probe.session import pacing
from probe.session.classify import LocalFailure
from probe.session.flow_slots import Priority
from probe.session.pacing import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_seventh_trigger_is_refused() -> None:
    pace = Pace()
    for _ in range(6):
        pace.spend_trigger("a.example", "192.0.2.1", "tcp", 443)
    with pytest.raises(LocalFailure):
        pace.spend_trigger("a.example", "192.0.2.1", "tcp", 5222)
    pace.spend_trigger("a.example", "192.0.2.1", "udp", 53)
    pace.spend_trigger("a.example", "192.0.2.2", "tcp", 443)
    pace.spend_trigger("b.example", "192.0.2.1", "tcp", 443)
    assert pace.triggers == 9


def test_deep_run_allows_120_triggers() -> None:
    pace = Pace(deep=True)
    for _ in range(120):
        pace.spend_trigger("a.example", "192.0.2.1", "tcp")
    assert not pace.can_trigger("a.example", "192.0.2.1", "tcp")


def test_residual_window_ends_after_180_seconds() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    assert not pace.in_residual("192.0.2.1", 443)
    pace.spend_trigger("a.example", "192.0.2.1", "tcp", 443)
    clock.now += 179
    assert pace.in_residual("192.0.2.1", 443)
    assert not pace.in_residual("192.0.2.1", 80)
    clock.now += 1
    assert not pace.in_residual("192.0.2.1", 443)


async def hold(pace: Pace, seen: list[int], running: list[int], seconds: float) -> None:
    async with pace.slot():
        running.append(1)
        seen.append(len(running))
        await asyncio.sleep(seconds)
        running.pop()


async def test_eight_flows_run_at_start() -> None:
    pace, seen, running = Pace(), list[int](), list[int]()
    await asyncio.gather(*(hold(pace, seen, running, 0.01) for _ in range(30)))
    assert max(seen) == 8 and len(seen) == 30


async def test_silent_flow_returns_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SILENT", 0.05)
    pace, seen, running = Pace(), list[int](), list[int]()
    stalled = [asyncio.create_task(hold(pace, [], running, 30)) for _ in range(8)]
    await asyncio.sleep(0)
    await asyncio.wait_for(hold(pace, seen, running, 0), 5)
    assert seen == [9]
    for task in stalled:
        task.cancel()
    await asyncio.gather(*stalled, return_exceptions=True)
    assert pace.flows.taken == 0  # each slot was given back once


@pytest.mark.parametrize("answered", [False, True])
async def test_unanswered_flow_returns_its_slot_earlier(monkeypatch: pytest.MonkeyPatch, answered: bool) -> None:
    monkeypatch.setattr(pacing, "UNANSWERED", 0.02)
    pace = Pace()

    async def flow() -> None:
        async with pace.slot():
            if answered:
                pace.saw_round_trip(0.001)
            await asyncio.sleep(30)

    stalled = asyncio.create_task(flow())
    await asyncio.sleep(0.1)
    assert pace.flows.taken == (1 if answered else 0)
    stalled.cancel()
    await asyncio.gather(stalled, return_exceptions=True)
    assert pace.flows.taken == 0 and not pace._slots


async def test_limit_doubles_at_stable_round_trip_and_halves_otherwise() -> None:
    pace = Pace()
    for _ in range(16):
        pace.saw_round_trip(0.05)
    assert pace.flows.limit == 16
    for _ in range(8):
        pace.saw_round_trip(0.2)
    assert pace.flows.limit == 8
    for _ in range(200):
        pace.saw_round_trip(0.05)
    assert pace.flows.limit == pacing.MOST_IN_FLIGHT


async def test_three_delayed_answers_halve_flows_and_lookups() -> None:
    pace = Pace()
    assert await most_lookups(pace) == pacing.LOOKUPS_SIDE_BY_SIDE
    for seconds, limit in ((0.2, 8), (0.0, 8), (0.3, 4), (0.2, 4), (0.2, 4), (0.2, 2)):
        pace.saw_wait(seconds)
        assert pace.flows.limit == limit
    assert await most_lookups(pace) == 2 * pacing.LOOKUPS_A_FLOW


async def most_lookups(pace: Pace) -> int:
    """Return how many of a hundred lookups run at the same time."""
    running, most = 0, 0

    async def lookup() -> None:
        nonlocal running, most
        async with pace.lookup_slot():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(lookup() for _ in range(100)))
    return most


def test_one_slow_server_does_not_change_limit() -> None:
    pace = Pace()
    for seconds in (0.0, 0.9, 0.0, 0.05, 0.08, 0.09):
        pace.saw_wait(seconds)
    assert pace.flows.limit == 8


async def test_limit_grows_by_one_after_queueing() -> None:
    pace = Pace()
    for seconds in (0.3, 0.3, 0.3, *[0.0] * 9):  # eight flows crowded the line, and four do not
        pace.saw_wait(seconds)
    for limit in (4, 5, 6, 7):
        for _ in range(8):
            pace.saw_round_trip(0.05)
        assert pace.flows.limit == limit


async def test_limit_does_not_double_while_answers_queue() -> None:
    pace = Pace()
    for _ in range(2):
        pace.saw_wait(0.3)
    for _ in range(16):
        pace.saw_round_trip(0.05)
    assert pace.flows.limit == 4


async def test_queueing_extends_timeouts() -> None:
    pace = Pace()
    pace.saw_round_trip(0.2)
    assert pace.tls_timeout() == 4.0
    pace.saw_wait(0.8)
    assert pace.round_trip == pytest.approx(1.0)
    assert (pace.tcp_timeout(), pace.tls_timeout()) == (pytest.approx(6.0), pytest.approx(8.0))


async def test_slot_is_returned_by_current_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SILENT", 0.05)
    pace = Pace()
    stalled = asyncio.create_task(hold(pace, [], [], 30))
    await asyncio.sleep(0)
    pace.saw_round_trip(0.05)  # another flow shows after this one started that six round trips take 0.3 s
    await asyncio.sleep(0.15)
    assert pace.flows.taken == 1
    await asyncio.sleep(0.3)
    assert pace.flows.taken == 0
    stalled.cancel()
    await asyncio.gather(stalled, return_exceptions=True)
    assert pace.flows.taken == 0


async def test_two_tls_connections_per_address_and_name_are_allowed() -> None:
    pace, running, most = Pace(), 0, 0

    async def flow() -> None:
        nonlocal running, most
        async with pace.tls_slot("192.0.2.1", "a.example"):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1

    await asyncio.gather(*(flow() for _ in range(6)))
    assert most == 2


async def test_timeouts_follow_round_trip_with_minimum() -> None:
    pace = Pace()
    assert (pace.tcp_timeout(), pace.tls_timeout()) == (3.5, 4.0)
    assert (pace.tcp_timeout(confirm=True), pace.tls_timeout(confirm=True)) == (10.0, 10.0)
    assert pace.innocuous_timeout() == 2.0
    for _ in range(8):
        pace.saw_round_trip(0.9)
    assert pace.tcp_timeout() == pytest.approx(5.4)
    assert pace.tls_timeout() == pace.innocuous_timeout() == pytest.approx(7.2)
    for _ in range(40):
        pace.saw_round_trip(30)
    assert pace.tcp_timeout() == 10.0


async def test_flows_get_slots_by_priority_and_cancelled_ones_take_none() -> None:
    pace, order = Pace(), list[str]()

    async def flow(name: str, priority: Priority) -> None:
        async with pace.slot(priority):
            order.append(name)
            await asyncio.sleep(0)

    held = [asyncio.create_task(hold(pace, [], [], 0.05)) for _ in range(8)]
    await asyncio.sleep(0)
    wanted = ("gone", Priority.LATER), ("first", Priority.LATER), ("second", Priority.LATER)
    later = ("further", Priority.FURTHER), ("needed", Priority.NEEDED), ("leading", Priority.LEADING)
    waiting = [asyncio.create_task(flow(*one)) for one in (*wanted, *later)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*held, *waiting, return_exceptions=True)
    assert order == ["leading", "needed", "further", "first", "second"]
    assert pace.flows.taken == 0


def test_longest_queue_of_eight_answers_is_kept() -> None:
    pace = Pace()
    for seconds in [0.5] * 7:
        pace.saw_wait(seconds)
    assert pace.queueing == 0.0
    pace.saw_wait(0.5)
    for _ in range(20):
        pace.saw_wait(0.01)
    assert pace.queueing == 0.5


def test_answers_that_queue_for_few_networks_are_no_queue_of_the_line() -> None:
    pace = Pace()
    for network in ["slowed", "slowed too", "other", *["slowed"] * 20]:
        pace.saw_wait(0.01 if network == "other" else 0.8, network)
        if network == "other":
            quiet = pace.line_queueing
    assert quiet == 0.0
    assert pace.line_queueing == 0.8  # nothing but the slowed network was heard lately, so that the line may be slow


def test_answers_that_queue_for_several_networks_show_a_queue_of_the_line() -> None:
    few, several = Pace(), Pace()
    for number in range(24):
        few.saw_wait(0.01 if number % 4 == 0 else 0.8, "fast" if number % 4 == 0 else "slow")
        several.saw_wait(0.01 if number % 4 == 0 else 0.8, "fast" if number % 4 == 0 else f"slow {number % 4}")
    assert (few.line_queueing, several.line_queueing) == (0.0, 0.8)
    assert few.queueing == 0.8  # silence may be of the slow network's queue


def test_one_slow_answer_is_no_queue() -> None:
    pace = Pace()
    for number in range(40):
        pace.saw_wait(3.0 if number % 5 == 0 else 0.01)
    assert pace.queueing == 0.01

"""Test the queue of a crowded link: how many packets it loses, how long they wait, and in which order they leave."""

import random

import pytest

from probe.lab.censors.kit.crowded_queue import CrowdedQueue

RATE = 50_000 * 125.0  # bytes a second
LONGEST = 0.3  # seconds
SIZE = 1200


def waits(load: float, *, seconds: float = 30.0, gap: float = 0.01, rate: float = RATE) -> list[float | None]:
    """Return how long packets wait that arrive one after another, None for those that are lost."""
    queue = CrowdedQueue(rate, LONGEST, load, random.Random(7))
    return [queue.wait(SIZE, gap * number) for number in range(1, int(seconds / gap))]


@pytest.mark.parametrize("load", [1.1, 1.3, 2.0])
def test_share_of_lost_packets_is_what_the_others_send_too_much(load: float) -> None:
    found = waits(load)[200:]
    assert found.count(None) / len(found) == pytest.approx(1 - 1 / load, abs=0.04)


def test_full_queue_delays_the_packets_that_pass() -> None:
    passed = [wait for wait in waits(1.3)[200:] if wait is not None]
    assert min(passed) > 0.8 * LONGEST and max(passed) <= LONGEST


def test_link_with_room_loses_and_delays_nothing() -> None:
    assert max(wait if wait is not None else 1.0 for wait in waits(0.5)) < 0.01


def test_packets_leave_in_the_order_in_which_they_arrive() -> None:
    left = [0.01 * number + wait for number, wait in enumerate(waits(1.1), 1) if wait is not None]
    assert left == sorted(left)


def test_own_packets_fill_a_narrow_link() -> None:
    found = waits(0.0, rate=SIZE * 50.0, seconds=3.0)  # half of what is sent
    assert found[0] == pytest.approx(0.02, abs=0.002) and found[-1] == pytest.approx(LONGEST, abs=0.05)

"""Test how the helper shares itself between peers: slots for measurements."""

import asyncio
from collections import Counter

import pytest

from probe.helper import client_admission
from probe.helper.client_admission import MeasurementSlots
from probe.helper.query import RequestRefused
from probe.http_server.peers import Client, client_at


class Crowd:
    """Start measurements of peers that end only when they are told to, and count what runs and what was refused."""

    def __init__(self, size: int) -> None:
        self.slots, self.running, self.answers = (
            MeasurementSlots(size),
            Counter[bytes](),
            Counter[tuple[bytes, object]](),
        )
        self._end: list[asyncio.Event] = []
        self.clients: dict[bytes, Client] = {}  # of peers that are in a network with others
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, peer: bytes, count: int = 1) -> list[asyncio.Event]:
        """Start `count` measurements, and return the events that end them. The loop turns until nothing changes."""
        ends = [asyncio.Event() for _ in range(count)]
        self.tasks += [asyncio.create_task(self._one(peer, end)) for end in ends]
        self._end += ends
        await self.settle()
        return ends

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def _one(self, peer: bytes, end: asyncio.Event) -> None:
        async def work() -> str:
            self.running[peer] += 1
            try:
                await end.wait()
            finally:
                self.running[peer] -= 1
            return "answer"

        try:
            self.answers[peer, await self.slots.run(self.clients.get(peer, (peer,)), work)] += 1
        except RequestRefused as refused:
            self.answers[peer, refused.status] += 1

    async def close(self) -> None:
        for end in self._end:
            end.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 10)


async def test_one_peer_may_use_every_slot_while_no_other_waits() -> None:
    crowd = Crowd(16)
    await crowd.ask(b"a", 16)
    assert crowd.running == {b"a": 16}
    await crowd.close()
    assert crowd.answers == {(b"a", "answer"): 16}


async def test_peer_keeps_a_quarter_while_others_wait() -> None:
    crowd = Crowd(16)
    await crowd.ask(b"a", 40)
    for peer in (b"b", b"c", b"d"):
        await crowd.ask(peer, 40)
    assert crowd.running == {b"a": 4, b"b": 4, b"c": 4, b"d": 4}
    assert crowd.answers[b"a", 503] >= 12
    await crowd.close()


async def test_new_peer_is_measured_at_once_whatever_others_hold() -> None:
    crowd = Crowd(8)
    for peer in (b"a", b"b", b"c", b"d"):
        await crowd.ask(peer, 2)
    await crowd.ask(b"new")
    assert crowd.running[b"new"] == 1 and sum(crowd.running.values()) == 8
    await crowd.close()


async def test_only_measurement_of_a_peer_is_never_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_admission, "WAIT_SECONDS", 0.1)
    crowd = Crowd(4)
    for peer in (b"a", b"b", b"c", b"d"):
        await crowd.ask(peer)
    await crowd.ask(b"new")
    await asyncio.sleep(0.2)
    assert crowd.answers == {(b"new", 503): 1} and sum(crowd.running.values()) == 4
    await crowd.close()


@pytest.mark.parametrize("network", ["2001:db8:1:{:x}00::1", "10.1.{}.1"])
async def test_crowd_of_one_network_leaves_slots_for_others(network: str) -> None:
    """Fill the slots and the queue from 96 networks of /56 in one /48, or of /24 in one /16."""
    crowd, peers = Crowd(32), [number.to_bytes(2) for number in range(96)]
    crowd.clients = {peer: client_at(network.format(number)) for number, peer in enumerate(peers)}
    crowd.clients |= {b"new": client_at("192.0.2.7"), b"other": client_at("2001:db8:2::1")}
    for peer in peers:
        await crowd.ask(peer)
    assert sum(crowd.running.values()) == 32
    for new in (b"new", b"other"):
        await crowd.ask(new)
    assert crowd.running[b"new"] == crowd.running[b"other"] == 1 and sum(crowd.running.values()) == 32
    await crowd.close()


async def test_free_slot_goes_to_the_peer_with_the_fewest() -> None:
    crowd = Crowd(4)
    ends = await crowd.ask(b"a", 4)
    await crowd.ask(b"a", 3)
    await crowd.ask(b"b", 1)  # takes one from a
    await crowd.ask(b"b", 1)  # waits
    assert crowd.running == {b"a": 3, b"b": 1}
    ends[0].set()
    await crowd.settle()
    assert crowd.running == {b"a": 2, b"b": 2}
    await crowd.close()


async def test_full_queue_drops_the_newest_of_the_peer_that_waits_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_admission, "MOST_WAITING", 10)
    crowd = Crowd(4)
    for peer in (b"w", b"x", b"y", b"z"):
        await crowd.ask(peer)
    await crowd.ask(b"a", 30)
    assert crowd.answers == {(b"a", 503): 20}
    await crowd.ask(b"new", 2)
    assert crowd.answers == {(b"a", 503): 22}
    await crowd.close()
    assert crowd.answers[b"new", "answer"] == 2


async def test_full_queue_drops_a_waiter_whose_wait_has_just_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_admission, "MOST_WAITING", 4)
    crowd = Crowd(1)
    await crowd.ask(b"w")
    await crowd.ask(b"a", 4)
    (ended := crowd.tasks.pop()).cancel()  # its waiter is cancelled, and the task has not run yet
    waiter = crowd.slots._queue((b"new",))
    await asyncio.wait([ended])
    assert not waiter.done() and waiter.cancel()
    await crowd.close()


async def test_slot_that_is_granted_as_the_wait_ends_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd(1)
    (end,) = await crowd.ask(b"a")
    await crowd.ask(b"b")
    waiter = crowd.tasks[-1]
    end.set()
    while not crowd.answers:
        await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait([waiter])
    await crowd.ask(b"c")
    assert crowd.running[b"c"] == 1
    crowd.tasks.remove(waiter)
    await crowd.close()


async def test_timeout_of_the_measurement_itself_is_passed_on() -> None:
    async def slow() -> str:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
        return "never"

    slots = MeasurementSlots(1)
    with pytest.raises(TimeoutError):
        await slots.run((b"a",), slow)
    with pytest.raises(TimeoutError):  # the slot is free again
        await slots.run((b"a",), slow)

"""Test the step `reflector_call` against the lab's relay, which pairs the two sides, and against relays that do not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.media import LOST, ReflectorCall
from probe.lab.services.reflector import Datagrams
from probe.lab.world.hosts import Host
from probe.steps.calls import reflector_call as step
from probe.steps.calls.reflector_call import reflector_call
from probe.wire.telegram import reflector
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction

PACKETS = 30
SEEN = ("198.51.100.23", 40123)  # the address that a relay reports as ours
Change = Callable[[bytes, int], bytes | None]  # a packet and its number in its direction, to what is passed on


class Relay(Datagrams):
    """Be the lab's relay, which changes or drops what it passes on."""

    def __init__(self, change: Change = lambda raw, number: raw, **host: Any) -> None:
        super().__init__(None, Host([], [], **host))  # type: ignore[arg-type]
        self.change, self.counts = change, {reflector.CALLER: 0, reflector.CALLEE: 0}

    def _pass_on(self, transport: Any, data: bytes) -> None:
        side: Any = data[0]
        number, self.counts[side] = self.counts[side], self.counts[side] + 1
        if (changed := self.change(data, number)) is not None:
            super()._pass_on(transport, changed)


async def called(relay: Relay, seconds: float = PACKETS * step.INTERVAL) -> ReflectorCall:
    """Make a call through a relay on loopback, and return its entry, which holds no address but the relay's."""
    take = relay.datagram_received

    def behave(asked: Asked) -> None:
        if relay._transport is None:
            relay.connection_made(asked.transport)
        take(asked.query, asked.client)  # type: ignore[arg-type]

    async with udp_server(behave) as server, a_transaction() as bench:
        await reflector_call(bench.tx, "127.0.0.1", server.port, pace=bench.pace, seconds=seconds, setup=0.8)
    (entry,) = bench.tx.entries
    assert isinstance(entry, ReflectorCall) and entry.address == f"127.0.0.1:{server.port}"
    assert len(entry.forth) == len(entry.back) == entry.sent and not bench.trace.bugs
    return entry


async def test_relay_that_pairs_passes_every_packet_both_ways() -> None:
    entry = await called(Relay())
    assert (entry.failure, entry.ready, entry.paired, entry.sent, entry.foreign) == (None, 2, True, PACKETS, 0)
    assert all(0 <= delay < 2000 for delay in entry.forth + entry.back)


async def test_lost_packets_are_named_by_their_numbers() -> None:
    def drop(raw: bytes, number: int) -> bytes | None:
        return None if raw[0] == reflector.CALLER and number % 3 == 1 else raw

    entry = await called(Relay(drop))
    assert [at for at, delay in enumerate(entry.forth) if delay == LOST] == list(range(1, PACKETS, 3))
    assert LOST not in entry.back and entry.failure is None and entry.paired


async def test_changed_packet_has_not_arrived() -> None:
    def spoil(raw: bytes, number: int) -> bytes:
        return raw[:-1] + bytes([raw[-1] ^ 1]) if number == 7 else raw

    entry = await called(Relay(spoil))
    assert (
        [at for at, delay in enumerate(entry.forth) if delay == LOST]
        == [7]
        == [at for at, delay in enumerate(entry.back) if delay == LOST]
    )
    assert entry.foreign == 2


async def test_relay_that_pairs_no_strangers_is_no_failure_and_gets_few_packets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step, "UNPAIRED", 5)
    entry = await called(Relay(lambda raw, number: None))
    assert (entry.failure, entry.ready, entry.paired, entry.sent) == (None, 2, False, 5)
    assert set(entry.forth + entry.back) == {LOST}


async def test_relay_of_registered_clients_answers_neither_side() -> None:
    entry = await called(Relay(registered_only=("udp",)))
    assert (entry.failure, entry.ready, entry.paired, entry.sent) == (f.TIMEOUT, 0, False, 0)


async def test_relay_that_answers_one_side_is_a_failure() -> None:
    class OneSided(Relay):
        def datagram_received(self, data: bytes, sender: Any) -> None:
            if data[0] == reflector.CALLER:
                super().datagram_received(data, sender)

    entry = await called(OneSided())
    assert (entry.failure, entry.ready, entry.sent) == (f.TIMEOUT, 1, 0)


async def test_closed_port_is_refused() -> None:
    async with udp_server(lambda asked: None) as server:
        port = server.port
    async with a_transaction() as bench:
        await reflector_call(bench.tx, "127.0.0.1", port, pace=bench.pace, seconds=0.1, setup=0.8)
    (entry,) = bench.tx.entries
    assert isinstance(entry, ReflectorCall) and (entry.failure, entry.ready) == (f.REFUSED, 0)


async def test_packets_of_others_count_and_keep_no_address() -> None:
    """Check with a relay that sends the answers of another call, and our address in its own, that neither is kept."""

    def behave(asked: Asked) -> None:
        tag = asked.query[: reflector.TAG]
        asked.send(reflector.self_info(bytes(16), *SEEN, 1))
        asked.send(b"198.51.100.23")
        if reflector.is_hello(asked.query):
            asked.send(reflector.self_info(tag, *SEEN, 1))

    async with udp_server(behave) as server, a_transaction() as bench:
        await reflector_call(bench.tx, "127.0.0.1", server.port, pace=bench.pace, seconds=0.1, setup=0.8)
    (entry,) = bench.tx.entries
    assert isinstance(entry, ReflectorCall) and (entry.ready, entry.paired) == (2, False)
    assert entry.foreign >= 4 and "198.51" not in json.dumps(entry.model_dump(mode="json"))


async def test_answers_to_another_call_are_no_answers() -> None:
    def behave(asked: Asked) -> None:
        asked.send(reflector.self_info(b"\2" + asked.query[1 : reflector.TAG], *SEEN, 1))

    async with udp_server(behave) as server, a_transaction() as bench:
        await reflector_call(bench.tx, "127.0.0.1", server.port, pace=bench.pace, seconds=0.1, setup=0.8)
    (entry,) = bench.tx.entries
    assert isinstance(entry, ReflectorCall) and (entry.failure, entry.ready) == (f.TIMEOUT, 0) and entry.foreign == 4

"""Test packets with TTL 1 on loopback, where this computer answers all of them itself."""

import asyncio
import socket

import pytest

from probe.formats.exchanges.near_reactions import NearReaction
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.path import near_reaction as module
from probe.steps.path.near_reaction import near_reaction


async def sent(
    ip: str, port: int, neutral: tuple[str, int], *, bursts: int = 0, transport: str = "tcp"
) -> NearReaction:
    pace, trace, lock = Pace(), Trace(), asyncio.Lock()

    def turn_for_burst() -> asyncio.Lock | None:
        return lock if bursts else None

    async with trace.transaction(TransactionFacts("followup", followup="near_reaction")) as tx:
        return await near_reaction(
            tx, ip, port, "udp" if transport == "udp" else "tcp", neutral, pace=pace, turn_for_burst=turn_for_burst
        )


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_own_reset_is_known_when_the_call_returns() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        entry = await sent("127.0.0.1", closed_port(), server.getsockname())
    target = [one for one in entry.packets if one.to == "target"]
    neutral = [one for one in entry.packets if one.to == "neutral"]
    assert {one.outcome for one in target} == {"reset"}
    assert {one.outcome for one in neutral} == {"connected"}
    assert len(neutral) == len(target) + 1
    assert any(one.at_once and (one.seconds or 1.0) < 0.0005 for one in target)  # a busy computer lets few be
    assert entry.datagram_refused is None
    assert entry.burst is None


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_error_of_the_call_is_a_packet_that_was_not_sent(transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        entry = await sent("255.255.255.255", 443, server.getsockname(), transport=transport)
    target = [one for one in entry.packets if one.to == "target"]
    assert [one.outcome for one in target] == ["not_sent"] * 2
    assert {one.failure for one in target} <= {"permission_denied", "network_unreachable"}


async def test_burst_follows_silence_and_counts_for_two_equal_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a full queue of connections swallow the SYNs, and the system's counter go up as beside a filter."""
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    monkeypatch.setattr(module, "WATCHED", 0.05)
    monkeypatch.setattr(module, "REST", 0.01)
    counts = iter([7, 8, 30])
    monkeypatch.setattr(module, "unsent_repetitions", lambda: next(counts))
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        await asyncio.sleep(0.05)
        entry = await sent(*full.getsockname(), full.getsockname(), bursts=1)
    assert {one.outcome for one in entry.packets} == {"silent"}
    assert [one.to for one in entry.packets] == ["neutral", *["target", "neutral"] * 3]
    assert (entry.beside_not_sent, entry.burst_not_sent, entry.burst_answered) == (1, 22, 0)
    assert module.LEAST_BURST <= (entry.burst or 0) <= module.MOST_BURST


async def test_system_without_the_counter_makes_no_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "unsent_repetitions", lambda: None)
    entry = NearReaction(address="192.0.2.1:443", transport="tcp")
    await module._send_burst(entry, "192.0.2.1", 443, Pace())
    assert entry.burst is None

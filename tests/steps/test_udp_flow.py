"""Test a UDP flow: retransmissions on a schedule, the first answer to it, named ICMP errors, nothing left behind."""

import asyncio
import gc
import itertools
import os
import socket
import time
from collections.abc import Callable

import pytest

from probe.formats.exchanges.calls import UDPEcho
from probe.session.pacing import Pace
from probe.steps.first_bytes import FIRST_BYTES
from probe.steps.udp_flow import UDPFlow, doubling, udp_flow
from tests.support.loop_clock import LoopClock
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction

QUICK = (0.0, 0.05, 0.15, 0.35)


def is_pong(raw: bytes) -> bool:
    return raw.startswith(b"pong")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def closed_port(ip: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((ip, 0))
        return int(sock.getsockname()[1])


async def ask(behave: Callable[[Asked], None], offsets: tuple[float, ...] = QUICK) -> tuple[UDPFlow, bytes]:
    async with udp_server(behave) as server, asyncio.timeout(2):
        with udp_flow("127.0.0.1", server.port, Pace()) as flow:
            return flow, await flow.ask(b"ping", offsets, is_pong)


async def test_answer_is_returned_and_timed() -> None:
    pace = Pace()
    async with udp_server(lambda asked: asked.send(b"pong!", after=0.05)) as server:
        with udp_flow("127.0.0.1", server.port, pace) as flow:
            assert flow.local[0] == "127.0.0.1"
            assert await flow.ask(b"ping", (0.0, 5.0), is_pong) == b"pong!"
    assert (flow.sent, flow.foreign, flow.first_foreign) == (1, 0, None)
    assert flow.round_trip is not None and 0.04 < flow.round_trip < 0.5
    assert (pace.bytes_sent, pace.bytes_received) == (4, 5)


async def test_datagram_is_repeated_on_schedule_from_same_port() -> None:
    received: list[tuple[float, bytes, object]] = []

    def behave(asked: Asked) -> None:
        received.append((time.monotonic(), asked.query, asked.client))
        if asked.number == 3:
            asked.send(b"pong")

    flow, _ = await ask(behave)
    assert flow.sent == 3
    assert {query for _, query, _ in received} == {b"ping"} and len({client for _, _, client in received}) == 1
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(received)]
    assert gaps == [pytest.approx(0.05, abs=0.04), pytest.approx(0.1, abs=0.04)]


async def test_round_trip_starts_at_last_repetition() -> None:
    flow, _ = await ask(lambda asked: asked.send(b"pong") if asked.number == 4 else None)
    assert flow.sent == 4
    assert flow.round_trip is not None and flow.round_trip < 0.1


async def test_foreign_datagrams_are_counted_and_first_is_kept() -> None:
    def behave(asked: Asked) -> None:
        asked.send(b"x" * 100)
        asked.send(b"yyy")
        asked.send(b"pong", after=0.02)

    flow, answer = await ask(behave)
    assert answer == b"pong"
    assert (flow.foreign, flow.first_foreign) == (2, b"x" * FIRST_BYTES)


async def test_empty_datagram_is_foreign() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with udp_flow("127.0.0.1", server.getsockname()[1], Pace()) as flow:
            server.sendto(b"", flow.local)
            server.sendto(b"pong", flow.local)
            assert await flow.ask(b"ping", QUICK, is_pong) == b"pong"
    assert (flow.foreign, flow.first_foreign) == (1, b"")


async def test_provisional_answer_is_not_foreign_and_waiting_continues() -> None:
    def behave(asked: Asked) -> None:
        asked.send(b"100 trying")
        asked.send(b"pong", after=0.02)

    async with udp_server(behave) as server:
        with udp_flow("127.0.0.1", server.port, Pace()) as flow:
            answer = await flow.ask(b"ping", (0.0,), lambda raw: None if raw.startswith(b"100") else is_pong(raw))
    assert (answer, flow.foreign) == (b"pong", 0)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_closed_port_is_connection_refused(ip: str) -> None:
    clock = LoopClock()
    with udp_flow(ip, closed_port(ip), Pace()) as flow, pytest.raises(ConnectionRefusedError):
        await flow.ask(b"ping", QUICK, is_pong)
    assert await clock.stop() < 0.5 and flow.sent == 1


async def test_failures_are_named_by_step() -> None:
    async def fail(ip: str, port: int) -> str | None:
        entry = UDPEcho(port=port, payload="other", size=4)
        async with a_transaction() as bench, bench.tx.step(entry, 0.3):
            with udp_flow(ip, port, bench.pace) as flow:
                await flow.ask(b"ping", QUICK, is_pong)
        return entry.failure

    async with udp_server(lambda asked: None) as server:
        assert await fail("127.0.0.1", server.port) == "generic_timeout_error"
    assert await fail("127.0.0.1", closed_port()) == "connection_refused"
    assert await fail("255.255.255.255", 9) in {"permission_denied", "network_unreachable"}


async def test_icmp_error_is_raised_in_waiting_task() -> None:
    with udp_flow("127.0.0.1", closed_port(), Pace()) as flow:
        asking = asyncio.create_task(flow.ask(b"ping", (), is_pong))
        await asyncio.sleep(0)
        flow._refused(OSError(113, "ICMP"))
        flow._refused(OSError(111, "ICMP"))  # the first counts
        with pytest.raises(OSError, match="113"):
            await asking


async def test_error_in_predicate_is_raised() -> None:
    def breaks(raw: bytes) -> bool:
        raise ZeroDivisionError

    async with udp_server(lambda asked: asked.send(b"pong")) as server:
        with udp_flow("127.0.0.1", server.port, Pace()) as flow, pytest.raises(ZeroDivisionError):
            await flow.ask(b"ping", QUICK, breaks)


async def test_silence_ends_at_deadline_and_leaves_nothing_open() -> None:
    async with udp_server(lambda asked: None) as server:
        before = descriptors()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                with udp_flow("127.0.0.1", server.port, Pace()) as flow:
                    await flow.ask(b"ping", (0.0, 0.1), is_pong)
        assert flow.sent == 2
        assert descriptors() == before


async def test_cancelled_flow_leaves_no_socket_and_no_reader() -> None:
    async def run_flow(port: int) -> None:
        with udp_flow("127.0.0.1", port, Pace()) as flow:
            opened.append(flow)
            await flow.ask(b"ping", QUICK, is_pong)

    opened: list[UDPFlow] = []
    async with udp_server(lambda asked: None) as server:
        before = descriptors()
        asking = asyncio.create_task(run_flow(server.port))
        await asyncio.sleep(0.02)
        assert descriptors() == before + 1
        descriptor = opened[0]._sock.fileno()
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled() and descriptors() == before
        assert not asyncio.get_running_loop().remove_reader(descriptor)
        opened[0].close()


async def test_error_without_waiting_task_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    def use() -> None:
        with udp_flow("127.0.0.1", closed_port(), Pace()) as flow:
            flow._refused(OSError(111, "ICMP"))

    use()
    gc.collect()
    assert caplog.records == []


def test_intervals_double_up_to_limit() -> None:
    assert list(doubling(0.5, 4.0, 20.0)) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    assert list(doubling(0.5, 4.0, 3.5)) == [0.0, 0.5, 1.5]

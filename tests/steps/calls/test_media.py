"""Test the step `media_flow` against the helper's reflector, through a proxy whose drops and delays are known."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probe.analysis.statistics.flow_limits import permanent_gap
from probe.analysis.statistics.media_flow import delay_change, longest_gap, loss
from probe.analysis.statistics.recorded_flow import directions
from probe.formats import failures as f
from probe.formats.call_kinds import AppShape
from probe.formats.exchanges.media import LOST, NO_TIME, NOT_KNOWN, MediaFlow
from probe.helper.media.media_reflector import Media
from probe.platforms.sockets.datagram_sockets import ask_for_arrival, receive_late
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.calls import media as step
from probe.steps.calls.media import media_flow, media_pair
from probe.wire.media.sealed_payload import SealedFields, seal
from probe.wire.media.shapes import APP_SHAPES, SHAPES, ShapeName
from probe.wire.telegram.reflector import is_hello
from tests.steps.calls.lossy_proxy import Proxy, proxy_to
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction

PACKETS = 100
SECONDS = PACKETS * step.INTERVAL
EVERY = pytest.mark.parametrize("shape", SHAPES)


@asynccontextmanager
async def reflecting() -> AsyncIterator[Media]:
    media = Media(0)
    await media.open("127.0.0.1")
    try:
        yield media
    finally:
        media.close()


async def measured(shape: ShapeName = "rtp", seconds: float = SECONDS, **fates: Any) -> tuple[MediaFlow, Proxy]:
    """Measure a flow through a proxy with these fates. Return the entry, and the proxy with its truth."""
    async with reflecting() as media, proxy_to(media.port, **fates) as proxy, a_transaction() as bench:
        token = bytes.fromhex(media.offer()["token"])
        await media_flow(bench.tx, "127.0.0.1", proxy.port, token, shape, pace=bench.pace, seconds=seconds)
    (entry,) = bench.tx.entries
    assert isinstance(entry, MediaFlow) and "127.0.0.1" not in entry.model_dump_json()
    assert len(entry.late) == len(entry.forth) == len(entry.back) == entry.sent
    return entry, proxy


def lost(values: list[int], code: int = LOST) -> list[int]:
    return [number for number, value in enumerate(values) if value == code]


@EVERY
async def test_clean_flow_returns_every_packet(shape: ShapeName) -> None:
    entry, proxy = await measured(shape)
    assert (entry.failure, entry.established, entry.shape) == (None, True, shape)
    assert entry.sent == entry.reached == entry.returned == PACKETS == proxy.seen["back"]
    assert (entry.copies, entry.refused, entry.foreign) == (0, 0, 0)
    assert min(entry.forth) == min(entry.back) == 0 and min(entry.late) >= 0
    assert entry.round_trip is not None and entry.round_trip < 1.0


@EVERY
async def test_losses_of_both_directions_are_those_of_the_proxy(shape: ShapeName) -> None:
    """Drop every seventh packet to the helper, and every fifth reflected one. The last packet comes back."""
    drops_forth = lambda number: None if number % 7 == 3 else 0.0  # noqa: E731
    drops_back = lambda number: None if number % 5 == 1 else 0.0  # noqa: E731
    entry, proxy = await measured(shape, forth=drops_forth, back=drops_back)
    arrived = [number for number in range(PACKETS) if number not in proxy.dropped["forth"]]
    lost_back = [arrived[place] for place in proxy.dropped["back"]]
    last = max(set(arrived) - set(lost_back))
    assert lost(entry.forth) == [number for number in proxy.dropped["forth"] if number < last]
    assert lost(entry.back) == lost(entry.forth, NO_TIME) == [number for number in lost_back if number < last]
    assert entry.returned == len(arrived) - len(lost_back) and entry.failure is None
    forth, back, both = directions(entry.late, entry.forth, entry.back, entry.interval)
    assert loss(forth).value == pytest.approx(len(lost(entry.forth)) / len(forth.sent))
    assert loss(back).value == pytest.approx(len(lost(entry.back)) / len(back.sent))
    assert both.lost.bit_count() == PACKETS - entry.returned and len(forth.sent) == last + 1


async def test_cutoff_is_found_at_the_proxys_packet() -> None:
    entry, _ = await measured(seconds=4.0, forth=lambda number: None if number >= 80 else 0.0)
    assert entry.failure is None and (entry.sent, entry.reached, entry.returned) == (200, 80, 80)
    assert set(entry.forth[80:]) == set(entry.back[80:]) == {NOT_KNOWN}
    found = permanent_gap(directions(entry.late, entry.forth, entry.back, entry.interval).both)
    assert found is not None and found.first == 80


@pytest.mark.parametrize(
    ("fates", "answered"),
    [
        ({}, (None, None)),
        ({"forth": lambda number: None if number >= 80 else 0.0}, (True, True)),  # a router that forgot the flow
        ({"frozen_after": 80}, (False, True)),
        ({"frozen_after": 150}, (None, None)),  # too near to the end
    ],
)
async def test_helper_is_asked_again_after_a_flow_that_stopped(
    fates: dict[str, Any], answered: tuple[bool | None, bool | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "HANDSHAKE", 0.8)
    entry, _ = await measured(seconds=4.0, **fates)
    assert (entry.same_port_answered, entry.new_port_answered) == answered
    assert entry.failure is None and entry.returned in {200, 80, 150}


async def test_outage_at_the_end_answers_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "HANDSHAKE", 0.8)
    async with reflecting() as media, proxy_to(media.port) as proxy, a_transaction() as bench:
        asyncio.get_running_loop().call_later(1.5, proxy.there.socket.close)
        token = bytes.fromhex(media.offer()["token"])
        await media_flow(bench.tx, "127.0.0.1", proxy.port, token, "rtp", pace=bench.pace, seconds=4.0)
    (entry,) = bench.tx.entries
    assert isinstance(entry, MediaFlow) and 0 < entry.returned < 100
    assert (entry.same_port_answered, entry.new_port_answered) == (False, False)


async def test_delay_of_one_direction_is_seen_there() -> None:
    """Delay the second half of the packets to the helper by 80 ms."""
    entry, _ = await measured(forth=lambda number: 0.08 if number >= 50 else 0.0)
    forth, back, _ = directions(entry.late, entry.forth, entry.back, entry.interval)
    there, here = delay_change(forth), delay_change(back)
    assert there is not None and here is not None
    assert 0.06 < there.value < 0.12 and abs(here.value) < 0.04 and longest_gap(forth) is None


async def test_copies_are_counted() -> None:
    entry, _ = await measured(seconds=0.4, copies=2)
    assert (entry.returned, entry.copies) == (20, 20)


async def test_nothing_back_is_a_timeout_after_the_flow() -> None:
    entry, _ = await measured(seconds=0.4, back=lambda number: None)
    assert (entry.failure, entry.established, entry.sent, entry.returned) == (f.TIMEOUT, True, 20, 0)
    assert set(entry.forth) == set(entry.back) == {NOT_KNOWN}


async def test_helper_that_does_not_answer_is_a_timeout_before_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "HANDSHAKE", 0.4)
    async with reflecting() as media, a_transaction() as bench:
        await media_flow(bench.tx, "127.0.0.1", media.port, bytes(12), "rtp", pace=Pace())
    (entry,) = bench.tx.entries
    assert isinstance(entry, MediaFlow)
    assert (entry.failure, entry.established, entry.sent) == (f.TIMEOUT, False, 0)


async def test_closed_port_is_connection_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    async with a_transaction() as bench:
        await media_flow(bench.tx, "127.0.0.1", port, bytes(12), "rtp", pace=Pace())
    assert bench.tx.record.failure == f.REFUSED


async def test_helper_without_a_place_is_a_local_failure() -> None:
    async with reflecting() as media, a_transaction() as bench:
        token = bytes.fromhex(media.offer()["token"])
        for port in range(8):
            assert media.reflector.flows.open(("127.0.0.1", port), token, SHAPES["rtp"])
        await media_flow(bench.tx, "127.0.0.1", media.port, token, "rtp", pace=Pace())
    assert bench.tx.record.failure == f.HELPER_BUSY and f.is_local(f.HELPER_BUSY)


async def test_late_packet_has_its_true_time() -> None:
    """Block this process for 0.2 s during the flow. Packets are sent late, and their delay is that of the network."""
    asyncio.get_running_loop().call_later(0.5, time.sleep, 0.2)
    entry, _ = await measured(seconds=1.0)
    assert max(entry.late) > 1000 and entry.returned == 50
    assert entry.late[0] < 500


async def until_arrivals_are_told(server: socket.socket) -> None:
    """Wait until the kernel notes times of arrival, which it begins a little after the first socket asked for them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(server.getsockname())
        ask_for_arrival(sock)
        for _ in range(100):
            server.sendto(b"text", sock.getsockname())
            await asyncio.sleep(0.05)
            if receive_late(sock)[2] > 0.04:
                return


async def test_packet_that_is_read_late_has_its_true_time() -> None:
    """Let packets come back while this process is blocked. A thread sends them, and their delay stays small."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        await until_arrivals_are_told(server)
        flow = step._Socket("127.0.0.1", server.getsockname()[1], Pace(), SHAPES["rtp"], bytes(12))
        flow.record.begin(began := flow._loop.time())
        flow.record.sent(began)
        packet = SHAPES["rtp"](bytes(12), "back").write_packet(0, seal(SealedFields(0, 0, seen=1), bytes(12), "back"))
        server.sendto(packet, flow.local)
        time.sleep(0.3)
        await asyncio.sleep(0.1)
        flow.close()
    entry = MediaFlow(port=1, shape="rtp", size=160, interval=0.02)
    flow.record.write_to(entry)
    assert entry.returned == 1 and entry.round_trip is not None and entry.round_trip < 0.2


@pytest.mark.parametrize("shape", APP_SHAPES)
async def test_pair_runs_side_by_side_and_is_counted(shape: AppShape) -> None:
    """Check that both flows overlap, have drawn ranks, and that their bytes are in `pace`."""
    trace, pace = Trace(), Pace()
    async with reflecting() as media:
        token = bytes.fromhex(media.offer()["token"])
        about: dict[str, Any] = {"pace": pace, "shape": shape, "pair": 2, "seconds": 1.0}
        await media_pair(trace, TransactionFacts("followup"), "127.0.0.1", media.port, token, **about)
    assert trace.bugs == [] and [each.failure for each in trace.transactions] == [None, None]
    entries = [entry for entry in trace.entries if isinstance(entry, MediaFlow)]
    assert {entry.shape for entry in entries} == {shape, "opaque"} and {entry.rank for entry in entries} == {0, 1}
    assert {entry.pair for entry in entries} == {2}
    followups = {each.transaction_id: each.followup for each in trace.transactions}
    assert {entry.shape: followups[entry.transaction_id] for entry in entries} == {
        shape: "media_shape",
        "opaque": "media_opaque",
    }
    assert max(entry.t0 for entry in entries) < min(entry.t for entry in entries) - 0.9
    assert 2 * 50 * 160 < pace.bytes_sent < 2 * 50 * 160 + 1200 and pace.bytes_received > 2 * 50 * 160


def test_standard_pair_keeps_its_budget() -> None:
    """Check 400 kB with the headers of IP and UDP, and 12 s."""
    packets, requests = step.SECONDS / step.INTERVAL, 8 + step.SECONDS / step.CONSENT
    payload = 2 * (2 * packets * step.PACKET + requests * (100 + 64))
    assert payload + 2 * 2 * (packets + requests) * 28 < 400_000
    assert step.HANDSHAKE + step.SECONDS + step.TAIL <= 12.0


async def test_call_over_a_relay_begins_with_a_hello_and_the_other_flow_with_as_many_bytes() -> None:
    """Check the first datagram of both flows, which the helper does not answer. Other shapes have no such datagram."""
    token = bytes(range(12))
    for shape, size in (("reflector", 40), ("rtp", 100), ("whatsapp", 100)):
        first: dict[tuple[object, ...], bytes] = {}

        def remember(asked: Asked, first: dict[tuple[object, ...], bytes] = first) -> None:
            first.setdefault(asked.client, asked.query)

        async with udp_server(remember) as server:
            about: dict[str, Any] = {"pace": Pace(), "shape": shape, "seconds": 0.1}
            await media_pair(Trace(), TransactionFacts("followup"), "127.0.0.1", server.port, token, **about)
        assert sorted(map(len, first.values())) == [size, size]
        assert sum(map(is_hello, first.values())) == (size == 40)

"""Test the step `resolve` over UDP: every datagram is recorded, whatever it is and whenever it arrives."""

import asyncio
import base64
import os
import socket
import time

import dns.edns
import dns.message
import pytest

from probe.session.pacing import TRIGGERS_STANDARD
from probe.steps.dns import dns as step
from probe.steps.dns.dns import query_udp
from probe.steps.dns.udp_listener import UDPListener
from tests.support.loop_clock import LoopClock
from tests.support.servers.dns import NAME, Asked, a_good_transaction, addresses_of, answer_to, entry_of, udp_server
from tests.support.servers.loopback import a_transaction

FORGED, TRUE = "192.0.2.1", "198.51.100.2"
LOOP = bytes.fromhex("8180000100010000000003777777c00c00010001c00cc00c00010001")


@pytest.fixture
def short_times(monkeypatch):
    monkeypatch.setattr(step, "_RETRANSMIT_AFTER", 0.1)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(("ip", "kind", "address"), [("127.0.0.1", "A", TRUE), ("::1", "AAAA", "2001:db8::2")])
async def test_answer_is_recorded(ip: str, kind: str, address: str) -> None:
    async with udp_server(lambda asked: asked.answer(address), ip) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, ip, NAME, kind, pace=bench.pace, port=server.port)
        assert addresses_of(entry) == [address]
        assert (entry.failure, entry.rcode, entry.engine, entry.query_type) == (None, None, "udp", kind)
        assert entry.resolver_address == (f"127.0.0.1:{server.port}" if ip == "127.0.0.1" else f"[::1]:{server.port}")
        await bench.trace.finish()
        assert entry.x_responses is not None and entry.x_round_trip is not None and entry.x_listened is not None
        (response,) = entry.x_responses
        assert response.ip_ttl == 64
        assert response.flags == ["QR", "RD", "RA"]
        assert entry.t0 <= response.t <= entry.t + 0.05
        assert base64.b64decode(entry.raw_response or "") == answer_to(server.asked[0].query, address)
        assert 0 < entry.x_round_trip < 0.5 <= entry.x_listened < 1.5
        assert entry.x_sent == 1
        assert bench.pace.bytes_sent == len(server.asked[0].query)
        assert bench.tx.record.steps == ["resolve"]


@pytest.mark.parametrize(("usual", "recorded"), [(64, 64), (0, 64), (255, 128), (60, 68)])
async def test_entry_of_the_users_resolver_has_no_ttl_of_its_own(usual: int, recorded: int) -> None:
    async with udp_server(lambda asked: asked.answer(TRUE)) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port, usual_ttl=usual)
        await bench.trace.finish()
        (response,) = entry.x_responses or []
        assert response.ip_ttl == recorded  # loopback's 64, relative to the usual one
        assert [answer.ttl for answer in (*entry.answers, *response.answers)] == [None, None]
        sent = dns.message.from_wire(answer_to(server.asked[0].query, TRUE))
        for text in (entry.raw_response, response.raw_response):
            kept = dns.message.from_wire(base64.b64decode(text or ""))
            assert kept.answer[0].to_rdataset() == sent.answer[0].to_rdataset()
            assert sent.answer[0].ttl > 0 and [rrset.ttl for rrset in kept.answer] == [0]
        assert [flow.hidden for flow in bench.trace.flows] == [True]


async def test_each_query_has_its_own_id_and_port() -> None:
    async with udp_server(lambda asked: asked.answer(TRUE)) as server, a_good_transaction() as bench:
        for _ in range(3):
            await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port, shown_as="system")
        assert entry_of(bench).resolver_address == "system"
        assert len({asked.client[1] for asked in server.asked}) == 3
        assert len({asked.query[:2] for asked in server.asked}) > 1
        await bench.trace.finish()


async def test_conflicting_answers_are_kept_and_first_counts() -> None:
    def injected(asked: Asked) -> None:
        asked.answer(FORGED)
        asked.answer(FORGED, after=0.05)
        asked.answer(TRUE, after=0.4)

    async with udp_server(injected) as server, a_good_transaction() as bench:
        clock = LoopClock()
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        assert await clock.stop() < 0.35
        assert addresses_of(entry) == [FORGED]
        await bench.trace.finish()
        assert [r.answers[0].ipv4 for r in entry.x_responses or ()] == [FORGED, FORGED, TRUE]
        assert 0.3 < (entry.x_responses or [])[2].t - entry.t < 1.0
        assert addresses_of(entry) == [FORGED]


async def test_listening_after_slow_answer_lasts_three_round_trips() -> None:
    def slow(asked: Asked) -> None:
        asked.answer(FORGED, after=0.3)
        asked.answer(TRUE, after=1.0)

    async with udp_server(slow) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        assert [r.answers[0].ipv4 for r in entry.x_responses or ()] == [FORGED, TRUE]
        assert 1.1 < (entry.x_listened or 0) < 1.6


async def test_answer_after_forged_failure_is_recorded() -> None:
    def injected(asked: Asked) -> None:
        asked.answer(rcode=3)
        asked.answer(TRUE, after=0.2)

    async with udp_server(injected) as server:
        async with a_transaction() as bench:
            await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        entry = entry_of(bench)
        assert (entry.failure, entry.rcode, entry.answers) == ("dns_nxdomain_error", 3, [])
        assert bench.tx.record.failure == "dns_nxdomain_error"
        assert [r.failure for r in entry.x_responses or ()] == ["dns_nxdomain_error", None]


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [(2, "dns_servfail_error"), (5, "dns_refused_error"), (4, "dns_server_misbehaving"), (0, "dns_no_answer")],
)
async def test_error_codes_have_their_failures(rcode: int, failure: str) -> None:
    async with udp_server(lambda asked: asked.answer(rcode=rcode)) as server:
        async with a_transaction() as bench:
            await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        assert (entry_of(bench).failure, entry_of(bench).rcode) == (failure, rcode or None)


async def test_invalid_datagrams_are_kept_and_waiting_continues() -> None:
    def send_invalid_datagrams(asked: Asked) -> None:
        for raw in (b"\1\2\3", b"\0", b"HTTP/1.1 400\r\n\r\n", asked.query, asked.query[:2] + LOOP, os.urandom(600)):
            asked.send(raw)
        asked.send(b"\xff\xff" + answer_to(asked.query, FORGED)[2:])
        asked.answer(TRUE, after=0.05)

    async with udp_server(send_invalid_datagrams) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        assert addresses_of(entry) == [TRUE]
        await bench.trace.finish()
        failures = [r.failure for r in entry.x_responses or ()]
        assert failures[:5] == ["dns_server_misbehaving"] * 5
        assert failures[6:] == ["dns_reply_with_wrong_query_id", None]


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (lambda q: q[:2] + LOOP, "dns_server_misbehaving"),
        (lambda q: b"\xff\xff" + answer_to(q, TRUE)[2:], "dns_reply_with_wrong_query_id"),
        (lambda q: None, "generic_timeout_error"),
    ],
)
async def test_query_without_valid_answer_fails_in_time(raw, failure: str) -> None:
    def behave(asked: Asked) -> None:
        if (datagram := raw(asked.query)) is not None:
            asked.send(datagram)

    async with udp_server(behave) as server:
        async with a_transaction() as bench:
            began = time.monotonic()
            await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port, timeout=0.3)
        assert 0.25 < time.monotonic() - began < 1.5
        entry = entry_of(bench)
        assert (entry.failure, bench.tx.record.failure) == (failure, failure)
        assert 0.25 < (entry.x_listened or 0) < 1.5


async def test_query_is_repeated_once_with_same_id_and_port(short_times) -> None:
    def answer_second_query(asked: Asked) -> None:
        if asked.number == 2:
            asked.answer(TRUE)

    async with udp_server(answer_second_query) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        assert (addresses_of(entry), entry.x_sent) == ([TRUE], 2)
        first, second = server.asked
        assert (first.query, first.client) == (second.query, second.client)


async def test_query_without_permission_or_budget_is_not_repeated(short_times) -> None:
    async with udp_server(lambda asked: None) as server:
        for retransmit, spent, sent in ((False, 0, 1), (True, TRIGGERS_STANDARD, 1), (True, TRIGGERS_STANDARD - 1, 2)):
            async with a_transaction() as bench:
                bench.tx.record.trigger, bench.tx.record.sent_name = True, NAME
                for _ in range(spent):
                    bench.pace.spend_trigger(NAME, "127.0.0.1", "udp", server.port)
                await query_udp(
                    bench.tx,
                    "127.0.0.1",
                    NAME,
                    "A",
                    pace=bench.pace,
                    port=server.port,
                    timeout=0.6,
                    retransmit=retransmit,
                )
            assert entry_of(bench).x_sent == sent
            assert entry_of(bench).failure == "generic_timeout_error"
            assert bench.pace.triggers == spent + sent - 1


@pytest.mark.parametrize(("ip", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
async def test_closed_port_fails_at_once(ip: str, family: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((ip, 0))
        port = sock.getsockname()[1]
    async with a_transaction() as bench:
        clock = LoopClock()
        await query_udp(bench.tx, ip, NAME, "A", pace=bench.pace, port=port)
    assert entry_of(bench).failure == "connection_refused"
    assert await clock.stop() < 0.5
    before = descriptors()
    await bench.trace.finish()
    assert descriptors() == before - 1
    assert (entry_of(bench).x_listened or 0) >= 0.5


async def test_icmp_error_keeps_event_loop_idle(monkeypatch) -> None:
    wakened = []
    readable = UDPListener._readable
    monkeypatch.setattr(UDPListener, "_readable", lambda self: (wakened.append(1), readable(self)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    async with a_transaction() as bench:
        await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=port)
    await bench.trace.finish()
    assert entry_of(bench).failure == "connection_refused"
    assert 1 <= len(wakened) < 5


async def test_unreachable_network_has_its_failure() -> None:
    async with a_transaction() as bench:
        await query_udp(bench.tx, "255.255.255.255", NAME, "A", pace=bench.pace)
    assert entry_of(bench).failure in {"permission_denied", "network_unreachable"}


async def test_flood_is_kept_in_part() -> None:
    def flood(asked: Asked) -> None:
        for _ in range(300):
            asked.answer(FORGED)

    async with udp_server(flood) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        assert len(entry.x_responses or ()) == 64


async def test_cancelled_query_leaves_no_socket() -> None:
    async with udp_server(lambda asked: None) as server:
        before = descriptors()
        async with a_transaction() as bench:
            asking = asyncio.create_task(query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port))
            await asyncio.sleep(0.1)
            assert descriptors() == before + 1
            asking.cancel()
            await asyncio.wait([asking])
            assert entry_of(bench).failure == "interrupted"
            assert descriptors() == before


async def test_finish_with_short_patience_ends_listening() -> None:
    async with udp_server(lambda asked: asked.answer(TRUE)) as server, a_good_transaction() as bench:
        before = descriptors()
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish(patience=0.05)
        assert descriptors() == before
        assert 0 < (entry.x_listened or 0) < 0.4


async def test_options_that_identify_user_are_removed() -> None:
    def send_identifying_options(asked: Asked) -> None:
        message = dns.message.from_wire(answer_to(asked.query, TRUE))
        message.use_edns(0, options=[dns.edns.ECSOption("93.184.216.34", 32), dns.edns.NSIDOption(b"near-you")])
        asked.send(message.to_wire())

    async with udp_server(send_identifying_options) as server, a_good_transaction() as bench:
        entry = await query_udp(bench.tx, "127.0.0.1", NAME, "A", pace=bench.pace, port=server.port)
        await bench.trace.finish()
        for kept in (entry.raw_response, (entry.x_responses or [])[0].raw_response):
            raw = base64.b64decode(kept or "")
            assert bytes([93, 184, 216]) not in raw and b"near-you" not in raw and len(raw) > 40

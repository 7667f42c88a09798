"""Test a whole call to our helper: what is recorded, and that our own address leaves in no payload."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.media import SIPCall
from probe.helper.calls import sip_user_agent
from probe.helper.calls.sip_ports import SIPPorts
from probe.http_server.client_shares import PortKind
from probe.steps.calls import sip_call as step
from probe.steps.calls.sip_call import sip_call
from probe.steps.udp_socket import UDPSocket
from probe.wire.sip.response import build_response
from probe.wire.sip.sdp import write_answer
from probe.wire.sip.sip_message import SIPMessage, read_message
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction

SECONDS = 0.4  # 20 packets


@asynccontextmanager
async def a_helper(host: str = "127.0.0.1") -> AsyncIterator[SIPPorts]:
    ports = SIPPorts(0)
    await ports.open(host)
    try:
        yield ports
    finally:
        ports.close()


async def called(port: int, callee: str, ip: str = "127.0.0.1", **more: Any) -> SIPCall:
    async with a_transaction() as bench:
        await sip_call(bench.tx, ip, port, callee, pace=bench.pace, **{"seconds": SECONDS, **more})
    (entry,) = bench.tx.entries
    assert isinstance(entry, SIPCall) and ip not in entry.model_dump_json() and not bench.trace.bugs
    return entry


def asked(server: Callable[[SIPMessage, Asked], None]) -> Callable[[Asked], None]:
    return lambda query: server(read_message(query.query), query)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_call_to_our_helper_is_complete(ip: str) -> None:
    async with a_helper(ip) as ports:
        entry = await called(ports.port, ports.offer()["token"], ip)
    assert (entry.failure, entry.code, entry.provisional, entry.encoding) == (None, 200, [180], "opus")
    assert entry.rang is not None and entry.answered is not None and entry.rang < entry.answered < 3.0
    assert (entry.sent, entry.returned, entry.received) == (20, 20, 0)
    assert entry.round_trip is not None and entry.first_packet is not None and entry.longest_gap is not None
    assert (entry.bye_code, entry.ended_by_peer, entry.cancelled, entry.foreign) == (200, False, False, 0)
    assert entry.bye_time is not None and not entry.elsewhere


async def test_no_payload_holds_our_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every datagram that leaves, with a made-up LAN address as the socket's own."""
    sent: list[bytes] = []
    original = UDPSocket._send
    monkeypatch.setattr(UDPSocket, "local", property(lambda sock: ("192.168.77.23", sock._sock.getsockname()[1])))

    def send(sock: UDPSocket, raw: bytes) -> None:
        sent.append(raw)
        original(sock, raw)

    monkeypatch.setattr(UDPSocket, "_send", send)
    async with a_helper() as ports:
        await called(ports.port, ports.offer()["token"])
    signalling = [raw for raw in sent if raw[:1].isalpha()]
    assert [raw.split()[0] for raw in signalling] == [b"INVITE", b"ACK", b"BYE"] and len(sent) == 23
    for hidden in (b"192.168.77.23", b"192.168.", socket.gethostname().encode() + b"@"):
        assert all(hidden not in raw for raw in sent)
    assert b"c=IN IP4 192.0.2.1\r\n" in signalling[0] and b"o=- " in signalling[0]


async def test_unknown_token_is_a_timeout() -> None:
    async with a_helper() as ports:
        entry = await called(ports.port, "ab" * 12, setup=0.7)
    assert (entry.failure, entry.code, entry.invites, entry.sent) == (f.TIMEOUT, 0, 2, 0)


async def test_helper_without_a_place_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_user_agent, "SIP_CALLS", PortKind(0, 0))
    async with a_helper() as ports:
        entry = await called(ports.port, ports.offer()["token"])
    assert (entry.failure, entry.code) == (f.HELPER_BUSY, 486)


async def test_closed_port_is_connection_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert (await called(port, "x")).failure == f.REFUSED


async def test_lost_answer_comes_again_with_a_repeated_invite() -> None:
    """Drop the first 200. The helper has no bytes left to repeat it, until the caller repeats the INVITE."""
    async with a_helper() as ports:
        dropped, send_due = [0], ports.agent.due

        def due() -> list[Any]:
            found = send_due()
            lost, dropped[0] = found and not dropped[0], dropped[0] + len(found)
            return [] if lost else found

        ports.agent.due = due  # type: ignore[method-assign]
        entry = await called(ports.port, ports.offer()["token"])
    assert (entry.failure, entry.code, entry.returned, entry.invites) == (None, 200, 20, 2)


async def test_refusal_is_recorded_and_acknowledged() -> None:
    acked: list[str] = []

    def refuse(message: SIPMessage, query: Asked) -> None:
        acked.append(message.method)
        if message.method == "INVITE":
            query.send(build_response(message, 403, "Forbidden", tag="t"))

    async with udp_server(asked(refuse)) as server:
        entry = await called(server.port, "x")
    assert (entry.failure, entry.code, entry.answered) == (f"{f.UNKNOWN}: sip: call refused with 403", 403, None)
    assert acked == ["INVITE", "ACK"]


async def test_call_that_only_rings_is_cancelled() -> None:
    seen: list[SIPMessage] = []

    def ring(message: SIPMessage, query: Asked) -> None:
        seen.append(message)
        if message.method == "INVITE":
            query.send(build_response(message, 183, "Session Progress", tag="t"))
        elif message.method == "CANCEL":
            query.send(build_response(message, 200, "OK"))
            query.send(build_response(seen[0], 487, "Request Terminated", tag="t"))

    async with udp_server(asked(ring)) as server:
        entry = await called(server.port, "x", setup=0.3)
        await asyncio.sleep(0.1)
    assert entry.cancelled and (entry.code, entry.provisional) == (487, [183]) and entry.rang is not None
    assert [message.method for message in seen] == ["INVITE", "CANCEL", "ACK"]


@pytest.mark.parametrize("host", ["198.51.100.9", "media.example", "0.0.0.0"])
async def test_voice_is_sent_to_no_other_address(host: str) -> None:
    def answer(message: SIPMessage, query: Asked) -> None:
        body = write_answer(message.body, 111, host, 40000, 1) if message.method == "INVITE" else b""
        if message.method != "ACK":
            query.send(build_response(message, 200, "OK", tag="t", body=body))

    async with udp_server(asked(answer)) as server:
        entry = await called(server.port, "x")
    assert (entry.failure, entry.elsewhere, entry.sent, entry.bye_code) == (None, True, 0, 200)


async def test_bye_of_the_other_side_is_answered() -> None:
    answers: list[SIPMessage] = []

    def hang_up(message: SIPMessage, query: Asked) -> None:
        if message.is_response:
            answers.append(message)
        elif message.method == "INVITE":
            body = write_answer(message.body, 111, "127.0.0.1", 9, 1)
            query.send(build_response(message, 200, "OK", tag="t", body=body))
        elif message.method == "ACK":
            bye = (
                f"BYE sip:x SIP/2.0\r\nCall-ID: {message.call_id}\r\nTo: {message.first('from')}\r\nCSeq: 9 BYE\r\n\r\n"
            )
            query.send(bye.encode())

    async with udp_server(asked(hang_up)) as server:
        entry = await called(server.port, "x", seconds=1.0)
        await asyncio.sleep(0.1)
    assert entry.ended_by_peer and entry.bye_code == 0 and entry.sent < 50
    assert [answer.code for answer in answers] == [200]


async def test_unanswered_bye_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "HANGING_UP", 0.2)

    def answer(message: SIPMessage, query: Asked) -> None:
        query.send(b"not SIP")
        if message.method == "INVITE":
            body = write_answer(message.body, 0, "127.0.0.1", 9, 1)
            query.send(build_response(message, 200, "OK", tag="t", body=body))

    async with udp_server(asked(answer)) as server:
        entry = await called(server.port, "x")
    assert (entry.failure, entry.code, entry.encoding, entry.bye_code, entry.returned) == (None, 200, "pcmu", 0, 0)
    assert entry.foreign >= 2

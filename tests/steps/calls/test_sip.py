"""Test the step `sip_options`: any final response to our request counts, rewriting is seen, our address is not kept."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest

from probe.formats.exchanges.calls import SIPExchange
from probe.steps import udp_socket
from probe.steps.calls import sip as step
from probe.steps.calls.sip import sip_options, sip_options_udp
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.tls.tls import tls_handshake
from probe.wire.sip.sip_message import SIPMessage, read_message
from tests.support.servers.authority import issue
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import Handler, Peer, TLSPeer, a_transaction, serving, silence, tls_with

HOST = "sip.example"
OURS = "198.51.100.23"  # the address that the servers here report as ours
OURS_V6 = "2001:db8:77::5"
COPIED = ("From", "Call-ID", "CSeq")
Answer = Callable[[SIPMessage], bytes]


def sending(status: str = "200 OK", *, via: str = "", more: str = "", body: str = "") -> Answer:
    """Return a server's response. `via` replaces the sent-by."""

    def answer(asked: SIPMessage) -> bytes:
        came = asked.first("via").replace(";rport", f";received={OURS};rport=40123")
        lines = [f"SIP/2.0 {status}", "Via: " + (came.replace("anonymous.invalid", via) if via else came)]
        lines += [f"{written}: {value}" for written, value in asked.headers if written in COPIED]
        lines += [f"To: {asked.first('to')};tag=theirs", *more.splitlines(), f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(lines).encode()

    return answer


def foreign_response(asked: SIPMessage) -> bytes:
    """Return a valid response to another client's request."""
    data = sending(more=f"X-Seen: {OURS}")(asked).replace(asked.call_id.encode(), b"their.own")
    return data.replace(asked.vias[0].branch.encode(), b"z9hG4bKsomebody.else")


def raw(data: bytes) -> Answer:
    return lambda asked: data


def entry_of(bench_entries: list[object]) -> SIPExchange:
    entry = bench_entries[-1]
    assert isinstance(entry, SIPExchange)
    return entry


async def over_udp(behave: Callable[[Asked], None], timeout: float = 1.0) -> SIPExchange:
    async with udp_server(behave) as server, a_transaction() as bench:
        await sip_options_udp(bench.tx, "127.0.0.1", server.port, HOST, pace=bench.pace, timeout=timeout)
    entry = entry_of(list(bench.trace.entries))
    assert (entry.address, entry.transport, entry.method) == (f"127.0.0.1:{server.port}", "udp", "OPTIONS")
    assert bench.tx.record.steps == ([] if entry.failure else ["sip_options"])
    assert OURS not in json.dumps(entry.model_dump(mode="json"))
    return entry


def answering(*answers: Answer, at: int = 1) -> Callable[[Asked], None]:
    def behave(asked: Asked) -> None:
        if asked.number >= at:
            for answer in answers:
                asked.send(answer(read_message(asked.query)))

    return behave


def handler(*answers: Answer, piece: int = 65536, then: Callable[[Peer], Awaitable[None]] = silence) -> Handler:
    async def serve(peer: Peer) -> None:
        asked = read_message(await peer.receive())
        data = b"".join(answer(asked) for answer in answers)
        for at in range(0, len(data), piece):
            await peer.send(data[at : at + piece])
            await asyncio.sleep(0)
        await then(peer)

    return serve


async def over_tcp(serve: Handler, timeout: float = 1.0) -> SIPExchange:
    async with serving(serve) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await sip_options(bench.tx, conn, HOST, pace=bench.pace, timeout=timeout)
    entry = entry_of(list(bench.trace.entries))
    assert (entry.address, entry.transport, entry.x_sent) == (f"127.0.0.1:{server.port}", "tcp", 1)
    assert OURS not in json.dumps(entry.model_dump(mode="json"))
    return entry


# -- what is an answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "301 Moved", "404 Not Found", "503 Service Unavailable", "603 Decline"])
async def test_any_final_status_is_success(status: str) -> None:
    code, reason = int(status[:3]), status[4:]
    for entry in (await over_udp(answering(sending(status))), await over_tcp(handler(sending(status)))):
        assert (entry.failure, entry.code, entry.reason, entry.rewritten) == (None, code, reason, [])
        assert entry.round_trip is not None and 0 < entry.round_trip < 0.5 and entry.x_foreign == 0


async def test_provisional_responses_are_recorded_and_waiting_continues() -> None:
    ringing = (sending("100 Trying"), sending("183 Session Progress"), sending("200 OK"))
    for entry in (await over_udp(answering(*ringing)), await over_tcp(handler(*ringing))):
        assert (entry.failure, entry.code, entry.provisional) == (None, 200, [100, 183])


async def test_provisional_response_alone_is_timeout() -> None:
    entry = await over_udp(answering(sending("100 Trying")), timeout=0.3)
    assert (entry.failure, entry.code, entry.provisional) == ("generic_timeout_error", 0, [100])


async def test_response_to_another_request_is_foreign_and_has_no_own_address() -> None:
    for entry in (
        await over_udp(answering(foreign_response), timeout=0.3),
        await over_tcp(handler(foreign_response), timeout=0.3),
    ):
        assert (entry.failure, entry.code, entry.x_foreign) == ("generic_timeout_error", 0, 1)
        assert entry.x_first_bytes is not None
        kept = base64.b64decode(entry.x_first_bytes.data)
        assert kept.startswith(b"SIP/2.0 200 OK") and len(kept) <= 64 and OURS.encode() not in kept


async def test_first_bytes_of_foreign_response_are_redacted() -> None:
    foreign = raw(f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {OURS};branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n".encode())
    for entry in (await over_udp(answering(foreign), timeout=0.3), await over_tcp(handler(foreign), timeout=0.3)):
        assert entry.x_first_bytes is not None
        assert base64.b64decode(entry.x_first_bytes.data).startswith(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP [scrubbed];")


async def test_echoed_request_is_foreign() -> None:
    entry = await over_udp(lambda asked: asked.send(asked.query), timeout=0.3)
    assert (entry.failure, entry.x_foreign) == ("generic_timeout_error", 1)


async def test_response_after_foreign_ones_is_success() -> None:
    answers = (foreign_response, raw(b"\x00\x01 garbage"), sending("200 OK"))
    assert (await over_udp(answering(*answers))).code == 200
    entry = await over_tcp(handler(foreign_response, sending("200 OK"), piece=3))
    assert (entry.failure, entry.code, entry.x_foreign) == (None, 200, 1)


# -- a second answer after the first one ------------------------------------------------------------------------------


@pytest.fixture
def short_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "TAIL_SECONDS", 0.2)


@pytest.mark.usefixtures("short_tail")
@pytest.mark.parametrize("first", ["480 Temporarily Unavailable", "403 Forbidden", "200 OK"])
async def test_second_answer_is_heard_after_each_first_one(first: str) -> None:
    entry = await over_udp(answering(sending(first), sending("404 Not Found", more="Server: kamailio")))
    assert (entry.failure, entry.code, entry.reason, entry.server) == (None, int(first[:3]), first[4:], "")
    assert (entry.second_code, entry.second_differs, entry.x_sent) == (404, ["server"], 1)


@pytest.mark.usefixtures("short_tail")
async def test_second_answer_arrives_later() -> None:
    def behave(asked: Asked) -> None:
        message = read_message(asked.query)
        asked.send(sending("480 Temporarily Unavailable")(message).replace(b";tag=theirs", b";tag=injected"))
        asked.send(b"\0 garbage")
        asked.send(foreign_response(message))
        asked.send(sending("100 Trying")(message))
        asked.send(sending("480 Temporarily Unavailable")(message))
        asked.send(sending("200 OK", via="198.51.100.7")(message), after=0.1)

    entry = await over_udp(behave)
    assert (entry.code, entry.second_code, entry.second_differs) == (480, 200, ["via", "tag"])
    assert (entry.provisional, entry.rewritten) == ([], [])


@pytest.mark.usefixtures("short_tail")
async def test_no_second_answer_is_zero_and_no_failure() -> None:
    twice = (sending("480 Temporarily Unavailable"), sending("480 Temporarily Unavailable"))
    entry = await over_udp(answering(*twice))
    assert (entry.failure, entry.code, entry.second_code, entry.second_differs) == (None, 480, 0, [])
    assert entry.t - entry.t0 < 0.2  # the time of the first answer


@pytest.mark.usefixtures("short_tail")
async def test_refused_port_after_first_answer_is_no_failure() -> None:
    async with a_transaction() as bench:
        async with udp_server(answering(sending("480 Temporarily Unavailable"))) as server:
            task = asyncio.create_task(
                sip_options_udp(bench.tx, "127.0.0.1", server.port, HOST, pace=bench.pace, timeout=1.0)
            )
            await asyncio.sleep(0.1)
        await task
    assert (entry_of(list(bench.trace.entries)).code, entry_of(list(bench.trace.entries)).second_code) == (480, 0)


async def test_answer_over_tcp_has_no_second_one() -> None:
    entry = await over_tcp(handler(sending("480 Temporarily Unavailable")))
    assert entry.second_code is None
    assert "second_code" not in entry.model_dump(mode="json")


async def test_ttl_of_both_answers_is_compared(monkeypatch: pytest.MonkeyPatch, short_tail: None) -> None:
    ttls = iter([64, 57])
    received = udp_socket.receive_late
    monkeypatch.setattr(udp_socket, "receive_late", lambda sock: (received(sock)[0], next(ttls), 0.0))
    entry = await over_udp(answering(sending("500 Server Internal Error"), sending("200 OK")))
    assert (entry.second_code, entry.second_differs) == (200, ["ttl"])


# -- retransmission ----------------------------------------------------------------------------------------------------


async def test_lost_request_is_repeated_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "T1", 0.02)
    received: list[bytes] = []

    def behave(asked: Asked) -> None:
        received.append(asked.query)
        if asked.number == 3:
            asked.send(sending()(read_message(asked.query)))

    entry = await over_udp(behave)
    assert (entry.failure, entry.code, entry.x_sent) == (None, 200, 3)
    assert len(set(received)) == 1


def schedule(limit: float, provisional_after: int | None = None) -> list[float]:
    dialogue = step._Dialogue(SIPExchange(address="", transport="udp"), step.Options(HOST, "udp"))
    times: list[float] = []
    for at in dialogue.timer_e(limit):
        times.append(at)
        if len(times) == provisional_after:
            dialogue.entry.provisional = [100]
    return times


def test_request_is_repeated_at_times_of_rfc() -> None:
    assert schedule(4.0) == [0.0, 0.5, 1.5, 3.5]
    assert schedule(20.0) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    assert schedule(10.0, provisional_after=2) == [0.0, 0.5, 4.5, 8.5]


# -- rewriting ---------------------------------------------------------------------------------------------------------


async def test_rewritten_via_is_recorded_without_address() -> None:
    for entry in (
        await over_udp(answering(sending(via=f"{OURS}:40123"))),
        await over_udp(answering(sending(via=f"[{OURS_V6}]:40123"))),
        await over_tcp(handler(sending(via=OURS))),
    ):
        assert (entry.failure, entry.code, entry.rewritten) == (None, 200, ["via"])
        written = json.dumps(entry.model_dump(mode="json"))
        assert OURS not in written and OURS_V6 not in written


# -- what is kept of the server ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ("Server: kamailio (5.8.2 (x86_64/linux))", "kamailio (5.8.2 (x86_64/linux))"),
        ("User-Agent: Asterisk PBX 20", "Asterisk PBX 20"),
        ("User-Agent: one\nserver: other", "other"),
        (f"Server: for {OURS}", "for [scrubbed]"),
        (f"Server: for {OURS.replace('.', '-')}.isp.example", "for [scrubbed].isp.example"),
        (f"Server: {OURS_V6}", "[scrubbed]"),
        ("Server: " + "x" * 300, "x" * 128),
        (f"Warning: 399 {OURS} you\nContact: <sip:{OURS}>\nRecord-Route: <sip:{OURS}>", ""),
    ],
)
async def test_server_name_is_recorded_redacted(more: str, kept: str) -> None:
    for entry in (await over_udp(answering(sending(more=more))), await over_tcp(handler(sending(more=more)))):
        assert entry.server == kept


async def test_own_address_in_reason_is_redacted() -> None:
    entry = await over_udp(answering(sending(f"403 Not from {OURS}")))
    assert (entry.code, entry.reason) == (403, "Not from [scrubbed]")


# -- streams -----------------------------------------------------------------------------------------------------------


async def test_response_in_single_bytes_with_body_is_read() -> None:
    entry = await over_tcp(handler(sending(body="v=0\r\n"), piece=1))
    assert (entry.failure, entry.code) == (None, 200)


async def test_request_over_tls_differs_only_in_via() -> None:
    authority = issue("Test CA", authority=True)
    context = issue(HOST, authority, names=(HOST,)).server_context()
    received: list[SIPMessage] = []

    async def then(tls: TLSPeer) -> None:
        received.append(read_message(await tls.read()))
        await tls.send(sending()(received[0]))
        await tls.peer.reader.read()

    async with serving(tls_with(context, then)) as server, a_transaction() as bench:
        roots = load_roots()
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        tls = await tls_handshake(bench.tx, conn, HOST, pace=bench.pace, roots=roots, check=False)
        await sip_options(bench.tx, tls, HOST, pace=bench.pace, transport="tls")
    entry = entry_of(list(bench.trace.entries))
    assert (entry.failure, entry.transport, entry.code, entry.rewritten) == (None, "tls", 200, [])
    assert received[0].vias[0].transport == "TLS"


async def test_keep_alive_of_server_is_answered() -> None:
    async def serve(peer: Peer) -> None:
        asked = read_message(await peer.receive())
        await peer.send(b"\r\n\r\n")
        assert await peer.reader.readexactly(2) == b"\r\n"
        await peer.send(sending()(asked))
        await silence(peer)

    assert (await over_tcp(serve)).failure is None


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "unknown_failure: sip: no SIP response"),
        (b"220 mail.example ESMTP\r\n", "unknown_failure: sip: no SIP response"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "unknown_failure: sip: no SIP response"),
        (b"SIP/2.0 200 OK\r\nContent-Length: 99999\r\n\r\n", "unknown_failure: sip: no SIP response"),
        (b"SIP/2.0 200 OK\r\nVia: SIP/2", "eof_error"),
        (b"", "eof_error"),
    ],
)
async def test_other_protocol_has_its_failure(data: bytes, failure: str) -> None:
    async def close(peer: Peer) -> None:
        return

    entry = await over_tcp(handler(raw(data), then=close))
    assert entry.failure == failure
    assert (entry.x_first_bytes is not None) == failure.startswith("unknown")


async def test_flood_of_foreign_messages_is_failure() -> None:
    entry = await over_tcp(handler(*[foreign_response] * 200))
    assert (entry.failure, entry.code) == ("unknown_failure: sip: flooded", 0)
    assert 64 <= entry.x_foreign <= 200


async def test_silence_and_reset_have_their_failures() -> None:
    assert (await over_udp(lambda asked: None, timeout=0.2)).failure == "generic_timeout_error"
    assert (await over_tcp(silence, timeout=0.2)).failure == "generic_timeout_error"

    async def reset(peer: Peer) -> None:
        await peer.receive()
        peer.reset()

    assert (await over_tcp(reset)).failure == "connection_reset"
    async with udp_server(lambda asked: None) as server:
        closed = server.port
    async with a_transaction() as bench:
        await sip_options_udp(bench.tx, "127.0.0.1", closed, HOST, pace=bench.pace, timeout=1.0)
    entry = entry_of(list(bench.trace.entries))
    assert (entry.failure, entry.x_sent) == ("connection_refused", 1)

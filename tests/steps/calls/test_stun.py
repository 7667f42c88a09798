"""Test the step `stun_exchange`: the proof is our transaction id with a mapped address, or TURN's 401."""

import asyncio
import base64
import ipaddress
import json
from collections.abc import Awaitable, Callable

import pytest

from probe.formats.exchanges.calls import STUNExchange
from probe.session.pacing import Pace
from probe.steps.calls import stun as step
from probe.steps.calls.stun import Method, stun_exchange, stun_exchange_udp
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import load_roots
from probe.steps.tls.tls import tls_handshake
from probe.wire import stun
from tests.support.servers.authority import issue
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import (
    SEEN,
    Handler,
    Peer,
    TLSPeer,
    a_transaction,
    has_port_seen,
    serving,
    silence,
    tls_with,
)

CHALLENGE: stun.Attributes = (
    stun.error_code(401, "Unauthorized"),
    (stun.REALM, b"r.example"),
    (stun.NONCE, b"n0nce"),
)
Answer = Callable[[stun.STUNMessage], bytes]


def mapped(ip: str = SEEN[0], port: int = SEEN[1], software: str = "", fingerprint: bool = True) -> Answer:
    def answer(asked: stun.STUNMessage) -> bytes:
        attributes: stun.Attributes = (stun.xor_mapped_address(ip, port, asked.transaction_id),)
        attributes += ((stun.SOFTWARE, software.encode()),) if software else ()
        return stun.build("success", asked.method, asked.transaction_id, attributes, fingerprint=fingerprint)

    return answer


def refused(*attributes: tuple[int, bytes]) -> Answer:
    return lambda asked: stun.build("error", asked.method, asked.transaction_id, attributes)


def foreign_response(asked: stun.STUNMessage) -> bytes:
    """Return a valid response to another client."""
    return stun.build("success", asked.method, bytes(12), (stun.xor_mapped_address(*SEEN, bytes(12)),))


async def over_udp(behave: Callable[[Asked], None], method: Method = "binding", timeout: float = 1.0) -> STUNExchange:
    async with udp_server(behave) as server, a_transaction() as bench:
        await stun_exchange_udp(bench.tx, "127.0.0.1", server.port, pace=bench.pace, method=method, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, STUNExchange) and len(bench.trace.entries) == 1
    assert (entry.address, entry.transport, entry.method) == (f"127.0.0.1:{server.port}", "udp", method)
    assert bench.tx.record.steps == ([] if entry.failure else ["stun_exchange"])
    return entry


def answering(*answers: Answer) -> Callable[[Asked], None]:
    def behave(asked: Asked) -> None:
        for answer in answers:
            asked.send(answer(stun.parse(asked.query)))

    return behave


async def over_tcp(*answers: Answer, method: Method = "binding", timeout: float = 1.0) -> STUNExchange:
    return await over_stream(sending(*answers), method, timeout)


def sending(*answers: Answer, piece: int = 4096, then: Callable[[Peer], Awaitable[None]] = silence) -> Handler:
    async def handler(peer: Peer) -> None:
        asked = stun.parse(await peer.receive())
        data = b"".join(answer(asked) for answer in answers)
        for at in range(0, len(data), piece):
            await peer.send(data[at : at + piece])
            await asyncio.sleep(0)
        await then(peer)

    return handler


async def over_stream(handler: Handler, method: Method = "binding", timeout: float = 1.0) -> STUNExchange:
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        await stun_exchange(bench.tx, conn, pace=bench.pace, method=method, timeout=timeout)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, STUNExchange)
    assert (entry.address, entry.transport, entry.x_sent) == (f"127.0.0.1:{server.port}", "tcp", 1)
    return entry


# -- what is proof ----------------------------------------------------------------------------------------------------


async def test_mapped_address_for_own_transaction_is_success() -> None:
    entry = await over_udp(answering(mapped(software="lab")))
    assert (entry.failure, entry.response, entry.mapped_family, entry.mapped_differs) == (None, "success", 4, True)
    assert (entry.software, entry.fingerprint_valid, entry.x_sent, entry.x_foreign) == ("lab", True, 1, 0)
    assert entry.round_trip is not None and 0 < entry.round_trip < 0.5


async def test_mapped_address_without_nat_does_not_differ() -> None:
    def behave(asked: Asked) -> None:
        ip, port = asked.client[:2]
        asked.send(mapped(str(ip), int(str(port)))(stun.parse(asked.query)))

    assert (await over_udp(behave)).mapped_differs is False


async def test_mapped_address_with_other_port_differs() -> None:
    assert (await over_udp(answering(mapped("127.0.0.1", 1)))).mapped_differs is True


async def test_family_is_that_of_mapped_address() -> None:
    assert (await over_udp(answering(mapped("2001:db8::1", 1)))).mapped_family == 6


async def test_response_without_fingerprint_is_success() -> None:
    entry = await over_udp(answering(mapped(fingerprint=False)))
    assert (entry.failure, entry.fingerprint_valid) == (None, None)
    assert "fingerprint_valid" not in entry.model_dump(mode="json")


async def test_changed_response_has_wrong_fingerprint() -> None:
    def changed(asked: stun.STUNMessage) -> bytes:
        raw = bytearray(mapped()(asked))
        raw[30] ^= 1  # the address
        return bytes(raw)

    for entry in (await over_udp(answering(changed)), await over_tcp(changed)):
        assert (entry.failure, entry.fingerprint_valid) == ("unknown_failure: stun: wrong fingerprint", False)


async def test_success_without_mapped_address_is_failure() -> None:
    entry = await over_udp(answering(lambda asked: stun.build("success", asked.method, asked.transaction_id)))
    assert (entry.failure, entry.response) == ("unknown_failure: stun: no mapped address", "success")
    assert (entry.mapped_family, entry.mapped_differs) == (0, None)


@pytest.mark.parametrize(("code", "method"), [(400, "binding"), (401, "binding"), (403, "allocate"), (300, "allocate")])
async def test_other_error_codes_are_failures(code: int, method: Method) -> None:
    answer = refused(stun.error_code(code, "No"), *CHALLENGE[1:])
    for entry in (await over_udp(answering(answer), method), await over_tcp(answer, method=method)):
        assert entry.failure == f"unknown_failure: stun: error {code}"
        assert (entry.response, entry.error_code) == ("error", code)


async def test_turn_401_with_realm_and_nonce_is_success() -> None:
    for entry in (
        await over_udp(answering(refused(*CHALLENGE)), "allocate"),
        await over_tcp(refused(*CHALLENGE), method="allocate"),
    ):
        assert (entry.failure, entry.response, entry.error_code) == (None, "error", 401)
        assert entry.has_realm and entry.has_nonce and entry.mapped_family == 0


@pytest.mark.parametrize("missing", [1, 2])
async def test_401_without_realm_or_nonce_is_failure(missing: int) -> None:
    kept = [attribute for number, attribute in enumerate(CHALLENGE) if number != missing]
    entry = await over_udp(answering(refused(*kept)), "allocate")
    assert entry.failure == "unknown_failure: stun: 401 without realm and nonce"
    assert (entry.has_realm, entry.has_nonce) == (missing != 1, missing != 2)


# -- UDP --------------------------------------------------------------------------------------------------------------


async def test_same_datagram_is_sent_at_times_of_rfc_8489(monkeypatch: pytest.MonkeyPatch) -> None:
    assert step.SCHEDULE == (0.0, 0.5, 1.5, 3.5)
    monkeypatch.setattr(step, "SCHEDULE", (0.0, 0.02, 0.06, 0.14))
    received: list[bytes] = []

    def behave(asked: Asked) -> None:
        received.append(asked.query)
        if asked.number == 4:
            asked.send(mapped()(stun.parse(asked.query)))

    entry = await over_udp(behave)
    assert (entry.failure, entry.x_sent) == (None, 4)
    assert len(received) == 4 and len(set(received)) == 1 and stun.is_stun(received[0])


async def test_each_exchange_has_its_own_transaction_id() -> None:
    received: list[bytes] = []

    def behave(asked: Asked) -> None:
        received.append(asked.query)
        answering(mapped())(asked)

    await over_udp(behave)
    await over_udp(behave)
    assert len({stun.parse(query).transaction_id for query in received}) == 2


async def test_silence_is_timeout_at_deadline() -> None:
    entry = await over_udp(lambda asked: None, timeout=0.2)
    assert (entry.failure, entry.x_sent, entry.response, entry.round_trip) == ("generic_timeout_error", 1, "", None)
    assert 0.19 < entry.t - entry.t0 < 0.5


@pytest.mark.parametrize(("confirm", "seconds"), [(False, 4.0), (True, 10.0)])
def test_deadline_is_after_last_repetition(confirm: bool, seconds: float) -> None:
    assert Pace().tls_timeout(confirm=confirm) == seconds > step.SCHEDULE[-1]


async def test_closed_port_is_connection_refused() -> None:
    async with udp_server(lambda asked: None) as server:
        port = server.port
    async with a_transaction() as bench:
        await stun_exchange_udp(bench.tx, "127.0.0.1", port, pace=bench.pace)
    entry = bench.trace.entries[-1]
    assert isinstance(entry, STUNExchange)
    assert (entry.failure, entry.x_sent) == ("connection_refused", 1)


async def test_foreign_responses_are_counted_and_ignored() -> None:
    entry = await over_udp(answering(foreign_response, lambda asked: b"no STUN", mapped()))
    assert (entry.failure, entry.x_foreign, entry.response) == (None, 2, "success")
    entry = await over_udp(answering(lambda asked: b"go away", foreign_response), timeout=0.2)
    assert (entry.failure, entry.x_foreign, entry.response) == ("generic_timeout_error", 2, "")
    assert entry.x_first_bytes is not None and entry.x_first_bytes.data == "Z28gYXdheQ=="


@pytest.mark.parametrize("kind", ["request", "indication"])
async def test_reflected_request_is_foreign(kind: stun.Kind) -> None:
    entry = await over_udp(answering(lambda asked: stun.build(kind, 1, asked.transaction_id)), timeout=0.2)
    assert (entry.failure, entry.x_foreign) == ("generic_timeout_error", 1)


async def test_response_to_other_method_is_ignored() -> None:
    answer = answering(lambda asked: stun.build("error", stun.BINDING, asked.transaction_id, CHALLENGE))
    assert (await over_udp(answer, "allocate", timeout=0.2)).failure == "generic_timeout_error"


async def test_cancelled_exchange_is_interrupted_and_counts_datagrams() -> None:
    async with udp_server(lambda asked: None) as server, a_transaction() as bench:
        asking = asyncio.create_task(stun_exchange_udp(bench.tx, "127.0.0.1", server.port, pace=bench.pace))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.wait([asking])
    entry = bench.trace.entries[-1]
    assert isinstance(entry, STUNExchange)
    assert (entry.failure, entry.x_sent) == ("interrupted", 1)


# -- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 7, 20, 4096])
async def test_messages_over_tcp_are_framed_by_length(piece: int) -> None:
    entry = await over_stream(sending(foreign_response, mapped(software="lab"), piece=piece))
    assert (entry.failure, entry.response, entry.mapped_family) == (None, "success", 4)
    assert (entry.software, entry.x_foreign, entry.mapped_differs) == ("lab", 1, True)
    assert entry.round_trip is not None


async def test_exchange_over_tls_succeeds() -> None:
    good = issue("stun.example")

    async def answer(tls: TLSPeer) -> None:
        await tls.send(mapped()(stun.parse(await tls.read())))
        await tls.peer.reader.read()

    async with serving(tls_with(good.server_context(), answer)) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, "127.0.0.1", server.port, pace=bench.pace)
        secure = await tls_handshake(bench.tx, conn, "stun.example", pace=bench.pace, roots=load_roots(), check=False)
        entry = await stun_exchange(bench.tx, secure, pace=bench.pace, transport="tls")
    assert (entry.failure, entry.transport, entry.mapped_family) == (None, "tls", 4)
    assert bench.tx.record.steps == ["connect", "tls_handshake", "stun_exchange"]


async def test_other_protocol_fails_at_once() -> None:
    async def send_http(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await silence(peer)

    entry = await over_stream(send_http, timeout=5.0)
    assert (entry.failure, entry.x_foreign) == ("unknown_failure: stun: not STUN", 1)
    assert entry.x_first_bytes is not None and entry.t - entry.t0 < 1.0


@pytest.mark.parametrize("length", [4, 65532])
async def test_invalid_content_of_frame_is_failure(length: int) -> None:
    def invalid(asked: stun.STUNMessage) -> bytes:
        head = bytes.fromhex(f"0101{length:04x}2112a442") + asked.transaction_id
        return head + b"\xff" * length

    assert (await over_tcp(invalid)).failure == "unknown_failure: stun: not STUN"


async def test_flood_of_foreign_responses_is_failure() -> None:
    entry = await over_tcp(*[foreign_response] * 200)
    assert (entry.failure, entry.x_foreign) == ("unknown_failure: stun: flooded", 64)


async def test_broken_connections_have_their_failures() -> None:
    async def closes(peer: Peer) -> None:
        peer.writer.close()

    async def resets(peer: Peer) -> None:
        peer.reset()

    def half(asked: stun.STUNMessage) -> bytes:
        return mapped()(asked)[:25]

    for then, failure in ((closes, "eof_error"), (resets, "connection_reset"), (silence, "generic_timeout_error")):
        assert (await over_stream(sending(then=then), timeout=0.3)).failure == failure
    cut = await over_stream(sending(half, then=closes))
    assert (cut.failure, cut.x_foreign) == ("eof_error", 1)


# -- privacy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", ["198.51.100.23", "2001:db8:85a3::8a2e:370:7334"])
async def test_entry_has_no_own_address(planted: str) -> None:
    def foreign(asked: stun.STUNMessage) -> bytes:
        return stun.build("success", asked.method, bytes(12), (stun.xor_mapped_address(planted, SEEN[1], bytes(12)),))

    def text(asked: stun.STUNMessage) -> bytes:
        return f"you are {planted} indeed".encode()

    def cut_short(asked: stun.STUNMessage) -> bytes:
        return foreign(asked)[:-1]

    answer = mapped(planted, software=f"server for {planted} 1.0")
    entries = [await over_udp(answering(first, answer)) for first in (foreign, text, cut_short)]
    entries += [await over_tcp(first, answer) for first in (foreign, text, cut_short)]
    packed = ipaddress.ip_address(planted).packed
    forms = [packed[:4], bytes(a ^ b for a, b in zip(packed, bytes.fromhex("2112a442"), strict=False))]
    for entry in entries:
        written = json.dumps(entry.model_dump(mode="json"))
        assert planted not in written
        assert not has_port_seen(written)
        assert entry.x_first_bytes is not None
        kept = base64.b64decode(entry.x_first_bytes.data)
        assert planted.encode() not in kept and not any(form in kept for form in forms)
    assert "[scrubbed]" in entries[0].software and entries[0].software.startswith("server for")


# -- an answer after an error ------------------------------------------------------------------------------------------

FORBIDDEN = refused(stun.error_code(403, "Forbidden"))


@pytest.mark.parametrize(
    ("answers", "method", "contradicted"),
    [
        ((FORBIDDEN, mapped()), "binding", True),
        ((FORBIDDEN, refused(*CHALLENGE)), "allocate", True),
        ((FORBIDDEN, FORBIDDEN), "binding", False),
        ((FORBIDDEN, foreign_response), "binding", False),
        ((FORBIDDEN,), "binding", False),
    ],
)
async def test_answer_that_proves_the_server_after_an_error_is_noted(
    answers: tuple[Answer, ...], method: Method, contradicted: bool
) -> None:
    entry = await over_udp(answering(*answers), method)
    assert (entry.failure, entry.contradicted) == ("unknown_failure: stun: error 403", contradicted)
    assert (entry.response, entry.error_code, entry.mapped_family) == ("error", 403, 0)


async def test_nothing_is_waited_for_after_a_proof_or_over_tcp() -> None:
    assert (await over_udp(answering(mapped()))).contradicted is None
    assert (await over_udp(answering(refused(*CHALLENGE)), "allocate")).contradicted is None
    assert (await over_tcp(FORBIDDEN)).contradicted is None

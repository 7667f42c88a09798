"""Test the step `udp_echo`: what came back, changes on the way, and that the helper is not named."""

import socket
from collections.abc import Callable

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.calls import UDPEcho
from probe.formats.transactions import TransactionRecord
from probe.session.pacing import Pace
from probe.steps.calls import echo as step
from probe.steps.calls.echo import udp_echo
from probe.wire import stun
from probe.wire.tampering import with_ends_swapped
from tests.support.servers.dns import Asked, udp_server
from tests.support.servers.loopback import a_transaction

TOKEN = bytes(range(100, 112))
DATAGRAM = b"\x08something" + TOKEN


async def echo(behave: Callable[[Asked], None]) -> tuple[UDPEcho, TransactionRecord]:
    async with udp_server(behave) as server, a_transaction() as bench:
        await udp_echo(bench.tx, "127.0.0.1", server.port, DATAGRAM, TOKEN, payload="other", pace=Quick())
    (entry,) = bench.tx.entries
    assert isinstance(entry, UDPEcho)
    assert entry.port == server.port and "127.0.0.1" not in entry.model_dump_json()
    return entry, bench.tx.record


class Quick(Pace):
    def tls_timeout(self, *, confirm: bool = False) -> float:
        return 0.8


async def test_unchanged_datagram_is_echoed() -> None:
    entry, record = await echo(lambda asked: asked.send(asked.query))
    assert (entry.payload, entry.size, entry.x_sent, entry.echoed, entry.changed) == ("other", 22, 1, True, False)
    assert entry.round_trip is not None and entry.failure is None and record.steps == ["udp_echo"]


@pytest.mark.parametrize("answer", [b"rewritten " + TOKEN, b"z9hG4bK" + TOKEN.hex().upper().encode()])
async def test_rewritten_datagram_is_echoed_and_changed(answer: bytes) -> None:
    entry, _ = await echo(lambda asked: asked.send(answer))
    assert entry.echoed and entry.changed


async def test_datagram_with_exchanged_ends_is_sent_again_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "AGAIN_SECONDS", 0.2)
    swapped = with_ends_swapped(DATAGRAM)
    assert TOKEN not in swapped
    lost = [b""] * 4
    for answers, count, kept in (
        ([swapped] * 7, 7, 0),
        ([swapped, DATAGRAM], 1, 1),
        ([swapped, swapped, swapped, DATAGRAM], 3, 1),
        ([swapped, swapped, swapped, *lost], 3, 0),
    ):
        entry, record = await echo(lambda asked, answers=answers: asked.send(answers[asked.number - 1]))  # type: ignore[misc]
        assert (entry.failure, entry.echoed, entry.changed) == (None, True, True)
        assert (entry.ends_swapped, entry.ends_kept, entry.x_sent) == (count, kept, len(answers))
        assert (entry.answer_code, record.steps) == (None, ["udp_echo"])


async def test_datagram_with_other_changes_is_sent_once() -> None:
    for answer in (b"\x09" + DATAGRAM[1:], DATAGRAM[::-1] + TOKEN, DATAGRAM + b"more"):
        entry, _ = await echo(lambda asked, answer=answer: asked.send(answer))  # type: ignore[misc]
        assert (entry.changed, entry.ends_swapped, entry.x_sent) == (True, None, 1)


async def test_status_of_sip_response_in_place_of_the_echo_is_kept() -> None:
    via = f"SIP/2.0/UDP x;branch=z9hG4bK{TOKEN.hex()}"
    entry, _ = await echo(lambda asked: asked.send(f"SIP/2.0 480 No\r\nVia: {via}\r\n\r\n".encode()))
    assert (entry.echoed, entry.changed, entry.answer_code) == (True, True, 480)
    request = f"OPTIONS sip:y SIP/2.0\r\nVia: {via}\r\n\r\n".encode()
    entry, _ = await echo(lambda asked: asked.send(request))
    assert (entry.changed, entry.answer_code) == (True, None)


async def test_number_of_a_stun_error_in_place_of_the_echo_is_kept() -> None:
    error = stun.build("error", stun.BINDING, TOKEN, (stun.error_code(486, "No"),))
    for answer, number in ((error, 486), (stun.build("success", stun.BINDING, TOKEN, ()), None)):
        entry, _ = await echo(lambda asked, answer=answer: asked.send(answer))  # type: ignore[misc]
        assert (entry.echoed, entry.changed, entry.answer_code) == (True, True, number)


async def test_foreign_datagram_is_no_echo() -> None:
    entry, record = await echo(lambda asked: asked.send(b"not yours"))
    assert (entry.echoed, entry.x_sent, entry.round_trip) == (False, 2, None)
    assert record.failure == entry.failure == f.TIMEOUT and record.failed_operation == "udp_echo"


async def test_closed_port_is_connection_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    async with a_transaction() as bench:
        await udp_echo(bench.tx, "127.0.0.1", port, DATAGRAM, TOKEN, payload="other", pace=Quick())
    assert bench.tx.record.failure == f.REFUSED

"""Test the step `udp_echo`: what came back, changes on the way, and that the helper is not named."""

import socket
from collections.abc import Callable

import pytest

from probe.formats import failures as f
from probe.formats.calls import UDPEcho
from probe.formats.transactions import TransactionRecord
from probe.session.pacing import Pace
from probe.steps.calls.echo import udp_echo
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

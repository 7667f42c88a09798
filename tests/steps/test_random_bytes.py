"""Test random bytes: any answer counts as passed, also the connection's end. Silence and a reset do not."""

import pytest

from probe.formats import failures as f
from probe.session import pacing
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.random_bytes import SIZE, random_bytes
from probe.steps.tcp import tcp_connect
from tests.support.servers.loopback import Peer, serving


@pytest.mark.parametrize(
    ("does", "failure"), [("answer", None), ("close", None), ("reset", f.RESET), ("silent", f.TIMEOUT)]
)
async def test_answer_to_random_bytes_has_its_result(
    does: str, failure: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "TLS_FIRST", 0.4)
    received: list[bytes] = []

    async def handler(peer: Peer) -> None:
        received.append(await peer.receive())
        if does == "answer":
            await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif does == "reset":
            peer.reset()
        elif does == "silent":
            await peer.receive()

    trace, pace = Trace(), Pace()
    async with serving(handler) as server, trace.transaction(TransactionFacts("followup")) as tx:
        await random_bytes(tx, await tcp_connect(tx, server.ip, server.port, pace=pace), pace=pace)
    (record,) = trace.transactions
    assert record.failure == failure
    assert len(received[0]) == SIZE and received[0][0] >= 0x80  # no TLS record (0x16), no letter of a request
    entry = trace.entries[-1]
    assert (entry.LIST, entry.failure) == ("random_bytes", failure)

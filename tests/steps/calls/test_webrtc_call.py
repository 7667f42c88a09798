"""Test a whole WebRTC call to our helper: what is recorded, and that the signalling holds no address."""

import asyncio
import ipaddress
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aioice.ice
import pytest

from probe.formats import failures as f
from probe.formats.exchanges.media import WebRTCCall
from probe.helper.calls import webrtc as helper
from probe.helper.calls.webrtc import WebRTC
from probe.helper.query import RequestRefused
from probe.http_server.client_shares import PortKind
from probe.http_server.peers import Client
from probe.session.pacing import Pace
from probe.steps.calls.webrtc_call import webrtc_call
from probe.targets.address_guard import Contacts
from tests.support.servers.loopback import a_transaction

SECONDS = 0.4  # 20 packets
PEER: Client = (b"peer",)


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aioice use 127.0.0.1 alone, which it leaves out otherwise."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Signalling:
    """Pass the signalling to a helper, and keep its bytes. `changes` replaces fields of the answer."""

    def __init__(self, server: WebRTC, **changes: Any) -> None:
        self.server, self.changes = server, changes
        self.passed: list[str] = []

    async def __call__(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        self.passed.append(json.dumps(question))
        answer = {**await self.server.answer(json.loads(self.passed[0]), PEER), **self.changes}
        self.passed.append(json.dumps(answer))
        return answer


@asynccontextmanager
async def a_helper() -> AsyncIterator[WebRTC]:
    server = WebRTC()
    try:
        yield server
    finally:
        await server.close()
        assert len(server) == 0


async def called(signal: Signalling, token: str, ip: str = "127.0.0.1", **more: Any) -> WebRTCCall:
    pace = more.pop("pace", None)
    async with a_transaction() as bench:
        await webrtc_call(bench.tx, ip, token, signal, pace=pace or bench.pace, **{"seconds": SECONDS, **more})
    (entry,) = bench.tx.entries
    assert isinstance(entry, WebRTCCall) and ip not in entry.model_dump_json() and not bench.trace.bugs
    return entry


async def test_call_to_our_helper_is_complete() -> None:
    async with a_helper() as server:
        entry = await called(Signalling(server), server.offer()["token"])
    assert entry.failure is None and (entry.sent, entry.returned, entry.received) == (20, 20, 0)
    assert entry.signalled is not None and entry.connected is not None and entry.secured is not None
    assert entry.round_trip is not None and entry.longest_gap is not None


async def test_all_datagrams_count_as_moved_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with what the sockets of both ends carry, whatever it is."""
    carried = 0
    kind = type(await a_datagram_transport())
    original = kind.sendto

    def sendto(self: Any, data: bytes, address: Any = None) -> None:
        nonlocal carried
        carried += len(data)
        original(self, data, address)

    monkeypatch.setattr(kind, "sendto", sendto)
    pace = Pace(contacts=Contacts.LAB)
    async with a_helper() as server:
        await called(Signalling(server), server.offer()["token"], pace=pace)
    assert pace.bytes_sent > 20 * 160 < pace.bytes_received
    assert pace.bytes_sent + pace.bytes_received == pytest.approx(carried, abs=200)  # of the last check


async def a_datagram_transport() -> asyncio.DatagramTransport:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    transport.close()
    return transport


async def test_signalling_holds_no_address() -> None:
    async with a_helper() as server:
        await called(signal := Signalling(server), server.offer()["token"], seconds=0.1)
    question, answer = signal.passed
    assert set(json.loads(question)) == {"token", "ufrag", "pwd", "fingerprint"}
    assert set(json.loads(answer)) == {"ufrag", "pwd", "fingerprint", "ports"}
    for word in re.findall(r"[0-9A-Fa-f:.]{7,}", question + answer):
        with pytest.raises(ValueError):
            ipaddress.ip_address(word)
    assert "candidate" not in question + answer and ".local" not in question + answer


async def test_other_certificate_than_the_signalled_one_fails() -> None:
    async with a_helper() as server:
        entry = await called(Signalling(server, fingerprint=":".join(["AB"] * 32)), server.offer()["token"])
    assert entry.failure is not None and entry.connected is not None
    assert (entry.secured, entry.sent) == (None, 0)


async def test_silent_ports_are_a_failure_of_ice() -> None:
    async with a_helper() as server:
        entry = await called(Signalling(server, ports={"4": [9]}), server.offer()["token"], setup=1.0)
    assert entry.failure is not None and entry.signalled is not None and entry.connected is None


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": {}},
        {"ports": None},
        {"ports": {"4": [0, 65536, "1", True]}},
        {"ufrag": "a\r\nb: c"},
        {"pwd": "short"},
        {"fingerprint": 7},
    ],
)
async def test_malformed_answer_is_no_bug(changes: dict[str, Any]) -> None:
    async with a_helper() as server:
        entry = await called(Signalling(server, **changes), server.offer()["token"])
    assert entry.failure == f"{f.UNKNOWN}: webrtc: the helper's answer cannot be used" and entry.sent == 0


async def test_missing_extra_is_a_local_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    server = WebRTC()
    monkeypatch.setitem(sys.modules, "aiortc", None)
    entry = await called(Signalling(server), server.offer()["token"])
    assert entry.failure == f.NO_CALLS and f.is_local(entry.failure) and entry.signalled is None


async def test_refused_address_opens_no_socket() -> None:
    signal = Signalling(WebRTC())
    entry = await called(signal, "", pace=Pace(contacts=Contacts.PUBLIC))
    assert entry.failure == f.NOT_CONTACTED and signal.passed == []


async def test_no_public_server_is_asked_for_our_address() -> None:
    from probe.steps.calls.webrtc_transport import Transport, closed

    transport = Transport(lambda raw: None, controlling=True)
    connection = transport._gatherer._connection
    assert connection.stun_server is None and connection.turn_server is None
    await closed(transport)


# -- the helper --------------------------------------------------------------------------------------------------------

GOOD = {"ufrag": "abcd", "pwd": "a" * 22, "fingerprint": ":".join(["AB"] * 32)}


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (None, 400),
        ({}, 400),
        (GOOD, 400),
        ({**GOOD, "token": 7}, 400),
        ({**GOOD, "token": "zz"}, 404),
        ({**GOOD, "token": "ab" * 12}, 404),
        ({**GOOD, "pwd": "a b", "token": "ab" * 12}, 400),
    ],
)
async def test_bad_question_opens_no_call(question: Any, status: int) -> None:
    server = WebRTC()
    with pytest.raises(RequestRefused) as refused:
        await server.answer(question, PEER)
    assert refused.value.status == status and len(server) == 0


async def test_calls_are_bounded_and_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open calls to which no client connects. They are bounded by token, client and number, and end in time."""
    monkeypatch.setattr(helper, "CALL_SECONDS", 0.5)
    async with a_helper() as server:

        async def codes(clients: list[Client]) -> list[int]:
            found = []
            for client in clients:
                try:
                    await server.answer({**GOOD, "token": server.offer()["token"]}, client)
                    found.append(200)
                except RequestRefused as refused:
                    found.append(refused.status)
            return found

        assert await codes([PEER] * 3) == [200, 200, 503]
        token = server.offer()["token"]
        assert server.tokens.take(bytes.fromhex(token)) and server.tokens.take(bytes.fromhex(token))
        assert not server.tokens.take(bytes.fromhex(token))
        server.shares.kind = PortKind(3, 2)
        assert await codes([(b"1",), (b"2",)]) == [200, 503]
        for _ in range(100):
            if not len(server):
                break
            await helper.asyncio.sleep(0.05)
        assert len(server) == 0


def test_reflected_packets_have_a_size_and_a_rate() -> None:
    server = WebRTC(lambda: 1000.0)
    place = server.shares.take(PEER, list)
    assert place is not None
    reflect = server._reflector(place)
    assert reflect(bytes(helper.LONGEST + 1)) is None
    assert sum(reflect(bytes(160)) is not None for _ in range(100)) == helper.BURST

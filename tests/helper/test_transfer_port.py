"""Test the helper's transfer port: its pace and figures, its limits, and clients that break the protocol."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from probe.helper.helper_limits import TRANSFER_CONNECTIONS, TRANSFERS
from probe.helper.transfer import port as transfer_port
from probe.helper.transfer import sender
from probe.helper.transfer.port import FAST_TRANSFERS_A_TOKEN, TRANSFERS_A_TOKEN, TransferPort
from probe.http_server.client_shares import ClientShares, PortKind
from probe.steps.tls.client_hello import accepting_anything
from probe.wire.transfer import ACCEPTED, BUSY, DATA, END, END_OF_HEAD, FAST_PACE, PACE, FrameReader, request_path

HOST = "127.0.0.1"


@asynccontextmanager
async def serving() -> AsyncIterator[TransferPort]:
    port = TransferPort(0)
    await port.open(HOST)
    try:
        yield port
    finally:
        port.close()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SECONDS", 0.6)
    monkeypatch.setattr(sender, "TOTAL", round(0.5 * PACE))


def new_token(port: TransferPort) -> bytes:
    return bytes.fromhex(port.offer()["token"])


async def connected(
    port: TransferPort, name: str = "www.example.org"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, port.port, ssl=accepting_anything(()), server_hostname=name)


async def received(port: TransferPort, token: bytes, name: str = "www.example.org") -> tuple[bytes, FrameReader]:
    reader, writer = await connected(port, name)
    writer.write(token)
    stream = await asyncio.wait_for(reader.read(), 5.0)
    writer.close()
    frames = FrameReader()
    frames.feed(stream)
    return stream, frames


async def test_fast_token_gets_twice_the_bytes_in_the_same_time_twice() -> None:
    async with serving() as port:
        token = bytes.fromhex(port.offer()["fast"])
        for _ in range(FAST_TRANSFERS_A_TOKEN):
            began = asyncio.get_running_loop().time()
            _, frames = await received(port, token)
            lasted = asyncio.get_running_loop().time() - began
            assert frames.newest is not None and frames.newest.sent == 0.5 * FAST_PACE and 0.4 < lasted < 2.0
        assert (await received(port, token))[0] == b""


def test_fast_transfer_takes_the_places_of_two() -> None:
    shares = ClientShares(PortKind(8, 3), lambda: 0.0)
    wanted = ((b"a", 2), (b"a", 2), (b"a", 1), (b"b", 2), (b"c", 2), (b"d", 2), (b"d", 1))
    places = [shares.take((client,), list, size) for client, size in wanted]
    assert [place is not None for place in places] == [True, False, True, True, True, False, True] and len(shares) == 8
    for place in places:
        if place is not None:
            shares.free(place)
    assert len(shares) == 0


async def test_token_gets_bytes_at_the_pace_and_the_figures_of_the_kernel() -> None:
    async with serving() as port:
        began = asyncio.get_running_loop().time()
        stream, frames = await received(port, new_token(port))
        lasted = asyncio.get_running_loop().time() - began
    assert frames.ended and frames.newest is not None and frames.newest.kind == END
    assert frames.newest.sent == 0.5 * PACE and 0.4 < lasted < 2.0
    known = frames.newest.known
    assert known.segments and known.segments > 5 and known.repeated is not None
    assert known.round_trip and known.least_round_trip and known.least_round_trip <= known.round_trip < 1e6
    assert len(set(stream)) == 256  # random, as content of TLS is


@pytest.mark.parametrize("name", ["www.example.org", "xn--e1afmkfd.example", "a" * 60 + ".example"])
async def test_any_name_gets_the_certificate_of_the_offer(name: str) -> None:
    async with serving() as port:
        _, writer = await connected(port, name)
        engine = writer.get_extra_info("ssl_object")
        assert hashlib.sha256(engine.getpeercert(binary_form=True)).hexdigest() == port.offer()["sha256"]
        assert engine.version() == "TLSv1.3"
        writer.close()


async def test_tls_1_2_is_served_too() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving() as port:
        reader, writer = await asyncio.open_connection(HOST, port.port, ssl=context, server_hostname="a.example")
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.write(new_token(port))
        assert (await reader.readexactly(1))[0] == DATA
        writer.close()


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_token_is_good_for_two_pairs() -> None:
    async with serving() as port:
        token = new_token(port)
        streams = [(await received(port, token))[0] for _ in range(TRANSFERS_A_TOKEN + 1)]
    assert all(streams[:-1]) and streams[-1] == b""


@pytest.mark.parametrize("token", [bytes(12), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 12])
async def test_other_tokens_get_nothing(token: bytes) -> None:
    async with serving() as port:
        assert (await received(port, token))[0] == b""


async def test_old_token_gets_nothing() -> None:
    now = [1000.0]
    port = TransferPort(0, clock=lambda: now[0])
    await port.open(HOST)
    token = new_token(port)
    now[0] += 61.0
    assert (await received(port, token))[0] == b""
    port.close()


async def test_peer_without_a_place_is_told() -> None:
    async with serving() as port:
        port.transfers = ClientShares(PortKind(9, 1), port.clock)
        token = new_token(port)
        found = await asyncio.gather(*(received(port, token) for _ in range(2)))
    kinds = sorted(frames.newest.kind for _, frames in found if frames.newest is not None)
    assert kinds == [END, BUSY] and not len(port.transfers)


async def test_silent_clients_are_closed_and_hold_no_place_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_port, "HANDSHAKE", 0.3)
    async with serving() as port:
        port.connections = ClientShares(PortKind(9, 3), port.clock)
        idle = [await asyncio.open_connection(HOST, port.port) for _ in range(5)]
        ends = [await asyncio.wait_for(reader.read(), 3.0) for reader, _ in idle]
        assert ends == [b""] * 5
        await asyncio.sleep(0.05)
        assert not len(port.connections)
        assert (await received(port, new_token(port)))[1].ended
        for _, writer in idle:
            writer.close()


async def test_clients_that_break_off_leave_nothing_behind() -> None:
    async with serving() as port:
        for junk in (b"GET / HTTP/1.1\r\n\r\n", bytes(300), b"\x16\x03\x01\x40\x00" + bytes(100)):
            reader, writer = await asyncio.open_connection(HOST, port.port)
            writer.write(junk)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 3.0)
            writer.close()
        reader, writer = await connected(port)
        writer.write(new_token(port))
        await reader.readexactly(100)
        writer.transport.abort()
        await asyncio.sleep(0.4)
        assert not len(port.connections) and not len(port.transfers)


# -- in the clear ------------------------------------------------------------------------------------------------------


async def asked_in_clear(port: TransferPort, request: bytes) -> bytes:
    assert port.http_port is not None
    reader, writer = await asyncio.open_connection(HOST, port.http_port)
    writer.write(request)
    stream = await asyncio.wait_for(reader.read(), 5.0)
    writer.close()
    return stream


@asynccontextmanager
async def serving_both() -> AsyncIterator[TransferPort]:
    port = TransferPort(0, 0)
    await port.open(HOST)
    try:
        yield port
    finally:
        port.close()


@pytest.mark.parametrize("host", ["www.example.org", "x"])
async def test_request_without_tls_gets_the_same_frames_behind_a_head(host: str) -> None:
    async with serving_both() as port:
        assert port.offer()["http_port"] == port.http_port != port.port
        began = asyncio.get_running_loop().time()
        path = request_path(new_token(port))
        stream = await asked_in_clear(port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        lasted = asyncio.get_running_loop().time() - began
    head, _, body = stream.partition(END_OF_HEAD)
    frames = FrameReader()
    frames.feed(body)
    assert head.startswith(ACCEPTED) and host.encode() not in head
    assert frames.newest is not None and (frames.newest.kind, frames.newest.sent) == (END, 0.5 * PACE)
    assert 0.4 < lasted < 2.0


async def test_token_is_good_for_four_transfers_over_both_ports() -> None:
    async with serving_both() as port:
        token = new_token(port)
        request = f"GET {request_path(token)} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        both = [[(await received(port, token))[0], await asked_in_clear(port, request)] for _ in range(2)]
        assert all(stream for pair in both for stream in pair)
        assert await asked_in_clear(port, request) == b"" and (await received(port, token))[0] == b""


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"00" * 12 + b" HTTP/1.1\r\n\r\n", b"x" * 4096, b"\r\n\r\n"]
)
async def test_other_requests_get_nothing(request_: bytes) -> None:
    async with serving_both() as port:
        assert await asked_in_clear(port, request_) == b""


# -- uploads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [0.5, 4])
async def test_upload_is_read_at_the_pace_and_not_beyond_its_bytes(sent: float) -> None:
    frames, stream = FrameReader(), b""
    async with serving() as port:
        token = bytes.fromhex(port.offer()["upload"])
        reader, writer = await connected(port)
        began = asyncio.get_running_loop().time()
        writer.write(token + bytes(round(sent * PACE)))  # as fast as the connection takes it
        with suppress(ConnectionResetError):  # of bytes that are not read
            while data := await asyncio.wait_for(reader.read(100), 5.0):
                stream += data
        lasted = asyncio.get_running_loop().time() - began
        writer.transport.abort()
    frames.feed(stream)
    assert frames.newest is not None and 0.3 * PACE < frames.newest.sent <= 0.5 * PACE
    assert (frames.newest.kind, frames.newest.sent) == (END, 0.5 * PACE) or sent > 0.5
    assert 0.4 < lasted < 2.0 and len(stream) < 1000


async def test_token_of_uploads_is_good_for_two_pairs_and_for_no_download() -> None:
    async with serving() as port:
        offer = port.offer()
        token = bytes.fromhex(offer["upload"])
        streams = []
        for _ in range(transfer_port.UPLOADS_A_TOKEN + 1):
            reader, writer = await connected(port)
            writer.write(token + bytes(PACE))
            writer.write_eof() if writer.can_write_eof() else None
            streams.append(await asyncio.wait_for(reader.read(), 5.0))
            writer.transport.abort()
        assert all(streams[:-1]) and streams[-1] == b"" and offer["upload"] != offer["token"]
        assert (await received(port, new_token(port)))[1].ended


async def test_silent_upload_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_port, "SECONDS", 0.2)
    monkeypatch.setattr(transfer_port, "END", 0.2)
    async with serving() as port:
        reader, writer = await connected(port)
        writer.write(bytes.fromhex(port.offer()["upload"]))
        assert await asyncio.wait_for(reader.read(), 3.0) == b""
        writer.close()
        await asyncio.sleep(0.05)
        assert not len(port.transfers) and not len(port.connections)


async def test_helper_without_the_option_offers_no_port_in_the_clear() -> None:
    async with serving() as port:
        assert "http_port" not in port.offer()


async def test_taken_port_is_named() -> None:
    async with serving() as port:
        with pytest.raises(OSError, match=f"TCP port {port.port}"):
            await TransferPort(port.port).open(HOST)


def test_limits_are_those_of_the_documentation() -> None:
    limits = transfer_port
    assert limits.UPLOADS_A_TOKEN == 4
    assert (limits.TRANSFERS_A_TOKEN, TRANSFERS.places, TRANSFERS.of_a_client) == (4, 32, 4)
    assert (TRANSFER_CONNECTIONS[:2], limits.HANDSHAKE) == ((128, 16), 10.0)

"""Test the helper's echo: only for a valid token, never more bytes than received, never more often than allowed."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator

import pytest

from probe.helper.helper_limits import TOKEN_SECONDS
from probe.helper.udp_echo import LONGEST_DATAGRAM, MOST_ECHOES, EchoResponder, EchoTokens
from probe.http_server.peers import client_at
from probe.wire.stun import binding_request
from probe.wire.tampering import with_ends_swapped


@contextlib.asynccontextmanager
async def running_echo() -> AsyncIterator[EchoResponder]:
    echo = EchoResponder([0])
    await echo.open("127.0.0.1")
    try:
        yield echo
    finally:
        echo.close()


async def send(echo: EchoResponder, datagram: bytes, seconds: float = 0.2) -> bytes | None:
    """Send a datagram and return the answer, or None within `seconds`."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", echo.ports[0]))
        await loop.sock_sendall(sock, datagram)
        try:
            return await asyncio.wait_for(loop.sock_recv(sock, 65535), seconds)
        except TimeoutError:
            return None


async def test_datagram_with_token_is_echoed() -> None:
    async with running_echo() as echo:
        token = echo.offer()["token"]
        raw = bytes.fromhex(token)
        sip = f"OPTIONS sip:x.example SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKabc{token}def\r\n\r\n".encode()
        for datagram in (binding_request(raw), b"\x08" + secrets.token_bytes(7) + raw, sip, sip.upper()):
            assert await send(echo, datagram) == datagram


async def test_datagram_with_exchanged_ends_is_echoed_as_it_came() -> None:
    async with running_echo() as echo:
        raw = bytes.fromhex(echo.offer()["token"])
        for datagram in (binding_request(raw), b"\x08" + secrets.token_bytes(7) + raw, raw):
            swapped = with_ends_swapped(datagram)
            assert await send(echo, swapped) == swapped


async def test_datagram_without_token_is_not_echoed() -> None:
    async with running_echo() as echo:
        token = echo.offer()["token"]
        for datagram in (b"", b"x", binding_request(secrets.token_bytes(12)), token[:-1].encode(), b"\0" * 1200):
            assert await send(echo, datagram) is None


async def test_closed_client_port_does_not_stop_echo() -> None:
    """Check that an ICMP error about a closed client port does not close the echo's port."""
    async with running_echo() as echo:
        raw = bytes.fromhex(echo.offer()["token"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(raw, ("127.0.0.1", echo.ports[0]))
        await asyncio.sleep(0.05)
        assert await send(echo, raw) == raw


def test_token_is_valid_for_one_minute() -> None:
    now = [0.0]
    tokens = EchoTokens(lambda: now[0])
    early, now[0] = bytes.fromhex(tokens.issue()), 30.0
    late, now[0] = bytes.fromhex(tokens.issue()), TOKEN_SECONDS + 0.1
    assert not tokens.admits(early) and tokens.admits(late)


def test_token_allows_limited_number_of_datagrams() -> None:
    tokens = EchoTokens()
    one, other = bytes.fromhex(tokens.issue()), bytes.fromhex(tokens.issue())
    assert [tokens.admits(one) for _ in range(MOST_ECHOES + 2)] == [True] * MOST_ECHOES + [False] * 2
    assert tokens.admits(other)


def test_issued_tokens_are_unique_and_take_no_memory() -> None:
    tokens = EchoTokens()
    first, *others = (tokens.issue(client_at(f"10.0.{number // 250}.{number % 250}")) for number in range(5150))
    assert len({first, *others}) == 5150 and len(tokens) == 0
    assert tokens.admits(bytes.fromhex(first), client_at("10.0.0.0")) and len(tokens) == 1


def test_too_long_datagram_is_not_echoed() -> None:
    tokens = EchoTokens()
    raw = bytes.fromhex(tokens.issue())
    assert tokens.admits(raw + b"x" * (LONGEST_DATAGRAM - 12)) and not tokens.admits(raw + b"x" * LONGEST_DATAGRAM)


def test_costly_datagrams_cost_little_more_than_usual_ones() -> None:
    """Compare datagrams that are full of digits, or of what may begin a token, with those of our probe."""
    tokens = EchoTokens()

    def cost(datagram: bytes) -> float:
        taken = []
        for _ in range(50):
            began = time.thread_time()
            tokens.admits(datagram)
            taken.append(time.thread_time() - began)
        return min(taken)

    raw = bytes.fromhex(tokens.issue())
    usual = cost(binding_request(raw).ljust(LONGEST_DATAGRAM, b"x"))
    made = (b"0123456789abcdef" * 93, raw.hex().encode()[:-1] * 63, raw[:3] * 496, raw.hex().encode()[:6] * 248)
    assert max(map(cost, made)) < 15 * usual


async def test_occupied_port_is_named() -> None:
    async with running_echo() as echo:
        other = EchoResponder([0, echo.ports[0]])
        with pytest.raises(OSError, match=f"UDP port {echo.ports[0]}"):
            await other.open("127.0.0.1")

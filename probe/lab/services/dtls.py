"""Serve the beginning of DTLS 1.2: a cookie for each hello, and a ServerHello for the hello that brings it back."""

import asyncio
import secrets
from typing import cast

from probe.formats.exchanges.calls import DTLSExchange
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.target import Endpoint
from probe.wire.dtls.client_hello import parse_client_hello
from probe.wire.dtls.server_answers import (
    HANDSHAKE_FAILURE,
    cookie_for,
    fatal_alert,
    hello_verify_request,
    server_hello,
)

Client = tuple[str, int]
_SUITE = 0xC02B  # TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which all hellos of the probe offer


def answer(raw: bytes, client: Client, secret: bytes, *, serves: bool = True) -> bytes | None:
    """Return the answer to one datagram from `client` (address, port), None if it is no hello.

    Without `serves` it is the alert handshake_failure.
    """
    try:
        hello = parse_client_hello(raw)
    except ValueError:
        return None
    if not serves:
        return fatal_alert(HANDSHAKE_FAILURE, hello.record_number)
    cookie = cookie_for(secret, client, hello, 0)
    if hello.cookie != cookie:
        return hello_verify_request(hello, cookie)
    return server_hello(hello, secrets.token_bytes(32), _SUITE)


def claimed(endpoint: Endpoint, place: str) -> DTLSExchange:
    """Return the entry of an attempt that passed. A false helper claims it."""
    return DTLSExchange(address=place, response="verify_request", version="DTLSv1")


class Datagrams(asyncio.DatagramProtocol):
    """Answer DTLS hellos on a UDP socket."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host, self._secret = host, secrets.token_bytes(32)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. asyncio's own is no subclass of DatagramTransport, so it is cast."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str | int, int]) -> None:
        """Answer a datagram, unless the host answers no strangers. An IPv6 sender has two more fields."""
        client = (str(sender[0]), sender[1])
        if self._transport is None or "udp" in self._host.registered_only:
            return
        if (response := answer(data, client, self._secret, serves=self._host.serves(client[0]))) is not None:
            self._transport.sendto(response, sender)

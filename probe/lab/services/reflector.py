"""Serve Telegram's call relays: an answer to each hello, and data passed on between the two sides of a call.

The form of the answer over TCP is an assumption, because no published source shows one.
"""

import asyncio
import time
from typing import cast

from probe.formats.exchanges.calls import ReflectorExchange
from probe.lab.services.server_streams import Ended, Stream, read_exactly
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.target import Endpoint
from probe.wire.telegram import reflector

Client = tuple[str, int]
Peer = tuple[str | int, ...]


def opens(first: bytes) -> bool:
    """Return whether a client's first bytes may begin a connection to a reflector."""
    return first[0] == reflector.PROLOGUE[0]


def answer(raw: bytes, client: Client, *, serves: bool = True) -> bytes | None:
    """Return the answer to a hello from `client` (address, port), None for other packets.

    Without `serves` it bears the tag of the other side of the call.
    """
    try:
        own = reflector.parse(raw).tag
    except ValueError:
        return None
    tag = own if serves else _other_side(own)
    if raw == reflector.hello(own):
        return reflector.self_info(tag, *client, int(time.time()))
    return tag + reflector.HELLO_TCP if raw == own + reflector.HELLO_TCP else None


def _other_side(tag: bytes) -> bytes:
    return bytes([tag[0] ^ 1]) + tag[1:]


def claimed(endpoint: Endpoint, place: str) -> ReflectorExchange:
    """Return the entry of an attempt that passed. A false helper claims it."""
    return ReflectorExchange(address=place, transport=endpoint.carrier, response="self_info", mapped_family=4)


class Datagrams(asyncio.DatagramProtocol):
    """Answer hellos on a UDP socket, and pass data on to the client that it names on the other side of the call."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host = host
        self._clients: dict[bytes, Peer] = {}  # by tag

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. asyncio's own is no subclass of DatagramTransport, so it is cast."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: Peer) -> None:
        """Answer a hello, or pass a packet on. An IPv6 sender has two more fields."""
        client = (str(sender[0]), int(sender[1]))
        if self._transport is None or "udp" in self._host.registered_only:
            return
        if (response := answer(data, client, serves=self._host.serves(client[0]))) is not None:
            self._clients[data[: reflector.TAG]] = sender
            self._transport.sendto(response, sender)
        elif len(data) > reflector.TAG:
            self._pass_on(self._transport, data)

    def _pass_on(self, transport: asyncio.DatagramTransport, data: bytes) -> None:
        """Pass data on to the client whose tag differs in the side alone."""
        tag = _other_side(data[: reflector.TAG])
        if (receiver := self._clients.get(tag)) is not None:
            transport.sendto(tag + data[reflector.TAG :], receiver)


async def serve_reflector(stream: Stream, client: Client, host: Host) -> None:
    """Answer the hellos on a connection, unless the host answers registered tags alone. Raises Ended."""
    if await read_exactly(stream, len(reflector.PROLOGUE)) != reflector.PROLOGUE:
        raise Ended
    while True:
        size = int.from_bytes(await read_exactly(stream, 4), "little")
        if size > reflector.LONGEST_PACKET:
            raise Ended
        response = answer(await read_exactly(stream, size), client, serves=host.serves(client[0]))
        if response is not None and "tcp" not in host.registered_only:
            await stream.write(reflector.frame(response))

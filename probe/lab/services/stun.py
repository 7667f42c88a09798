"""Serve STUN, and TURN as for a client without credentials."""

import asyncio
import secrets
from typing import Any, cast

from probe.formats.exchanges.calls import STUNExchange
from probe.lab.services.server_streams import Ended, Stream, read_exactly
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.target import Endpoint
from probe.wire import stun

SOFTWARE = b"lab"
REALM = b"lab.example"
BAD_REQUEST, FORBIDDEN = 400, 403
Client = tuple[str, int]


def answer(raw: bytes, client: Client, *, serves: bool = True) -> bytes | None:
    """Return the answer to one message from `client` (address, port), None if it is no STUN request.

    Without `serves` it is 403 (Forbidden).
    """
    try:
        asked = stun.parse(raw)
    except ValueError:
        return None
    if asked.kind != "request" or asked.fingerprint_valid is False:
        return None
    kind: stun.Kind = "error"
    attributes: stun.Attributes = (stun.error_code(BAD_REQUEST, "Bad Request"),)
    if not serves:
        attributes = (stun.error_code(FORBIDDEN, "Forbidden"),)
    elif asked.method == stun.BINDING:
        kind, attributes = "success", (stun.xor_mapped_address(*client, asked.transaction_id),)
    elif asked.method == stun.ALLOCATE and asked.first(stun.REQUESTED_TRANSPORT) is not None:
        nonce = (stun.NONCE, secrets.token_hex(8).encode())
        attributes = (stun.error_code(stun.UNAUTHORIZED, "Unauthorized"), (stun.REALM, REALM), nonce)
    attributes += ((stun.SOFTWARE, SOFTWARE),)
    wants_fingerprint = asked.fingerprint_valid is not None
    return stun.build(kind, asked.method, asked.transaction_id, attributes, fingerprint=wants_fingerprint)


def claimed(endpoint: Endpoint, place: str) -> STUNExchange:
    """Return the entry of an attempt that passed. A false helper claims it."""
    carried: dict[str, Any] = {"address": place, "transport": endpoint.facts.transport or "udp"}
    if endpoint.scheme == "stun":
        return STUNExchange(**carried, response="success", mapped_family=4)
    return STUNExchange(**carried, method="allocate", response="error", error_code=401, has_realm=True, has_nonce=True)


class Datagrams(asyncio.DatagramProtocol):
    """Answer STUN on a UDP socket."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. asyncio's own is no subclass of DatagramTransport, so it is cast."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str | int, int]) -> None:
        """Answer a datagram. An IPv6 sender has two more fields."""
        client = (str(sender[0]), sender[1])
        response = answer(data, client, serves=self._host.serves(client[0]))
        if response is not None and self._transport is not None:
            self._transport.sendto(response, sender)


def opens(first: bytes) -> bool:
    """Return whether a client's first bytes may begin a STUN message. Text does not."""
    return first[0] < 0x40


async def serve_stun(stream: Stream, client: Client, *, serves: bool = True) -> None:
    """Answer messages over a stream, framed by their own length (RFC 8489 6.2.2). Raises Ended."""
    while True:
        head = await read_exactly(stream, stun.HEADER)
        try:
            rest = stun.length_of(head) - stun.HEADER
        except ValueError as error:
            raise Ended from error
        response = answer(head + await read_exactly(stream, rest), client, serves=serves)
        if response is None:
            return
        await stream.write(response)

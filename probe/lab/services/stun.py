"""A STUN server that is a TURN server to strangers: tells everybody where they come from, and lends no relay."""

import asyncio
import secrets
from typing import cast

from probe.lab.services.streams import Ended, Stream, read_exactly
from probe.lab.world.world import Host, World
from probe.wire import stun

SOFTWARE = b"lab"
REALM = b"lab.example"
BAD_REQUEST, FORBIDDEN = 400, 403
Client = tuple[str, int]


def answer(raw: bytes, client: Client, *, helps: bool = True) -> bytes | None:
    """The answer to one message from `client` (address, port); None to what is no request of STUN's.

    Without `helps` everything is forbidden.
    """
    try:
        asked = stun.parse(raw)
    except ValueError:
        return None
    if asked.kind != "request" or asked.fingerprint_valid is False:
        return None
    kind: stun.Kind = "error"
    attributes: stun.Attributes = (stun.error_code(BAD_REQUEST, "Bad Request"),)
    if not helps:
        attributes = (stun.error_code(FORBIDDEN, "Forbidden"),)
    elif asked.method == stun.BINDING:
        kind, attributes = "success", (stun.xor_mapped_address(*client, asked.transaction_id),)
    elif asked.method == stun.ALLOCATE and asked.first(stun.REQUESTED_TRANSPORT) is not None:
        nonce = (stun.NONCE, secrets.token_hex(8).encode())
        attributes = (stun.error_code(stun.UNAUTHORIZED, "Unauthorized"), (stun.REALM, REALM), nonce)
    attributes += ((stun.SOFTWARE, SOFTWARE),)
    wants_fingerprint = asked.fingerprint_valid is not None
    return stun.build(kind, asked.method, asked.transaction_id, attributes, fingerprint=wants_fingerprint)


class Datagrams(asyncio.DatagramProtocol):
    """The server on a UDP socket."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio, whose transport is no DatagramTransport by inheritance."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str | int, int]) -> None:
        """Called by asyncio; an IPv6 sender has two fields more."""
        client = (str(sender[0]), sender[1])
        said = answer(data, client, helps=self._host.helps(client[0]))
        if said is not None and self._transport is not None:
            self._transport.sendto(said, sender)


def opens(first: bytes) -> bool:
    """Whether a client's first bytes may begin a STUN message; text does not."""
    return first[0] < 0x40


async def serve_stun(stream: Stream, client: Client, *, helps: bool = True) -> None:
    """Answer messages over a stream, framed by their own length (RFC 8489 6.2.2). Raises Ended."""
    while True:
        head = await read_exactly(stream, stun.HEADER)
        try:
            rest = stun.length_of(head) - stun.HEADER
        except ValueError as error:
            raise Ended from error
        said = answer(head + await read_exactly(stream, rest), client, helps=helps)
        if said is None:
            return
        await stream.write(said)

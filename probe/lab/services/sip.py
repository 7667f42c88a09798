"""A SIP server as strangers meet it: it answers OPTIONS (RFC 3261, section 11.2) and turns everything else away."""

import asyncio
import secrets
from typing import cast

from probe.lab.services.streams import Ended, Stream
from probe.lab.world.world import Host, World
from probe.wire.sip.headers import read_via, values
from probe.wire.sip.message import KEEP_ALIVE_ANSWER, Message, NotSIP, SIPStream, read_message

SERVER = "lab"
ALLOWED = "INVITE, ACK, CANCEL, OPTIONS, BYE"
COPIED = ("from", "call-id", "cseq")  # section 8.2.6.2; Via and To go their own ways


def answer(message: Message, peer: tuple[str, int], *, helps: bool = True) -> bytes | None:
    """The response to a request that came from `peer` (address, port); None to a response or an ACK.

    Without `helps` it is a provisional one, and the only one.
    """
    if message.is_response or message.method == "ACK":
        return None
    final = "200 OK" if message.method == "OPTIONS" else "403 Forbidden"
    status = final if helps else "100 Trying"
    lines = [f"SIP/2.0 {status}", *_vias(message, peer)]
    lines += [f"{name.title()}: {message.first(name)}" for name in COPIED]
    tag = "" if message.receiver.tag else f";tag={secrets.token_hex(8)}"
    lines += [f"To: {message.first('to')}{tag}", f"Server: {SERVER}"]
    lines += [f"Allow: {ALLOWED}", "Accept: application/sdp"] if status == "200 OK" else []
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def _vias(message: Message, peer: tuple[str, int]) -> list[str]:
    """Every Via as it came, the topmost with the address from which we saw it come (sections 18.2.1; RFC 3581 4)."""
    written = values(message.lines("via"))
    top = read_via(written[0]) if written else None
    if top is None:
        return [f"Via: {value}" for value in written]
    here = ";".join(piece for piece in written[0].split(";") if piece.strip().lower() != "rport")
    if "rport" in top.params:
        here += f";received={peer[0]};rport={peer[1]}"
    elif top.host.strip("[]") != peer[0]:
        here += f";received={peer[0]}"
    return [f"Via: {value}" for value in [here, *written[1:]]]


class Datagrams(asyncio.DatagramProtocol):
    """The server on a UDP socket: the same in every world and on every host."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio, whose transport is no DatagramTransport by inheritance."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        """Called by asyncio."""
        try:
            said = answer(read_message(data), sender, helps=self._host.helps(sender[0]))
        except NotSIP:
            return
        if said is not None and self._transport is not None:
            self._transport.sendto(said, sender)


async def serve_sip(stream: Stream, peer: tuple[str, int], *, helps: bool = True) -> None:
    """Answer the requests of a stream, and its keep-alives. Raises Ended, also at what is no SIP."""
    messages, answered = SIPStream(), 0
    while True:
        try:
            for message in messages.feed(await stream.read()):
                said = answer(message, peer, helps=helps)
                if said is not None:
                    await stream.write(said)
        except NotSIP as error:
            raise Ended from error
        if messages.pings > answered:
            answered = messages.pings
            await stream.write(KEEP_ALIVE_ANSWER)

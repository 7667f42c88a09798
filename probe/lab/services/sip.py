"""Serve SIP for unknown clients: answer OPTIONS (RFC 3261, section 11.2) and refuse everything else."""

import asyncio
import secrets
from typing import cast

from probe.formats.exchanges.calls import SIPExchange
from probe.lab.services.server_streams import Ended, Stream
from probe.lab.sip_statuses import status_line
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.target import Endpoint
from probe.wire.sip.headers import read_via, values
from probe.wire.sip.sip_message import KEEP_ALIVE_ANSWER, NotSIP, SIPMessage, SIPStream, read_message

SERVER = "lab"
ALLOWED = "INVITE, ACK, CANCEL, OPTIONS, BYE"
COPIED = ("from", "call-id", "cseq")  # RFC 3261, section 8.2.6.2. Via and To are changed


def answer(message: SIPMessage, peer: tuple[str, int], *, serves: bool = True, refuses: int = 0) -> bytes | None:
    """Return the response to a request from `peer` (address, port), None to a response or an ACK.

    Without `serves` it is a provisional response, and no final one follows. `refuses` is a final status, or 0 for
    none.
    """
    if message.is_response or message.method == "ACK":
        return None
    final = "200 OK" if message.method == "OPTIONS" else "403 Forbidden"
    if refuses:
        final = status_line(refuses)
    status = final if serves else "100 Trying"
    lines = [f"SIP/2.0 {status}", *_vias(message, peer)]
    lines += [f"{name.title()}: {message.first(name)}" for name in COPIED]
    tag = "" if message.receiver.tag else f";tag={secrets.token_hex(8)}"
    lines += [f"To: {message.first('to')}{tag}", f"Server: {SERVER}"]
    lines += [f"Allow: {ALLOWED}", "Accept: application/sdp"] if status == "200 OK" else []
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def _vias(message: SIPMessage, peer: tuple[str, int]) -> list[str]:
    """Return the Via headers, the topmost with the sender's address (RFC 3261 18.2.1 and RFC 3581 4)."""
    written = values(message.lines("via"))
    top = read_via(written[0]) if written else None
    if top is None:
        return [f"Via: {value}" for value in written]
    via = ";".join(piece for piece in written[0].split(";") if piece.strip().lower() != "rport")
    if "rport" in top.params:
        via += f";received={peer[0]};rport={peer[1]}"
    elif top.host.strip("[]") != peer[0]:
        via += f";received={peer[0]}"
    return [f"Via: {value}" for value in [via, *written[1:]]]


def claimed(endpoint: Endpoint, place: str) -> SIPExchange:
    """Return the entry of an attempt that passed. A false helper claims it."""
    return SIPExchange(address=place, transport=endpoint.facts.transport or "udp", code=200)


class Datagrams(asyncio.DatagramProtocol):
    """Answer SIP on a UDP socket."""

    def __init__(self, world: World, host: Host) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. asyncio's own is no subclass of DatagramTransport, so it is cast."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        try:
            host = self._host
            refuses = host.refuses_call(sender[0])
            response = answer(read_message(data), sender, serves=host.serves(sender[0]), refuses=refuses)
        except NotSIP:
            return
        if response is not None and self._transport is not None:
            self._transport.sendto(response, sender)


async def serve_sip(stream: Stream, peer: tuple[str, int], *, serves: bool = True, refuses: int = 0) -> None:
    """Answer the requests and keep-alives of a stream, as `answer` does. Raises Ended, also if it is not SIP."""
    messages, answered = SIPStream(), 0
    while True:
        try:
            for message in messages.feed(await stream.read()):
                response = answer(message, peer, serves=serves, refuses=refuses)
                if response is not None:
                    await stream.write(response)
        except NotSIP as error:
            raise Ended from error
        if messages.pings > answered:
            answered = messages.pings
            await stream.write(KEEP_ALIVE_ANSWER)

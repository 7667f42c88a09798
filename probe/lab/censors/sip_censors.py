"""Define the SIP gateway that rewrites the caller's address, which is no censor, and the censor that answers SIP."""

import re
from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.lab.sip_statuses import drawn_status, status_line
from probe.wire.sip.sip_message import NotSIP, SIPMessage, is_request, read_message

_SENT_BY = re.compile(rb"(?im)^((?:via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*\w+[ \t]+)[^\s;,]+")
_CONTACT = re.compile(rb"(?im)^((?:contact|m)[ \t]*:[^\r\n<]*<?sips?:(?:[^@\r\n<>;]*@)?)[^\s;,<>]+")

Header = Literal["via", "contact"]
REWRITTEN: dict[Header, re.Pattern[bytes]] = {"via": _SENT_BY, "contact": _CONTACT}


class SIPAlg(AddressFilter):
    """Write the sender's address into SIP requests over UDP. The answers stay as the server sends them."""

    WIRE = (
        WireTest(
            {"names": ["proxy.sipthor.net"]},
            (
                Exchange("sip/udp", "proxy.sipthor.net", 5060, contains="Via: ", lacks="anonymous.invalid;branch"),
                Exchange("sip/udp", "sip.telnyx.eu", 5060, contains="anonymous.invalid;branch"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    rewrites: list[Header] = Field(
        default=["via", "contact"], min_length=1, description='headers: "via" (sent-by), "contact" (host of the URI)'
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or not self._matches(packet.destination, packet.dport):
            return None
        payload = packet.payload
        if not is_request(payload):
            return None
        sender = f"[{packet.src}]:{packet.sport}" if packet.version == 6 else f"{packet.src}:{packet.sport}"
        head, end, body = payload.partition(b"\r\n\r\n")
        for header in self.rewrites:
            head = REWRITTEN[header].sub(lambda found: found[1] + sender.encode(), head)
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return Actions(replace=udp_packet(*flow, head + end + body, ttl=packet.ttl))


class SIPInjection(AddressFilter):
    """Answer SIP requests over UDP with a final status in the server's name.

    In-path it holds the request back, so that the server never answers. On-path the server's own answer follows.
    """

    WIRE = (
        WireTest(
            {"names": ["sip.voipfone.net"], "status": 480, "on_path": False},
            (
                Exchange("sip/udp", "sip.voipfone.net", 5060, contains="SIP/2.0 480 ", lacks="Server"),
                Exchange("sip/udp", "voiceless.aa.net.uk", 5060, contains="SIP/2.0 200 "),
            ),
        ),
    )

    on_path: bool = Field(
        default=True, description="true: it sees a copy, and the server answers too. false: it holds the request back"
    )
    status: int = Field(
        default=480, ge=0, le=699, description="final status of its answers, 0: one for each seed, but not 480 or 500"
    )
    product: str = Field(
        default="", description="Server header of its answers, as routers with telephony send, empty: none"
    )
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which its answers are sent, 0: drawn by seed")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or not self._matches(packet.destination, packet.dport):
            return None
        try:
            message = read_message(packet.payload)
        except NotSIP:
            return None
        if message.is_response:
            return None
        back = (packet.dst, packet.src, packet.dport, packet.sport)
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        return Actions(forward=self.on_path, to_client=[(0.0, udp_packet(*back, self._refusal(message), ttl=ttl))])

    def _refusal(self, message: SIPMessage) -> bytes:
        """Return a refusal that copies Via as it stands. It names no server, unless the device has a product name."""
        tag = self._random("tag", message.call_id).randbytes(8).hex()
        copied = [(name, message.first(name)) for name in ("via", "from", "call-id", "cseq")]
        status = self.status or drawn_status(self._random("status"))
        lines = [
            f"SIP/2.0 {status_line(status)}",
            *(f"{name.title()}: {value}" for name, value in copied),
        ]
        lines += [f"Server: {self.product}"] if self.product else []
        lines += [f"To: {message.first('to')};tag={tag}", "Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()

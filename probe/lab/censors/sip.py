"""A box that knows SIP and means well: it rewrites what a caller says of his address."""

import re
from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import Aimed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire.sip.message import is_request

_SENT_BY = re.compile(rb"(?im)^((?:via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*\w+[ \t]+)[^\s;,]+")
_CONTACT = re.compile(rb"(?im)^((?:contact|m)[ \t]*:[^\r\n<]*<?sips?:(?:[^@\r\n<>;]*@)?)[^\s;,<>]+")

Header = Literal["via", "contact"]
REWRITTEN: dict[Header, re.Pattern[bytes]] = {"via": _SENT_BY, "contact": _CONTACT}


class SIPAlg(Aimed):
    """A gateway in the way: writes the sender's address into SIP requests over UDP, and leaves the answers so."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    rewrites: list[Header] = Field(
        default=["via", "contact"], min_length=1, description='where: "via" (sent-by), "contact" (host of the URI)'
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or not self._means(packet.destination, packet.dport):
            return None
        payload = packet.payload
        if not is_request(payload):
            return None
        here = f"[{packet.src}]:{packet.sport}" if packet.version == 6 else f"{packet.src}:{packet.sport}"
        head, end, body = payload.partition(b"\r\n\r\n")
        for header in self.rewrites:
            head = REWRITTEN[header].sub(lambda found: found[1] + here.encode(), head)
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return Actions(replace=udp_packet(*flow, head + end + body, ttl=packet.ttl))

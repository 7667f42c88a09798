"""Define the SIP gateway that rewrites the caller's address. It is no censor, but a common middlebox."""

import re
from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire.sip.message import is_request

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

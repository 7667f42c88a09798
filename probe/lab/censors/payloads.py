"""Define the censor that recognises protocols by the payload of datagrams, on any port."""

import re
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import DROP, AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet
from probe.wire.stun import is_stun

_SIP = re.compile(rb"\s*(?:[A-Za-z0-9.!%*_+`'~-]+ [^\s]+ SIP/2\.0|SIP/2\.0 \d{3})(?=[\s])", re.IGNORECASE)

Protocol = Literal["stun", "sip"]


def is_sip(payload: bytes) -> bool:
    """Return whether a datagram begins like a SIP request or response (RFC 3261 7.1, 7.2)."""
    return _SIP.match(payload) is not None


RECOGNISERS: dict[Protocol, Callable[[bytes], bool]] = {"stun": is_stun, "sip": is_sip}


class PayloadDrop(AddressFilter):
    """Drop UDP datagrams with one of the protocols, on any port. Other datagrams pass."""

    WIRE = (
        WireTest(
            {"names": ["stun.uls.co.za"], "protocols": ["stun"], "direction": "out"},
            (
                Exchange("stun/udp", "stun.uls.co.za", 3478, end="silent"),
                Exchange("stun/udp", "stun.mixvoip.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    protocols: list[Protocol] = Field(min_length=1, description='protocols that are recognised: "stun", "sip"')
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's datagrams, in: the answers, or both"
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_udp:
            return None
        out = direction is Direction.OUT
        if self.direction != "both" and out != (self.direction == "out"):
            return None
        address, port = (packet.destination, packet.dport) if out else (packet.source, packet.sport)
        if not self._matches(address, port):
            return None
        payload = packet.payload
        return DROP if any(RECOGNISERS[protocol](payload) for protocol in self.protocols) else None

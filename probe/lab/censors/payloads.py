"""A censor that knows protocols by what the datagrams carry, on whatever port."""

import re
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import DROP, Aimed
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet
from probe.wire.stun import is_stun

_SIP = re.compile(rb"\s*(?:[A-Za-z0-9.!%*_+`'~-]+ [^\s]+ SIP/2\.0|SIP/2\.0 \d{3})(?=[\s])", re.IGNORECASE)

Protocol = Literal["stun", "sip"]


def is_sip(payload: bytes) -> bool:
    """Whether a datagram begins as a SIP request or response does (RFC 3261 7.1, 7.2)."""
    return _SIP.match(payload) is not None


RECOGNISERS: dict[Protocol, Callable[[bytes], bool]] = {"stun": is_stun, "sip": is_sip}


class PayloadDrop(Aimed):
    """Drops UDP datagrams that carry one of the protocols, on any port; other datagrams pass."""

    on_path: Literal[False] = Field(default=False, description="always false: it has to hold the packet")
    protocols: list[Protocol] = Field(min_length=1, description='what is recognised: "stun", "sip"')
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="which datagrams: the client's (out), the answers (in), or both"
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if not packet.is_udp:
            return None
        out = direction is Direction.OUT
        if self.direction != "both" and out != (self.direction == "out"):
            return None
        address, port = (packet.destination, packet.dport) if out else (packet.source, packet.sport)
        if not self._means(address, port):
            return None
        payload = packet.payload
        return DROP if any(RECOGNISERS[protocol](payload) for protocol in self.protocols) else None

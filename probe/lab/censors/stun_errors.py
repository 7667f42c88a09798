"""Define the devices that answer STUN and TURN in the server's name, or change the answers."""

from typing import Literal

from pydantic import Field

from probe.lab.censors.kit.middlebox import AddressFilter
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.wire import stun

_DRAWN = {
    400: "Bad Request",
    403: "Forbidden",
    420: "Unknown Attribute",
    441: "Wrong Credentials",
    486: "Allocation Quota Reached",
    500: "Server Error",
    508: "Insufficient Capacity",
}


class STUNInjection(AddressFilter):
    """Answer requests of STUN and TURN over UDP by an error in the server's name.

    In-path it holds the request back, so that the server never answers. On-path the server's own answer follows.
    """

    WIRE = (
        WireTest(
            {"names": ["stun.telnyx.com"], "code": 403, "on_path": False},
            (
                Exchange("stun/udp", "stun.telnyx.com", 3478, contains="\1\x11"),
                Exchange("stun/udp", "stun.mixvoip.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: bool = Field(
        default=True, description="true: it sees a copy, and the server answers too. false: it holds the request back"
    )
    code: int = Field(default=403, ge=0, le=699, description="number of its errors, 0: one for each seed")
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which its answers are sent, 0: drawn by seed")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or not self._matches(packet.destination, packet.dport):
            return None
        try:
            asked = stun.parse(packet.payload)
        except ValueError:
            return None
        if asked.kind != "request":
            return None
        code = self.code or self._random("code").choice(tuple(_DRAWN))
        error = stun.error_code(code, _DRAWN.get(code, "Refused"))
        marked = asked.fingerprint_valid is not None
        answer = stun.build("error", asked.method, asked.transaction_id, (error,), fingerprint=marked)
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        back = (packet.dst, packet.src, packet.dport, packet.sport)
        return Actions(forward=self.on_path, to_client=[(0.0, udp_packet(*back, answer, ttl=ttl))])


class STUNRewrite(AddressFilter):
    """Write a private address for the client into answers of STUN over UDP, as a faulty gateway does."""

    WIRE = (
        WireTest(
            {"names": ["stun.m-online.net"]},
            (
                Exchange("stun/udp", "stun.m-online.net", 3478, contains="\1\1"),
                Exchange("stun/udp", "stun.mixvoip.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.IN or not packet.is_udp or not self._matches(packet.source, packet.sport):
            return None
        try:
            answer = stun.parse(packet.payload)
        except ValueError:
            return None
        if answer.kind != "success" or answer.mapped is None:
            return None
        drawn = self._random("address").randint(1, 250)
        address = f"fd00::17:{drawn}" if packet.version == 6 else f"192.168.17.{drawn}"
        mapped = stun.xor_mapped_address(address, answer.mapped[1], answer.transaction_id)
        kept = tuple(each for each in answer.attributes if each[0] == stun.SOFTWARE)
        marked = answer.fingerprint_valid is not None
        changed = stun.build("success", answer.method, answer.transaction_id, (mapped, *kept), fingerprint=marked)
        flow = (packet.src, packet.dst, packet.sport, packet.dport)
        return Actions(replace=udp_packet(*flow, changed, ttl=packet.ttl))

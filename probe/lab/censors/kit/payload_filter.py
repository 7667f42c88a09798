"""Define the base of censors that recognise protocols by the payload of datagrams, on any port."""

import re
from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from probe.lab.censors.kit.flows import FlowAges, flow_of
from probe.lab.censors.kit.middlebox import AddressFilter
from probe.lab.net.layout import Direction
from probe.lab.net.packets import Packet
from probe.wire import stun
from probe.wire.dtls.client_hello import is_client_hello
from probe.wire.media import rtp, whatsapp_shape
from probe.wire.telegram.reflector import is_hello, parse

_SIP = re.compile(rb"\s*(?:[A-Za-z0-9.!%*_+`'~-]+ [^\s]+ SIP/2\.0|SIP/2\.0 \d{3})(?=[\s])", re.IGNORECASE)
RTP_HEADER = 12  # bytes (RFC 3550, 5.1)
REFLECTOR_FRAME = 24  # bytes before the data
STATIC_TYPES, DYNAMIC_TYPES = range(35), range(96, 128)  # payload types of RTP (RFC 3551, 6). RTCP has others.

Protocol = Literal["stun", "reflector", "reflector_data", "dtls", "sip", "rtp", "webrtc", "whatsapp"]


def is_sip(payload: bytes) -> bool:
    """Return whether a datagram begins like a SIP request or response (RFC 3261 7.1, 7.2)."""
    return _SIP.match(payload) is not None


def is_rtp(payload: bytes) -> bool:
    """Return whether a datagram begins like RTP: version 2, no padding, no sources, and a known payload type.

    Random bytes look so in 4 of 1000 datagrams.
    """
    if len(payload) < RTP_HEADER or payload[0] & 0xEF != 0x80:
        return False
    kind = payload[1] & 0x7F
    return kind in STATIC_TYPES or kind in DYNAMIC_TYPES


def is_webrtc(payload: bytes) -> bool:
    """Return whether a datagram begins like RTP with the payload type that browsers give to Opus."""
    return is_rtp(payload) and payload[1] & 0x7F == rtp.PAYLOAD_TYPE


def is_reflector_data(payload: bytes) -> bool:
    """Return whether a datagram is a frame of a call through Telegram's relays, whose length is that of its data."""
    try:
        packet = parse(payload)
    except ValueError:
        return False
    return bool(packet.data) and len(payload) - len(packet.data) - REFLECTOR_FRAME < 4


RECOGNISERS: dict[Protocol, Callable[[bytes], bool]] = {
    "stun": stun.is_stun,
    "reflector": is_hello,
    "reflector_data": is_reflector_data,
    "dtls": is_client_hello,
    "sip": is_sip,
    "rtp": is_rtp,
    "webrtc": is_webrtc,
    "whatsapp": whatsapp_shape.is_voice,
}


class PayloadFilter(AddressFilter):
    """Represent a censor of UDP datagrams by their payload, their direction and their place in the flow.

    Only recognised datagrams count for the place. Each direction of a flow is counted on its own.
    """

    protocols: list[Protocol] = Field(
        default=[],
        description=(
            'recognised: "stun", "reflector" (its hello), "reflector_data" (frames of a call), "dtls", "sip", "rtp", '
            '"webrtc" (RTP with Opus) and "whatsapp" (RTP with its extension), empty: every datagram'
        ),
    )
    attributes: list[int] = Field(
        default=[], description="only STUN messages with one of these attributes, such as 0x4000, empty: all"
    )
    longer_than: int = Field(default=0, ge=0, description="only datagrams with more bytes of payload than this")
    direction: Literal["both", "out", "in"] = Field(
        default="both", description="out: the client's datagrams, in: the answers, or both"
    )
    after_packets: int = Field(default=0, ge=0, description="so many datagrams of a flow pass before")
    until_packets: int | None = Field(
        default=None, ge=1, description="later datagrams of a flow pass, 1: only the first one is concerned; else none"
    )
    after_seconds: float = Field(
        default=0.0, ge=0, description="datagrams in so many seconds after a flow's first one pass"
    )
    until_seconds: float | None = Field(
        default=None, gt=0, description="datagrams so many seconds after a flow's first one pass; else none"
    )

    _ages: FlowAges = PrivateAttr(default_factory=FlowAges)

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        if self.until_packets is not None and self.until_packets <= self.after_packets:
            raise ValueError("until_packets must be more than after_packets")
        if self.until_seconds is not None and self.until_seconds <= self.after_seconds:
            raise ValueError("until_seconds must be later than after_seconds")
        return self

    def _concerns(self, packet: Packet, direction: Direction, now: float) -> bool:
        """Return whether a packet is a recognised datagram of a censored server, direction and place in its flow."""
        out = direction is Direction.OUT
        if not packet.is_udp or (self.direction != "both" and out != (self.direction == "out")):
            return False
        if not self._matches(*((packet.destination, packet.dport) if out else (packet.source, packet.sport))):
            return False
        return self._recognises(packet.payload) and self._is_in_place(packet, direction, now)

    def _recognises(self, payload: bytes) -> bool:
        if len(payload) <= self.longer_than:
            return False
        if self.protocols and not any(RECOGNISERS[protocol](payload) for protocol in self.protocols):
            return False
        return not self.attributes or _has_attribute(payload, self.attributes)

    def _is_in_place(self, packet: Packet, direction: Direction, now: float) -> bool:
        number, age = self._ages.add((flow_of(packet, direction), direction), now)
        if number <= self.after_packets or age < self.after_seconds:
            return False
        if self.until_packets is not None and number > self.until_packets:
            return False
        return self.until_seconds is None or age < self.until_seconds


def _has_attribute(payload: bytes, kinds: list[int]) -> bool:
    try:
        message = stun.parse(payload)
    except ValueError:
        return False
    return any(message.first(kind) is not None for kind in kinds)

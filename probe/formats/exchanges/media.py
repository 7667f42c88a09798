"""Define the entries of media to the test helper and back: a flow of packets like those of a call, and a whole call."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Entry
from probe.formats.field_notes import Bytes, Code, Count, Ordinal, Port, Seconds, TenthMilliseconds

LOST, NO_TIME, NOT_KNOWN = -1, -2, -3


class MediaFlow(Entry):
    """Record one flow of packets to the helper, which reflects them. Its address is not kept.

    `late`, `forth` and `back` have one number per packet. Delays are beyond the least delay of their direction, so that
    the difference of the two clocks is not in them. A lost packet is -1. A packet is -2 in `forth` if it arrived at an
    unknown time, because its reflection was lost. A packet is -3 if nothing is known of it. In `forth` it is behind the
    last packet that came back, and in `back` the helper received nothing to reflect.
    """

    LIST: ClassVar[str] = "media"
    OPERATION: ClassVar[str] = "media_flow"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip", "same_port_answered", "new_port_answered"})

    port: Port = Field(examples=[50000])  # the helper's
    shape: Literal["rtp", "whatsapp", "reflector", "opaque"] = Field(examples=["rtp"])  # what the datagrams look like
    pair: Ordinal = Field(default=0, examples=[2])  # 0 for the first pair of flows in a round of the run
    rank: Ordinal = Field(default=0, examples=[1])  # 0 for the flow of the pair that began first
    size: Bytes = Field(examples=[160])  # of a packet's payload
    interval: Seconds = Field(examples=[0.02])  # between two packets on the schedule
    established: bool = Field(default=False, examples=[True])  # the helper answered before the flow
    sent: Count = Field(default=0, examples=[500])  # packets
    reached: Count = Field(default=0, examples=[497])  # packets that the helper received, as far as is known
    returned: Count = Field(default=0, examples=[495])  # packets that came back
    copies: Count = Field(default=0, examples=[2])  # further copies of packets that came back
    refused: Count = Field(default=0, examples=[3])  # packets that the helper did not reflect, because of its limits
    foreign: Count = Field(default=0, examples=[1])  # received datagrams that do not belong to the flow
    round_trip: Seconds | None = Field(default=None, examples=[0.083])  # the least
    same_port_answered: bool | None = Field(default=None, examples=[True])
    """After two seconds without a packet at the end: the helper answered a request from the flow's port."""
    new_port_answered: bool | None = Field(default=None, examples=[True])  # the same from another port of our probe
    late: list[TenthMilliseconds] = Field(default_factory=list, examples=[[0, 1, 0]])  # sent behind the schedule
    forth: list[TenthMilliseconds] = Field(default_factory=list, examples=[[0, 12, -1]])  # delay to the helper
    back: list[TenthMilliseconds] = Field(default_factory=list, examples=[[3, 0, -3]])  # delay from the helper


class ReflectorCall(Entry):
    """Record a call of this computer with itself through a call relay of Telegram. It succeeds if the relay answers.

    `forth` and `back` have one number per packet: its time to the relay and back, -1 if it did not arrive. A relay that
    passes nothing on may not pair strangers.
    """

    LIST: ClassVar[str] = "reflector_calls"
    OPERATION: ClassVar[str] = "reflector_call"

    address: str = Field(examples=["192.0.2.1:597"])  # the relay's
    ready: Count = Field(default=0, examples=[2])  # sides of the call that the relay answered, 2 at most
    paired: bool = Field(default=False, examples=[True])  # the relay passed at least one packet on
    size: Bytes = Field(examples=[160])  # of a packet's payload
    interval: Seconds = Field(examples=[0.02])  # between two packets on the schedule
    sent: Count = Field(default=0, examples=[500])  # packets of each side, fewer if none arrived in the first second
    foreign: Count = Field(default=0, examples=[1])  # received datagrams that do not belong to the call
    forth: list[TenthMilliseconds] = Field(default_factory=list, examples=[[412, 409, -1]])  # from the caller
    back: list[TenthMilliseconds] = Field(default_factory=list, examples=[[415, -1, 410]])  # to the caller


class VoiceCounts(Entry):
    """Hold what was sent and received in a call."""

    sent: Count = Field(default=0, examples=[150])  # voice packets
    returned: Count = Field(default=0, examples=[149])  # voice packets that came back as they were sent
    received: Count = Field(default=0, examples=[3])  # other voice packets of the agreed encoding
    first_packet: Seconds | None = Field(
        default=None, examples=[0.035]
    )  # from the first voice packet sent to one received
    round_trip: Seconds | None = Field(default=None, examples=[0.034])  # the least of a voice packet
    longest_gap: Seconds | None = Field(default=None, examples=[0.062])  # between two received voice packets


class SIPCall(VoiceCounts):
    """Record one call to the helper over SIP (RFC 3261), as `anonymous.invalid`. No address is kept.

    It succeeds if the call was answered. A missing voice packet or a missing answer to BYE is no failure of the call.
    """

    LIST: ClassVar[str] = "sip_calls"
    OPERATION: ClassVar[str] = "sip_call"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"rang", "answered", "first_packet", "round_trip", "longest_gap", "bye_time"}
    )

    port: Port = Field(examples=[5060])  # the helper's, for SIP
    transport: Literal["udp"] = Field(default="udp", examples=["udp"])  # what carries it
    invites: Count = Field(default=0, examples=[1])  # INVITE datagrams sent, repetitions included
    provisional: list[Code] = Field(default_factory=list, examples=[[180]])  # the 1xx responses, at most 8
    code: Code = Field(default=0, examples=[200])  # final status of the INVITE (0: none)
    rang: Seconds | None = Field(default=None, examples=[0.041])  # from the first INVITE to the first 180 or 183
    answered: Seconds | None = Field(default=None, examples=[0.243])  # from the first INVITE to the 2xx
    cancelled: bool = Field(default=False, examples=[True])  # it rang too long, and our probe sent CANCEL
    encoding: str = Field(default="", examples=["opus"])  # what the answer chose of our offer, "" for nothing
    elsewhere: bool = Field(default=False, examples=[True])
    """The answer named another address for voice than the called one. Our probe then sends none."""
    bye_code: Code = Field(default=0, examples=[200])  # status of our BYE (0: none)
    bye_time: Seconds | None = Field(default=None, examples=[0.04])  # from the first BYE to its response
    ended_by_peer: bool = Field(default=False, examples=[True])  # the other side sent BYE first
    foreign: Count = Field(default=0, examples=[1])  # received messages that do not belong to the call


class WebRTCCall(VoiceCounts):
    """Record one call to the helper over WebRTC: ICE, DTLS-SRTP and voice packets. No address is kept.

    It succeeds if the keys were exchanged. A missing voice packet is no failure of the call.
    """

    LIST: ClassVar[str] = "webrtc_calls"
    OPERATION: ClassVar[str] = "webrtc_call"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"signalled", "connected", "secured", "first_packet", "round_trip", "longest_gap"}
    )

    signalled: Seconds | None = Field(default=None, examples=[0.12])  # until the helper's answer over HTTP
    connected: Seconds | None = Field(default=None, examples=[0.09])  # from then until ICE found a path
    secured: Seconds | None = Field(default=None, examples=[0.14])  # from then until the end of the DTLS handshake

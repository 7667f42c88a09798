"""Define the entry of a media flow: packets like those of a call, to the test helper and back."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Entry
from probe.formats.field_notes import Bytes, Count, Ordinal, Port, Seconds, TenthMilliseconds

LOST, NO_TIME, NOT_KNOWN = -1, -2, -3

AppShape = Literal["rtp"]
"""Shape of the packets in an app's calls. A target file names it, and `probe/wire/media/` writes such packets."""


class MediaFlow(Entry):
    """Record one flow of packets to the helper, which reflects them. Its address is not kept.

    `late`, `forth` and `back` have one number per packet. Delays are beyond the least delay of their direction, so that
    the difference of the two clocks is not in them. A lost packet is -1. A packet is -2 in `forth` if it arrived at an
    unknown time, because its reflection was lost. A packet is -3 if nothing is known of it. In `forth` it is behind the
    last packet that came back, and in `back` the helper received nothing to reflect.
    """

    LIST: ClassVar[str] = "media"
    OPERATION: ClassVar[str] = "media_flow"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip"})

    port: Port = Field(examples=[50000])  # the helper's
    shape: Literal["rtp", "opaque"] = Field(examples=["rtp"])  # what the datagrams look like
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
    late: list[TenthMilliseconds] = Field(default_factory=list, examples=[[0, 1, 0]])  # sent behind the schedule
    forth: list[TenthMilliseconds] = Field(default_factory=list, examples=[[0, 12, -1]])  # delay to the helper
    back: list[TenthMilliseconds] = Field(default_factory=list, examples=[[3, 0, -3]])  # delay from the helper

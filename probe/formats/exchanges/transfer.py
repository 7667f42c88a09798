"""Define the entry of a transfer: random bytes from the test helper, at a pace that it keeps."""

from typing import ClassVar

from pydantic import Field

from probe.formats.entries import Entry
from probe.formats.field_notes import Bytes, Count, Ordinal, Port, Seconds


class Transfer(Entry):
    """Record one transfer from the helper. Its address is not kept.

    It succeeds if the first bytes arrived. A transfer that is slower than its pace is no failure, and a connection that
    breaks later is one.
    """

    LIST: ClassVar[str] = "transfers"
    OPERATION: ClassVar[str] = "transfer"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"upload", "http_host", "secured", "asked", "first_byte"}
        | {"segments", "repeated", "round_trip", "least_round_trip", "segment_size", "acked", "acknowledged"}
    )

    port: Port = Field(examples=[8443])  # the helper's
    server_name: str = Field(default="", examples=["www.example.org"])  # the SNI on the wire
    http_host: str | None = Field(default=None, examples=["www.example.org"])
    """Host header of a transfer over HTTP without TLS. `server_name` is then ""."""
    upload: bool | None = Field(default=None, examples=[True])
    """True if this computer sent the bytes. `received` and `total` are then what the helper reported."""
    pair: Ordinal = Field(default=0, examples=[1])  # 0 for the first pair of transfers in a measurement
    rank: Ordinal = Field(default=0, examples=[1])  # 0 for the transfer of the pair that began first
    pace: Bytes = Field(default=0, examples=[64000])  # that the helper keeps, in each second
    interval: Seconds = Field(examples=[0.05])  # of each number in `received`
    secured: Seconds | None = Field(
        default=None, examples=[0.21]
    )  # from `t0` to the end of the TLS handshake, or of the connect
    asked: Seconds | None = Field(default=None, examples=[1.1])  # when the token was sent, since the measurement began
    first_byte: Seconds | None = Field(default=None, examples=[0.11])  # from then to the first byte
    lasted: Seconds = Field(default=0.0, examples=[6.02])  # from `asked` to the end of reading
    complete: bool = Field(default=False, examples=[True])  # the helper ended it after all its bytes
    total: Bytes = Field(default=0, examples=[384023])  # received in all
    received: list[Bytes] = Field(default_factory=list, examples=[[3200, 0, 6400]])
    """Bytes that were read in each interval since `asked`. Numbers at the end that are missing are 0."""
    segments: Count | None = Field(default=None, examples=[312])  # with data, sent by the sender's kernel
    repeated: Count | None = Field(default=None, examples=[4])  # of these, sent again
    round_trip: Seconds | None = Field(default=None, examples=[0.13])  # smoothed, at the helper's last frame
    least_round_trip: Seconds | None = Field(default=None, examples=[0.11])  # the least that the helper's kernel saw
    segment_size: Bytes | None = Field(default=None, examples=[524])  # longest payload of a segment
    acked: Bytes | None = Field(default=None, examples=[63820])  # of an upload: sent bytes that were acknowledged
    acknowledged: bool | None = Field(default=None, examples=[True])
    """After a transfer stopped: whether the helper's system acknowledged further bytes. Absent if it did not stop."""

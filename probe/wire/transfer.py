"""Write and read the frames of a transfer: random bytes of the test helper, with what its kernel knows in each frame.

The probe sends a token, as bytes inside TLS or as the path of an HTTP request in the clear. The helper then sends
frames until the transfer ends. A probe that stops reading early still has the figures of the last frame that arrived.
"""

import re
import struct
from typing import NamedTuple

from probe.signatures.silent_streams import LARGEST_FRAME

PACE = 64_000  # bytes a second
FAST_PACE = 2 * PACE  # the pace of a transfer that finds a higher limit
SECONDS = 6.0
TOTAL = 384_000  # bytes of frames, PACE for SECONDS, in frames of LARGEST_FRAME bytes. A fast one has twice as many.

_LAYOUT = struct.Struct("!BHIIIII")
_NOT_KNOWN = 2**32 - 1
HEADER = _LAYOUT.size
REPORT = 0.1  # seconds between two reports of an upload, at least

LONGEST_REQUEST = 4096  # bytes of a request in the clear
END_OF_HEAD = b"\r\n\r\n"
ACCEPTED = b"HTTP/1.1 200 "  # begin of an answer with a transfer
ANSWER_HEAD = ACCEPTED + (
    b"OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\nConnection: close" + END_OF_HEAD
)
_REQUEST = re.compile(rb"GET /([0-9a-f]{2,64}) HTTP/1\.1\r\n")

DATA, END, BUSY = 1, 2, 3  # kinds. BUSY: the helper has no place for a transfer.


def request_path(token: bytes) -> str:
    """Return the path of a request for a transfer in the clear."""
    return f"/{token.hex()}"


def requested_token(head: bytes) -> bytes:
    """Return the token of a request in the clear, b"" if it asks for no transfer."""
    found = _REQUEST.match(head)
    return bytes.fromhex(found[1].decode()) if found and len(found[1]) % 2 == 0 else b""


class SenderCounters(NamedTuple):
    """Hold what the sender's kernel knows of the connection (TCP_INFO), None where its system tells nothing.

    Round trips are in microseconds.
    """

    segments: int | None = None  # with data, repeated ones included
    repeated: int | None = None  # sent again
    round_trip: int | None = None  # smoothed
    least_round_trip: int | None = None


class Frame(NamedTuple):
    """Hold one frame. `sent` are the bytes of all frames up to its end."""

    kind: int
    size: int
    sent: int
    known: SenderCounters


def write_frame(kind: int, body: bytes, sent: int, known: SenderCounters) -> bytes:
    """Return a frame. Raises struct.error for a number that does not fit."""
    numbers = (_NOT_KNOWN if number is None else min(number, _NOT_KNOWN) for number in known)
    return _LAYOUT.pack(kind, len(body), sent, *numbers) + body


class FrameReader:
    """Collect the frames of a stream that arrives in pieces. Bodies are not kept."""

    def __init__(self) -> None:
        self.newest: Frame | None = None  # the last frame of which the header arrived
        self._header = bytearray()
        self._left = 0  # bytes of the current body

    def feed(self, data: bytes) -> None:
        """Read further bytes. Raises ValueError for a frame of an unknown kind, or one that is too large."""
        view = memoryview(data)
        while view:
            body = min(self._left, len(view))
            self._left -= body
            view = view[body:]
            needed = HEADER - len(self._header)
            if self._left or not view:
                continue
            self._header += view[:needed]
            view = view[needed:]
            if len(self._header) == HEADER:
                self._begin()

    @property
    def ended(self) -> bool:
        """Return whether the helper has ended the transfer or refused it."""
        return self.newest is not None and self.newest.kind in (END, BUSY) and not self._left

    def _begin(self) -> None:
        kind, size, sent, *numbers = _LAYOUT.unpack(self._header)
        self._header.clear()
        if kind not in (DATA, END, BUSY) or size > LARGEST_FRAME:
            raise ValueError(f"a frame of kind {kind} with {size} bytes")
        self._left = size
        known = SenderCounters(*(None if number == _NOT_KNOWN else number for number in numbers))
        self.newest = Frame(kind, size, sent, known)

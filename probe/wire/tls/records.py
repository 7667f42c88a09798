"""Check whether received bytes are TLS records, and find alerts in the clear."""

from dataclasses import dataclass

HEADER = 5  # type, version (two bytes), length (two bytes): RFC 8446 section 5.1
LONGEST = 2**14 + 2048  # RFC 5246 section 6.2.3, the larger of the versions' limits
ALERT = 21
FATAL = 2
CLOSE_NOTIFY = 0
KEPT = 256  # bytes that are kept from the start


@dataclass(frozen=True)
class Alert:
    """Represent an alert in the clear. `level` is 1 (warning) or 2 (fatal), `description` as in RFC 8446 section 6."""

    level: int
    description: int


def is_prefix_of_record(data: bytes) -> bool:
    """Return whether the first five bytes of `data`, or fewer, can begin a TLS record."""
    if data[:1] and data[0] not in range(20, 24):
        return False
    if data[1:2] and data[1] != 3:
        return False
    if data[2:3] and data[2] > 4:
        return False
    return len(data) < HEADER or 0 < int.from_bytes(data[3:5]) <= LONGEST


class RecordWatch:
    """Follow the record headers in a received stream of pieces of any size."""

    def __init__(self) -> None:
        self.start = b""  # the first KEPT bytes received
        self.answered = False  # the stream began with a well-formed record header
        self.alert: Alert | None = None  # the last one in the clear
        self._lost = False
        self._pending = bytearray()  # bytes of the incomplete record

    @property
    def not_tls(self) -> bool:
        """Return whether the first bytes of the stream are no TLS."""
        return not self.answered and not is_prefix_of_record(self.start)

    def feed(self, data: bytes) -> None:
        self.start += data[: KEPT - len(self.start)]
        if self._lost:
            return
        self._pending += data
        while len(self._pending) >= HEADER and not self._lost:
            if not is_prefix_of_record(bytes(self._pending[:HEADER])):
                self._lost = True  # later records cannot be found after a bad header
                self._pending.clear()
                return
            self.answered = True
            end = HEADER + int.from_bytes(self._pending[3:5])
            if len(self._pending) < end:
                return
            self._take(self._pending[0], bytes(self._pending[HEADER:end]))
            del self._pending[:end]

    def _take(self, kind: int, body: bytes) -> None:
        # An encrypted alert of TLS 1.2 has the same type, but is longer than two bytes.
        if kind == ALERT and len(body) == 2 and body[0] in (1, FATAL):
            self.alert = Alert(body[0], body[1])

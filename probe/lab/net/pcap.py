"""Writes packets to a pcap file (libpcap's classic format, link type RAW) for tests that count what was on the wire."""

import struct
import time

LINKTYPE_RAW = 101


class Recording:
    """A pcap file; each packet is on disk once `add` returns, since the fabric ends by being killed."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (open as long as the fabric lives)
        self._file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        self._offset = time.time() - time.monotonic()

    def add(self, raw: bytes, now: float) -> None:
        """One packet, seen at `now` seconds of the monotonic clock."""
        micros = int((now + self._offset) * 1_000_000)
        self._file.write(struct.pack("=IIII", micros // 1_000_000, micros % 1_000_000, len(raw), len(raw)) + raw)

"""Write packets to a pcap file (classic libpcap format, link type RAW), to debug the lab and to count triggers."""

import struct
import time

LINKTYPE_RAW = 101


class Recording:
    """Write one pcap file. Each packet is written before `add` returns, because the fabric is ended by SIGKILL."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (open until the process ends)
        self._file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        self._offset = time.time() - time.monotonic()

    def add(self, raw: bytes, now: float) -> None:
        """Write a packet that passed at `now` (seconds, monotonic clock)."""
        micros = int((now + self._offset) * 1_000_000)
        self._file.write(struct.pack("=IIII", micros // 1_000_000, micros % 1_000_000, len(raw), len(raw)) + raw)

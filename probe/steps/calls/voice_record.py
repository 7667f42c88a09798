"""Collect which voice packets were sent and came back, and write it to the entry of a call."""

from dataclasses import dataclass, field

from probe.formats.exchanges.media import VoiceCounts
from probe.wire.media.rtp import read_header


@dataclass
class VoiceRecord:
    """Hold the packets of one call. Times are those of the event loop."""

    payload_type: int | None = None
    _sent: dict[int, tuple[bytes, float]] = field(default_factory=dict)  # packet and time, by sequence number
    _back: set[int] = field(default_factory=set)
    _others: int = 0
    _times: list[float] = field(default_factory=list)  # of all received packets
    _round_trip: float | None = None

    def sent(self, sequence: int, packet: bytes, now: float) -> None:
        self._sent[sequence & 0xFFFF] = packet, now

    def received(self, raw: bytes, now: float) -> None:
        """Note a received packet. Other bytes than RTP of the agreed payload type are ignored."""
        header = read_header(raw)
        if header is None or header[0] != self.payload_type:
            return
        packet, sent = self._sent.get(header[1], (b"", 0.0))
        if raw != packet:
            self._others += 1
        elif header[1] not in self._back:
            self._back.add(header[1])
            trip = round(now - sent, 6)
            self._round_trip = trip if self._round_trip is None else min(trip, self._round_trip)
        self._times.append(now)

    def write_to(self, entry: VoiceCounts) -> None:
        entry.sent, entry.returned, entry.received = len(self._sent), len(self._back), self._others
        entry.round_trip = self._round_trip
        if self._times and self._sent:
            began = min(time for _, time in self._sent.values())
            entry.first_packet = round(max(0.0, min(self._times) - began), 6)
            gaps = (after - before for before, after in zip(self._times, self._times[1:], strict=False))
            entry.longest_gap = round(max(gaps, default=0.0), 6)

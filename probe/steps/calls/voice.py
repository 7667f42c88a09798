"""Send voice packets (RTP, RFC 3550) of random content on the clock of a call, and count what comes back."""

import asyncio
import secrets

from probe.formats.media import SIPCall
from probe.platforms.sockets.datagrams import ask_for_arrival
from probe.session.pacing import Pace
from probe.steps.udp_socket import UDPSocket
from probe.wire.media.rtp import TIMESTAMP_STEP, read_header, write_header
from probe.wire.media.shape import PAYLOAD
from probe.wire.sip.sdp import NAMES

INTERVAL, TAIL = 0.02, 0.5  # seconds between packets, and for the last ones after the flow
OF_TELEPHONES = 160  # bytes and steps of the timestamp in 20 ms, with 8000 samples per second of one byte


class Voice(UDPSocket):
    """Hold the socket of the voice packets. It has the same peer as the signalling, at first at the same port."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._ip = ip
        self._payload_type: int | None = None
        self._sent: dict[int, tuple[bytes, float]] = {}  # packet and time, by sequence number
        self._back: set[int] = set()
        self._others = 0
        self._times: list[float] = []  # of all received packets
        self._round_trip: float | None = None
        self._error: OSError | None = None
        super().__init__(ip, port, pace)
        ask_for_arrival(self._sock)

    async def talk(self, port: int, payload_type: int, seconds: float, until: asyncio.Event) -> None:
        """Send packets to `port` for `seconds`, or until the event. Raises OSError if the kernel refuses the port."""
        self._sock.connect((self._ip, port))
        self._payload_type = payload_type
        began, number, timestamp, ssrc = (
            self._loop.time(),
            secrets.randbits(16),
            secrets.randbits(32),
            secrets.randbits(32),
        )
        size, step = (OF_TELEPHONES,) * 2 if payload_type in NAMES else (PAYLOAD, TIMESTAMP_STEP)
        for place in range(round(seconds / INTERVAL)):
            await asyncio.sleep(max(0.0, began + place * INTERVAL - self._loop.time()))
            if until.is_set() or self._error is not None:
                return
            header = write_header(payload_type, number + place, timestamp + step * place, ssrc)
            packet = header + secrets.token_bytes(size)
            self._sent[number + place & 0xFFFF] = packet, self._loop.time()
            self._send(packet)
        await asyncio.sleep(TAIL)

    def close(self) -> None:
        """Stop receiving."""
        self._close()

    def write_to(self, entry: SIPCall) -> None:
        """Write the counts and the times."""
        entry.sent, entry.returned, entry.received = len(self._sent), len(self._back), self._others
        entry.round_trip = self._round_trip
        if self._times:
            began = min(time for _, time in self._sent.values())
            entry.first_packet = round(max(0.0, min(self._times) - began), 6)
            gaps = (after - before for before, after in zip(self._times, self._times[1:], strict=False))
            entry.longest_gap = round(max(gaps, default=0.0), 6)

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        now, header = self._loop.time() - self._waited, read_header(raw)
        if header is None or header[0] != self._payload_type:
            return
        packet, sent = self._sent.get(header[1], (b"", 0.0))
        if raw != packet:
            self._others += 1
        elif header[1] not in self._back:
            self._back.add(header[1])
            trip = round(now - sent, 6)
            self._round_trip = trip if self._round_trip is None else min(trip, self._round_trip)
        self._times.append(now)

    def _refused(self, error: OSError) -> None:
        self._error = error

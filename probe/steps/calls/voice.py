"""Send voice packets (RTP, RFC 3550) of random content on the clock of a call, and count what comes back."""

import asyncio
import secrets
from collections.abc import Iterator

from probe.platforms.sockets.datagram_sockets import ask_for_arrival
from probe.session.pacing import Pace
from probe.signatures.call_packets import INTERVAL
from probe.steps.calls.voice_record import VoiceRecord
from probe.steps.udp_socket import UDPSocket
from probe.wire.media.rtp import HEADER, TIMESTAMP_STEP, write_header
from probe.wire.media.shape import PACKET
from probe.wire.sip.sdp import NAMES

TAIL = 0.5  # seconds for the last packets after the flow
OF_TELEPHONES = 160  # bytes and steps of the timestamp in 20 ms, with 8000 samples per second of one byte


def packets(payload_type: int, seconds: float) -> Iterator[tuple[int, bytes]]:
    """Yield sequence number and bytes of each packet. The first numbers are random."""
    sequence, timestamp, ssrc = secrets.randbits(16), secrets.randbits(32), secrets.randbits(32)
    size, step = (OF_TELEPHONES, OF_TELEPHONES) if payload_type in NAMES else (PACKET - HEADER, TIMESTAMP_STEP)
    for place in range(round(seconds / INTERVAL)):
        header = write_header(payload_type, sequence + place, timestamp + step * place, ssrc)
        yield sequence + place, header + secrets.token_bytes(size)


class Voice(UDPSocket):
    """Hold the socket of the voice packets. It has the same peer as the signalling, at first at the same port."""

    def __init__(self, ip: str, port: int, pace: Pace) -> None:
        self._ip = ip
        self._error: OSError | None = None
        self.record = VoiceRecord()
        super().__init__(ip, port, pace)
        ask_for_arrival(self._sock)

    async def exchange(self, port: int, payload_type: int, seconds: float, until: asyncio.Event) -> None:
        """Send packets to `port` for `seconds`, or until the event. Raises OSError if the kernel refuses the port."""
        self._sock.connect((self._pace.way_to(self._ip), port))
        self.record.payload_type, began = payload_type, self._loop.time()
        for place, (sequence, packet) in enumerate(packets(payload_type, seconds)):
            await asyncio.sleep(max(0.0, began + place * INTERVAL - self._loop.time()))
            if until.is_set() or self._error is not None:
                return
            self.record.sent(sequence, packet, self._loop.time())
            self._send(packet)
        await asyncio.sleep(TAIL)

    def close(self) -> None:
        self._close()

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        self.record.received(raw, self._loop.time() - self._waited)

    def _refused(self, error: OSError) -> None:
        self._error = error

"""Make a call with oneself through a call relay of Telegram, over UDP (step `reflector_call`).

Two sockets announce themselves as the two sides of a call, with a made-up tag that no account knows. A relay that pairs
clients by their tags passes packets on between them. It is not proven that real relays pair strangers. A relay that
does not pair them gets the packets of one second at most. This is no sign of a block.
"""

import asyncio
import math
import secrets

from probe.formats.exchanges.media import LOST, ReflectorCall
from probe.platforms.sockets.datagram_sockets import ask_for_arrival
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.call_packets import INTERVAL
from probe.steps.calls.reflector import SCHEDULE
from probe.steps.connection import address_of
from probe.steps.udp_socket import UDPSocket
from probe.wire.media.rtp import OpusStream
from probe.wire.media.shape import PACKET, filled
from probe.wire.telegram import reflector

SECONDS = 10.0
SETUP, TAIL = 5.5, 0.6  # seconds for the hellos of both sides, and for the last packets
UNPAIRED = 50  # packets that are sent while none has arrived
_DATA = PACKET - 24  # bytes of a frame of PACKET bytes


async def reflector_call(
    tx: Transaction, ip: str, port: int, *, pace: Pace, seconds: float = SECONDS, setup: float = SETUP
) -> ReflectorCall:
    """Announce both sides at `ip` (a literal), send packets both ways for `seconds`, and record which arrive.

    The entry succeeds if the relay answers both sides. Packets that do not arrive are no failure. Raises StepFailed.
    """
    entry = ReflectorCall(address=address_of(ip, port), size=PACKET, interval=INTERVAL)
    async with tx.step(entry, setup + seconds + TAIL + 1.0):
        shared, ends = secrets.token_bytes(reflector.SHARED - 1), list[_End]()
        try:
            for side in (reflector.CALLER, reflector.CALLEE):
                ends.append(_End(ip, port, pace, reflector.peer_tag(side, shared, _resource())))
                tx.opened("udp", ends[-1].local[1], ip, port)
            await _converse(ends[0], ends[1], round(seconds / INTERVAL), setup)
        finally:
            for end in ends:
                end.close()
            _record(entry, ends)
    return entry


def _resource() -> bytes:
    return b"\1" + secrets.token_bytes(reflector.RESOURCE - 1)


async def _converse(caller: "_End", callee: "_End", packets: int, setup: float) -> None:
    """Send packets both ways once the relay has answered both sides. Raises TimeoutError without answers, OSError."""
    caller.peer, callee.peer = callee, caller
    async with asyncio.timeout(setup):
        await asyncio.gather(caller.announce(), callee.announce())
    began = math.ceil(asyncio.get_running_loop().time() / INTERVAL) * INTERVAL
    for number in range(packets):
        await asyncio.sleep(max(0.0, began + number * INTERVAL - asyncio.get_running_loop().time()))
        if number >= UNPAIRED and not (caller.arrived or callee.arrived):
            break
        caller.send_packet(number)
        callee.send_packet(number)
    await asyncio.sleep(TAIL)


class _End(UDPSocket):
    """Hold the socket of one side, its sent packets, and the arrived packets of the other side."""

    def __init__(self, ip: str, port: int, pace: Pace, tag: bytes) -> None:
        self._tag, self._stream = tag, OpusStream()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: OSError | None = None
        self.peer: _End = self
        self.sent: dict[bytes, tuple[int, float]] = {}  # number and time of each packet, by its data
        self.arrived: dict[int, float] = {}  # seconds on the way, by number of the peer's packet
        self.foreign = 0
        super().__init__(ip, port, pace)
        ask_for_arrival(self._sock)

    @property
    def is_ready(self) -> bool:
        """Return whether the relay has answered this side."""
        return self._ready.done() and not self._ready.cancelled() and self._ready.exception() is None

    async def announce(self) -> None:
        """Send hellos as the app does, until a packet with this side's tag arrives."""
        began = self._loop.time()
        for offset in SCHEDULE:
            await asyncio.wait({self._ready}, timeout=max(0.0, began + offset - self._loop.time()))
            if self._ready.done():
                break
            self._send(reflector.hello(self._tag))
        await self._ready

    def send_packet(self, number: int) -> None:
        """Send a packet to the other side. Raises OSError for an ICMP error."""
        if self._error is not None:
            raise self._error
        data = filled(self._stream.header(number), _DATA)
        self.sent[data] = number, self._loop.time()
        self._send(reflector.data_packet(self._tag, self.peer._tag[reflector.SHARED :], data))

    def close(self) -> None:
        self._close()
        self._ready.cancel()

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        now = self._loop.time() - self._waited
        try:
            packet = reflector.parse(raw)
        except ValueError:
            packet = None
        if packet is None or not packet.is_for(self._tag):
            self.foreign += 1
            return
        if not self._ready.done():
            self._ready.set_result(None)
        if packet.kind == "data" and packet.data in self.peer.sent:
            number, sent = self.peer.sent[packet.data]
            self.arrived.setdefault(number, now - sent)
        elif packet.kind in {"data", "other"}:
            self.foreign += 1

    def _refused(self, error: OSError) -> None:
        self._error = error
        if not self._ready.done():
            self._ready.set_exception(error)


def _record(entry: ReflectorCall, ends: list[_End]) -> None:
    entry.ready, entry.foreign = sum(end.is_ready for end in ends), sum(end.foreign for end in ends)
    if len(ends) == 2:
        caller, callee = ends
        entry.sent = len(caller.sent)
        entry.paired = bool(caller.arrived or callee.arrived)
        entry.forth, entry.back = (_delays(end) for end in (callee, caller))


def _delays(receiver: _End) -> list[int]:
    """Return one number per packet of the other side: its time on the way in tenths of a millisecond, or LOST."""
    return [
        round(receiver.arrived[number] * 1e4) if number in receiver.arrived else LOST
        for number in range(len(receiver.peer.sent))
    ]

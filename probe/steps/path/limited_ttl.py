"""The step `limited_payload`: a payload whose packets travel only so far, to learn from where on somebody acts on it.

The distance is the TTL that we set, never one that comes back. An injector that copies ours into its answer is not
heard: its answer comes home only where ours was about twice its distance, which would then be taken for it. A
connection is made with the usual TTL, so only the payload ends early, and what comes back for it cannot be the server's
word. Smallest TTL first: what came back came for the TTL at hand, or for a smaller one that had its time.
"""

import asyncio
import errno
from collections.abc import Sequence
from typing import Literal

from probe.formats.hops import Distance, LimitedPayload, PayloadKind
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.tracing_socket import TracingSocket
from probe.steps.tcp import TCPConnection

SENT_TWICE = 2  # one lost packet is no silence
_POLL = 0.01
_LIMIT = 30.0
_RETRANSMISSION_SECONDS = 4.0  # longest wait for the kernel to repeat what nobody acknowledged

Came = Literal["", "reset", "closed", "answered"]


def hearing(pace: Pace, slowest: float, *, patient: bool = False) -> float:
    """Seconds that each packet is listened for. `slowest`: of the routers' answers to the path sweep, in seconds."""
    return (0.5 if patient else 0.12) + 1.2 * pace.round_trip + 2 * slowest


async def limited_payload_tcp(
    tx: Transaction,
    conn: TCPConnection,
    payload: bytes,
    kind: PayloadKind,
    ttls: Sequence[int],
    *,
    pace: Pace,
    slowest: float = 0.0,
    by_silence: bool = False,
) -> LimitedPayload:
    """Send `payload` on a fresh connection with the first of `ttls` (ascending), repeated by the kernel with the next.

    `by_silence`: what is looked for is a drop, so that a router's word is needed; else it is a reset, and one whose TTL
    was copied from ours is not heard. Whoever resets the connection before the payload was sent punishes what was said
    earlier, and shows no distance: that fails the step. Raises StepFailed.
    """
    entry = LimitedPayload(address=conn.address, transport="tcp", payload=kind)
    async with tx.step(entry, _LIMIT):
        flow = _Stream(conn, hearing(pace, slowest, patient=len(ttls) == 1))
        await flow.be_quiet()
        try:
            for ttl in ttls:
                conn.limit(ttl)
                if not by_silence:
                    conn.hear_from_afar(ttl + 1)
                if entry.distances and await flow.answered_late(entry.distances[-1]):
                    break
                entry.distances.append(Distance(ttl=ttl))
                if await flow.send(b"" if len(entry.distances) > 1 else payload, entry.distances[-1]):
                    break
        finally:
            conn.unlimited()
            conn.close_with_reset()  # else the kernel would now repeat the payload, all the way
    return entry


class _Stream:
    """The payload on its way over one connection."""

    def __init__(self, conn: TCPConnection, patience: float) -> None:
        self._conn, self._patience = conn, patience
        self._loop = asyncio.get_running_loop()
        self._early: tuple[Came, bool] = ("", False)  # what came for a repeated payload before we knew of it
        conn.keep_errors()

    async def be_quiet(self) -> None:
        """Listen before anything is said. Raises ConnectionResetError where we are being punished."""
        came, _ = await self._listen(self._patience)
        if came:
            raise ConnectionResetError(errno.ECONNRESET, "reset before anything was said")

    async def send(self, payload: bytes, distance: Distance) -> bool:
        """Have the payload travel as far as the TTL lets it; says whether somebody acted on it.

        Without `payload` the kernel has sent it again just now.
        """
        if payload:
            await self._conn.write(payload)
        while True:
            distance.sent += 1
            came, expired = await self._hear()
            if came:
                distance.outcome = came
                return True
            if expired:
                distance.outcome = "expired"
            if expired or distance.sent >= SENT_TWICE:
                return False
            if await self.answered_late(distance):
                return True

    async def answered_late(self, distance: Distance) -> bool:
        """Wait until the kernel sends the payload again; what comes before it does came for what was sent last.

        Who stands near answers sooner than we look: what came while the kernel did so came for what it sent.
        """
        before, end = self._conn.retransmissions(), self._loop.time() + _RETRANSMISSION_SECONDS
        while self._loop.time() < end:
            came, expired = await self._listen(_POLL)
            if self._conn.retransmissions() != before:
                self._early = (came, expired)
                return False
            if came:
                distance.outcome = came
                return True
        return False

    async def _hear(self) -> tuple[Came, bool]:
        """As `_listen`, all the time that a packet is listened for, and what came for it already."""
        (came, early), self._early = self._early, ("", False)
        if came:
            return came, early
        came, expired = await self._listen(self._patience)
        return came, early or expired

    async def _listen(self, seconds: float) -> tuple[Came, bool]:
        """What came in time, and whether a router said that the packet ended there; after its word a reset may come."""
        end, expired = self._loop.time() + seconds, False
        while (left := end - self._loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    data = await self._conn.read()
            except TimeoutError:
                break
            except OSError as error:
                if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
                    expired = True
                    continue
                return "reset", expired
            return ("answered" if data else "closed"), expired
        return "", expired


async def limited_payload_udp(
    tx: Transaction,
    ip: str,
    port: int,
    datagram: bytes,
    kind: PayloadKind,
    ttls: Sequence[int],
    *,
    pace: Pace,
    slowest: float = 0.0,
    ahead: bytes = b"",
    once: bool = False,
) -> LimitedPayload:
    """Send `datagram` with each of `ttls` (ascending) from one socket, twice where nothing comes back, unless `once`.

    `ahead` goes first, all the way: what follows it, of the same flow, meets whoever lets a first datagram pass. Then
    an answer says nothing, since it may be the server's. Raises StepFailed.
    """
    entry = LimitedPayload(address=address_of(ip, port), transport="udp", payload=kind)
    async with tx.step(entry, _LIMIT):
        flow = TracingSocket(ip, port, pace)
        tx.connections.callback(flow.close)
        tx.opened("udp", flow.local[1], ip, port)
        if ahead:
            flow.send(ahead, -1)
            await asyncio.sleep(hearing(pace, slowest))
        for ttl in ttls:
            distance = Distance(ttl=ttl)
            entry.distances.append(distance)
            await _send(
                flow,
                datagram,
                distance,
                hearing(pace, slowest, patient=once),
                1 if once else SENT_TWICE,
                deaf=bool(ahead),
            )
            if distance.outcome == "answered":
                break
    return entry


async def _send(
    flow: TracingSocket, datagram: bytes, distance: Distance, patience: float, most: int, *, deaf: bool
) -> None:
    """One distance: a router's word ends it once an answer had its time too."""
    loop = asyncio.get_running_loop()
    told, answers = len(flow.told), len(flow.answers)
    while distance.sent < most and distance.outcome == "silent":
        flow.send(datagram, distance.ttl)
        distance.sent += 1
        end = loop.time() + patience
        while (left := end - loop.time()) > 0:
            await flow.hear(left)
            if any(one.expired for one in flow.told[told:]):
                distance.outcome = "expired"
            if not deaf and any(ttl > distance.ttl for _, ttl in flow.answers[answers:]):
                distance.outcome = "answered"
                return
            if distance.outcome == "expired" and deaf:
                return

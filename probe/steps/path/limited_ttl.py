"""Run the step `limited_payload`: send a payload with limited TTL, to find the hop that interferes with it.

The distance is the TTL that was set, never a received one. Some injectors copy the payload's TTL into their answer. It
then arrives only if the TTL was about twice the distance, which would give a wrong hop. Such an answer is ignored.

A connection is made with the usual TTL. Only the payload expires early, so an answer to it cannot come from the server.
The smallest TTL comes first. An answer then belongs to the current TTL, or to a smaller one whose time was over.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from probe.formats.exchanges.hops import Distance, LimitedPayload, PayloadKind
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.tcp import TCPConnection

SENT_TWICE = 2  # packets with one TTL. One lost packet must not look like silence.
_POLL = 0.01
_LIMIT = 30.0
_RETRANSMISSION_SECONDS = 4.0  # longest wait for a retransmission by the kernel

Opening = Callable[[TCPConnection], Awaitable[bytes]]
"""Carries on a dialogue with the usual TTL. Returns the payload that follows."""

Reaction = Literal["", "reset", "closed", "answered"]


def listening_time(pace: Pace, slowest: float, *, patient: bool = False) -> float:
    """Return the seconds to wait after each packet.

    `slowest`: slowest answer on this path in seconds, of a router in the sweep or of the interference itself.
    """
    return (0.5 if patient else 0.2) + 1.5 * max(pace.round_trip, slowest)


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
    opening: Opening | None = None,
    most: int = SENT_TWICE,
) -> LimitedPayload:
    """Send `payload` on a new connection with the first of `ttls` (ascending). The kernel repeats it with the others.

    `by_silence`: the interference is a drop, so the answers of routers are needed. Otherwise it is a reset, and resets
    with a copied TTL are ignored. If `opening` is given, it carries on the dialogue, and the payload is what it
    returns. `most`: packets with one TTL, while silence follows. A failure before the payload is residual censorship or
    another fault. It shows no distance, so the step fails. Raises StepFailed.
    """
    entry = LimitedPayload(address=conn.address, transport="tcp", payload=kind)
    async with tx.step(entry, _LIMIT):
        flow = LimitedStream(
            conn, listening_time(pace, slowest, patient=len(ttls) == 1 and most == SENT_TWICE), most=most
        )
        if opening is not None:
            payload = await opening(conn)
        try:
            await flow.expect_silence()
            await flow.send_each(payload, ttls, entry, by_silence=by_silence)
        finally:
            await flow.end()
    return entry


class LimitedStream:
    """Send the payload over one connection and read the reactions.

    `hasty`: no reaction is expected, so the report of a router ends the waiting time. `most`: packets with one TTL.
    """

    def __init__(self, conn: TCPConnection, patience: float, *, hasty: bool = False, most: int = SENT_TWICE) -> None:
        self._conn, self._patience, self._hasty, self._most = conn, patience, hasty, most
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Future[bytes] | None = None
        self._early: tuple[Reaction, bool] = ("", False)  # to a retransmission not noticed yet
        conn.keep_errors()

    async def expect_silence(self) -> None:
        """Wait before the payload is sent. Raises ConnectionResetError if anything arrives, such as a reset of residual
        censorship.
        """
        if came := await self.listen(self._patience):
            raise ConnectionResetError(errno.ECONNRESET, f"{came} before the payload was sent")

    async def listen(self, seconds: float) -> Reaction:
        """Return the reaction that comes within some seconds, "" without any."""
        reaction, _ = await self._listen(seconds)
        return reaction

    async def send_each(self, payload: bytes, ttls: Sequence[int], entry: LimitedPayload, *, by_silence: bool) -> bool:
        """Send the payload with each of `ttls`, and write the outcomes to `entry`. Return True after a reaction."""
        for ttl in ttls:
            self._conn.limit(ttl)
            if not by_silence:
                self._conn.hear_from_afar(ttl + 1)  # a reaction with a copied TTL arrives with `ttl` at most
            if entry.distances and await self._answered_late(entry.distances[-1]):
                return True
            entry.distances.append(Distance(ttl=ttl))
            if await self._send(b"" if len(entry.distances) > 1 else payload, entry.distances[-1]):
                return True
        return False

    async def pause(self) -> None:
        """Stop reading, so that another reader gets what arrives from now on."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def end(self) -> None:
        """Stop reading, and close with a reset. Otherwise the kernel would repeat the payload with the usual TTL."""
        await self.pause()
        self._conn.unlimited()
        self._conn.close_with_reset()

    async def _send(self, payload: bytes, distance: Distance) -> bool:
        """Send the payload and record the outcome in `distance`. Return True for a reaction that ends the search.

        Without `payload`, the kernel has just sent it again.
        """
        if payload:
            await self._conn.write(payload)
        while True:
            distance.sent += 1
            reaction, expired = await self._reaction()
            if reaction:
                distance.outcome = reaction
                return True
            if expired:
                distance.outcome = "expired"
            if expired or distance.sent >= self._most:
                return False
            if await self._answered_late(distance):
                return True

    async def _answered_late(self, distance: Distance) -> bool:
        """Wait until the kernel sends the payload again. Return True if a reaction to the last one comes before.

        A near device answers before the retransmission is noticed. Such a reaction belongs to the retransmission.
        """
        before, end = self._conn.retransmissions(), self._loop.time() + _RETRANSMISSION_SECONDS
        while self._loop.time() < end:
            reaction, expired = await self._listen(_POLL)
            if self._conn.retransmissions() != before:
                self._early = (reaction, expired)
                return False
            if reaction:
                distance.outcome = reaction
                return True
        return False

    async def _reaction(self) -> tuple[Reaction, bool]:
        """Return the result of `_listen` for the whole waiting time, with what came before it."""
        (reaction, early), self._early = self._early, ("", False)
        if reaction:
            return reaction, early
        reaction, expired = await self._listen(self._patience)
        return reaction, early or expired

    async def _listen(self, seconds: float) -> tuple[Reaction, bool]:
        """Return the reaction, and True if a router reported that the TTL expired. A reset may follow such a report."""
        end, expired = self._loop.time() + seconds, False
        while (left := end - self._loop.time()) > 0:
            try:
                data = await self._read(left)
            except OSError as error:
                if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
                    expired = True
                    if self._hasty:
                        break
                    continue
                return "reset", expired
            if data is None:
                break
            if data:
                return "answered", expired
            return ("reset" if self._conn.was_reset() else "closed"), expired
        return "", expired

    async def _read(self, seconds: float) -> bytes | None:
        """Return the bytes that arrive within the time, None without any. Raises OSError.

        The read goes on after the time. If it were cancelled, bytes or an error of that moment would be lost.
        """
        self._reading = self._reading or asyncio.ensure_future(self._conn.read())
        done, _ = await asyncio.wait({self._reading}, timeout=seconds)
        if not done:
            return None
        reading, self._reading = self._reading, None
        return reading.result()

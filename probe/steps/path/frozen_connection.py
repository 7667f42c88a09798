"""Run the step `limited_payload` on a connection that falls silent in the middle of an answer, or ends at some age.

A device that drops a whole connection drops our packets too. A few bytes with limited TTL are therefore reported by the
routers before the device, and not by those behind it. The bytes cannot reach the server.

Routers are compared with themselves on the same connection before its answer, because a load balancer may send other
connections another way. They are compared with a SYN afterwards, because routers limit the rate of their reports.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from probe.formats.exchanges.hops import LimitedPayload
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.silent_streams import LEAST_ANSWER, LEAST_SILENCE
from probe.steps.connection import Connection
from probe.steps.http.http_answer import CLEAR_TEXT_BODY
from probe.steps.path.limited_ttl import LimitedStream, listening_time
from probe.steps.path.senders import SynSender
from probe.steps.tcp import TCPConnection
from probe.steps.tls.tls_stream import TLSConnection
from probe.wire.http1 import HTTP1Exchange

SILENCE = 1.0  # seconds without a byte. The stop was shown before, with a longer silence.
MOST = 2 * CLEAR_TEXT_BODY  # bytes of an answer, more than any that was seen to stop
_EMPTY_LINE = b"\r\n"  # servers ignore an empty line before a request (RFC 9112, 2.2)
_DRAINED = 0.02  # seconds in which reports of routers arrive that were under way
_ANSWER, _LIMIT = 10.0, 30.0
_ASKED_EVERY = 1.5  # seconds, on connections that end at some age


@dataclass(frozen=True)
class StoppingPage:
    """Hold a request whose answer stops. `server_name` is the name in the TLS hello, "" for a page in the clear.

    `over_at`: the age in seconds at which connections are over, if the answer does not stop. Requests follow each other
    until `asked_until`.
    """

    target: str
    headers: dict[str, str]
    server_name: str = ""
    alpn: tuple[str, ...] = ()
    method: str = "GET"
    over_at: float = 0.0
    asked_until: float = 0.0


async def limited_bytes_after_silence(
    tx: Transaction,
    conn: TCPConnection,
    page: StoppingPage,
    ttls: Sequence[int],
    *,
    pace: Pace,
    slowest: float,
    by_silence: bool = True,
) -> LimitedPayload:
    """Ask for the page. After the silence send an empty line with each of `ttls` (ascending), as the kernel repeats it.

    The first bytes of the connection are sent with the same TTLs. `compared` has those whose router reported them, and
    a SYN after the silence too. If connections are over with a reset or a FIN (not `by_silence`), nothing is compared.
    Raises StepFailed if the answer does not stop or goes on later, or if the connection ends or is silent before it.
    """
    entry = LimitedPayload(address=conn.address, transport="tcp", payload="kept" if page.over_at else "frozen")
    async with tx.step(entry, _LIMIT + page.over_at):
        flow = LimitedStream(conn, listening_time(pace, slowest), hasty=True)
        try:
            dialogue = _Dialogue(conn, page)
            before = await _reported(flow, conn, dialogue.first_bytes, ttls)
            async with asyncio.timeout(_ANSWER + page.over_at):
                await (dialogue.until_over() if page.over_at else dialogue.until_silent())
            conn.keep_errors()
            if await flow.send_each(dialogue.empty_line(), ttls, entry, by_silence=by_silence):
                if by_silence or entry.distances[-1].outcome == "answered":
                    raise EOFError("the answer goes on")
                return entry
            after = await _expiring(SynSender(conn.ip, conn.port, pace), _silent(entry))
            while (left := LEAST_SILENCE - conn.silent_for()) > 0:
                if await flow.listen(left):  # the report of a router ends it too
                    raise EOFError("the answer goes on")
            entry.compared = sorted(before & after)
        except BaseException:
            entry.distances.clear()
            raise
        finally:
            await flow.end()
    return entry


async def _reported(flow: LimitedStream, conn: TCPConnection, first: bytes, ttls: Sequence[int]) -> set[int]:
    """Send the first bytes of a connection with each TTL. Return those that routers reported as expired.

    The kernel then repeats the bytes with the usual TTL. Raises EOFError after a reaction.
    """
    entry = LimitedPayload(address=conn.address, transport="tcp", payload="frozen")
    if await flow.send_each(first, ttls, entry, by_silence=True) or await flow.listen(_DRAINED):
        raise EOFError("a reaction before the answer")
    await flow.pause()
    conn.unlimited()
    conn.keep_errors(kept=False)
    return {distance.ttl for distance in entry.distances if distance.outcome == "expired"}


def _silent(entry: LimitedPayload) -> list[int]:
    return [distance.ttl for distance in entry.distances if distance.outcome == "silent"]


async def _expiring(sender: SynSender, ttls: Sequence[int]) -> set[int]:
    """Return the TTLs at which a router reports a SYN as expired."""
    return {ttl for ttl in ttls if (await sender.send(ttl)).sender}


class _Dialogue:
    """Hold a request and its answer on a connection, over TLS if the page has a server name."""

    def __init__(self, conn: TCPConnection, page: StoppingPage) -> None:
        self._conn, self._page, self._began = conn, page, asyncio.get_running_loop().time()
        self._tls = TLSConnection(conn, page.server_name, page.alpn) if page.server_name else None
        self._exchange = HTTP1Exchange(page.method, page.target, page.headers)
        self.first_bytes = self._tls.first_flight() if self._tls is not None else self._exchange.request

    async def until_silent(self) -> None:
        """Read until nothing more comes. Raises EOFError if the answer does not stop, TimeoutError if none began."""
        stream: Connection = self._conn
        if self._tls is not None:
            await self._tls.handshake()
            await self._tls.write(self._exchange.request)
            stream = self._tls
        while not self._exchange.ended and self._exchange.received < MOST:
            try:
                async with asyncio.timeout(SILENCE + (0.0 if self._exchange.received else SILENCE)):
                    data = await stream.read()
            except TimeoutError:
                break
            self._exchange.feed(data)
            if self._exchange.status is not None:
                self._exchange.read_body()
        else:
            raise EOFError("the answer does not stop")
        if self._conn.bytes_after_sent < LEAST_ANSWER:
            raise TimeoutError("silent before an answer")

    async def until_over(self) -> None:
        """Ask again and again, then wait until connections are over. Raises EOFError if this one ended before."""
        stream: Connection = self._tls or self._conn
        if self._tls is not None:
            await self._tls.handshake()
        asked = self._tls is None  # a page in the clear is asked for with the first bytes
        while (age := self._age()) < self._page.asked_until:
            if not asked:
                self._exchange = HTTP1Exchange(self._page.method, self._page.target, self._page.headers)
                await stream.write(self._exchange.request)
            while not self._exchange.ended:
                self._exchange.feed(await stream.read())
                if self._exchange.status is not None:
                    self._exchange.read_body()
            asked = False
            await asyncio.sleep(min(_ASKED_EVERY, self._page.over_at - age))
        await asyncio.sleep(max(0.0, self._page.over_at - self._age()))

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def empty_line(self) -> bytes:
        return self._tls.encrypted(_EMPTY_LINE) if self._tls is not None else _EMPTY_LINE

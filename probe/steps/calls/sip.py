"""Send a SIP `OPTIONS` request without an account over UDP, TCP or TLS (step `sip_options`).

A server reports our address in the Via header (`received`, `rport`), and a middlebox may copy it anywhere. The entry
therefore keeps only the status, the server's scrubbed product name and the names of our headers that were changed.

A middlebox may answer in the place of the server. After each final answer over UDP our probe listens a little longer,
because the server's own answer may follow.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.calls import SIPExchange
from probe.privacy.redact import scrub_text
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection, address_of
from probe.steps.first_bytes import first_bytes
from probe.steps.udp_flow import UDPFlow, udp_flow
from probe.wire.sip.sip_message import KEEP_ALIVE_ANSWER, NotSIP, SIPMessage, SIPStream, read_message
from probe.wire.sip.sip_options import Options, differences, product_of

T1, T2 = 0.5, 4.0  # seconds: RFC 3261, section 17.1.2.2
TAIL_SECONDS, TAIL_ROUND_TRIPS, LONGEST_TAIL = 0.5, 3, 2.0  # how long a second answer is waited for
_LONGEST_SERVER, _LONGEST_REASON = 128, 64
_MOST_PROVISIONAL, _FOREIGN_LIMIT = 8, 64  # most provisional responses kept, most foreign messages read from one stream


async def sip_options_udp(
    tx: Transaction,
    ip: str,
    port: int,
    host: str,
    *,
    pace: Pace,
    confirm: bool = False,
    timeout: float | None = None,
) -> SIPExchange:
    """Ask `host` at `ip` (a literal) from a new socket. The datagram is repeated after T1, doubling to T2.

    Succeeds as `sip_options` does. Raises StepFailed.
    """
    dialogue = _Dialogue(SIPExchange(address=address_of(ip, port), transport="udp"), Options(host, "udp"))
    limit = pace.tls_timeout(confirm=confirm) if timeout is None else timeout
    with ExitStack() as opened:
        async with tx.step(dialogue.entry, limit):
            flow = opened.enter_context(udp_flow(ip, port, pace))
            try:
                await flow.ask(dialogue.request.written(), dialogue.timer_e(limit), dialogue.hear_datagram)
            finally:
                dialogue.entry.x_sent, dialogue.entry.round_trip = flow.sent, flow.round_trip
                dialogue.entry.x_answer_size = flow.answer_size
        await _hear_second(flow, dialogue)
    return dialogue.entry


async def _hear_second(flow: UDPFlow, dialogue: "_Dialogue") -> None:
    """Listen for another final response after the step, so that its time is that of the first one."""
    first_ttl, tail = flow.ip_ttl, TAIL_ROUND_TRIPS * (flow.round_trip or 0.0)
    dialogue.entry.second_code, dialogue.entry.second_differs = 0, []
    await flow.another(dialogue.hear_second, min(LONGEST_TAIL, max(TAIL_SECONDS, tail)))
    if dialogue.entry.second_code and None not in (first_ttl, flow.ip_ttl) and first_ttl != flow.ip_ttl:
        dialogue.entry.second_differs = ["ttl", *dialogue.entry.second_differs]


async def sip_options(
    tx: Transaction,
    conn: Connection,
    host: str,
    *,
    pace: Pace,
    transport: Literal["tcp", "tls"] = "tcp",
    confirm: bool = False,
    timeout: float | None = None,
) -> SIPExchange:
    """Ask `host` over an open connection.

    Any final status that answers our request (see `Options.is_answered_by`) is success, also 4xx to 6xx. Raises
    StepFailed. A server that speaks another protocol fails with "unknown_failure: sip: …".
    """
    dialogue = _Dialogue(SIPExchange(address=conn.address, transport=transport), Options(host, transport))
    async with tx.step(dialogue.entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        began = tx.trace.elapsed()
        await conn.write(dialogue.request.written())
        dialogue.entry.x_sent = 1
        await _converse(conn, dialogue)
        dialogue.entry.round_trip = round(tx.trace.elapsed() - began, 6)
    return dialogue.entry


async def _converse(conn: Connection, dialogue: "_Dialogue") -> None:
    """Read messages until the final response. Raises RemoteError for bytes that are not SIP, EOFError, OSError."""
    stream, answered = SIPStream(), 0
    while dialogue.entry.x_foreign + stream.pings < _FOREIGN_LIMIT:
        data = await conn.read()
        if not data:
            raise EOFError("closed before the final response")
        try:
            messages = stream.feed(data)
        except NotSIP as error:
            dialogue.note_foreign(data)
            raise RemoteError(f"{f.UNKNOWN}: sip: no SIP response") from error
        if any(dialogue.hear(message) for message in messages):
            return
        if stream.pings > answered:
            answered = stream.pings
            await conn.write(KEEP_ALIVE_ANSWER)
    raise RemoteError(f"{f.UNKNOWN}: sip: flooded")


class _Dialogue:
    """Record the responses to one request in its entry."""

    def __init__(self, entry: SIPExchange, request: Options) -> None:
        self.entry, self.request = entry, request
        self._first: SIPMessage | None = None  # the first final response

    def timer_e(self, limit: float) -> Iterator[float]:
        """Yield the transmission times in seconds from now: T1, doubling to T2, and T2 after a provisional response."""
        at, distance = 0.0, T1
        while at < limit:
            yield at
            distance = T2 if self.entry.provisional else distance
            at, distance = at + distance, min(T2, 2 * distance)

    def hear_datagram(self, raw: bytes) -> bool | None:
        """Classify a datagram for `UDPFlow`: True for the final response, None for a provisional one, else False."""
        try:
            message = read_message(raw)
        except NotSIP:
            self.note_foreign(raw)
            return False
        return self.hear(message)

    def hear(self, message: SIPMessage) -> bool | None:
        """Record a message and classify it as `hear_datagram` does."""
        if not self.request.is_answered_by(message):
            self.note_foreign(message.raw)
            return False
        if message.code < 200:
            self.entry.provisional = [*self.entry.provisional, message.code][:_MOST_PROVISIONAL]
            return None
        self._first = message
        self.entry.code = message.code
        self.entry.reason = _scrubbed(message.reason)[:_LONGEST_REASON]
        self.entry.server = _scrubbed(product_of(message))[:_LONGEST_SERVER]
        self.entry.rewritten = self.request.rewritten(message)
        return True

    def hear_second(self, raw: bytes) -> bool | None:
        """Record a final response with another status than the first, and return True for it, None for others."""
        try:
            message = read_message(raw)
        except NotSIP:
            return None
        ours = self.request.is_answered_by(message) and message.code >= 200
        if self._first is None or not ours or message.code == self.entry.code:
            return None
        self.entry.second_code, self.entry.second_differs = message.code, differences(self._first, message)
        return True

    def note_foreign(self, raw: bytes) -> None:
        """Count a message that does not answer our request. Keep the first bytes of the first one, scrubbed."""
        self.entry.x_foreign += 1
        if self.entry.x_first_bytes is None:
            self.entry.x_first_bytes = BinaryData.of(first_bytes(raw))


def _scrubbed(text: str) -> str:
    return scrub_text(text.replace("\0", ""))

"""Hold the SIP socket of one call: send requests until they are answered, and answer those of the other side."""

import asyncio
from collections.abc import Iterable

from probe.formats.exchanges.media import SIPCall
from probe.session.pacing import Pace
from probe.steps.udp_socket import UDPSocket
from probe.wire.sip.call import Call
from probe.wire.sip.response import build_response
from probe.wire.sip.sip_message import NotSIP, SIPMessage, read_message

_MOST_PROVISIONAL = 8
RINGING = {180, 183}


class Signalling(UDPSocket):
    """Send and receive the messages of `call`, and record them in `entry`. A BYE of the other side sets `ended`."""

    def __init__(self, ip: str, port: int, pace: Pace, call: Call, entry: SIPCall) -> None:
        self.call, self.entry = call, entry
        self.ended = asyncio.Event()
        self._answers: dict[str, asyncio.Future[SIPMessage]] = {}  # final response by method
        self._ack = b""
        self._invited: float | None = None
        super().__init__(ip, port, pace)

    def now(self) -> float:
        """Return the time of the event loop."""
        return self._loop.time()

    def send(self, datagram: bytes) -> None:
        self._send(datagram)

    def close(self) -> None:
        self._close()
        for answer in self._answers.values():
            answer.cancel()

    async def ask(self, request: bytes, method: str, pauses: Iterable[float]) -> SIPMessage:
        """Send a request after each of `pauses` until its final response comes, and return that.

        An INVITE is repeated while the call rings too. The helper answers only with as many bytes as it receives, so a
        lost answer comes again only in this way. Raises OSError for an ICMP error.
        """
        answer = self._answer(method)
        for pause in pauses:
            if method == "INVITE":
                self.entry.invites += 1
                self._invited = self.now() if self._invited is None else self._invited
            self._send(request)
            await asyncio.wait({answer}, timeout=pause)
            if answer.done():
                break
        return await answer

    async def final(self, method: str) -> SIPMessage:
        """Wait for the final response to a request that was sent before."""
        return await self._answer(method)

    def _answer(self, method: str) -> "asyncio.Future[SIPMessage]":
        return self._answers.setdefault(method, self._loop.create_future())

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        try:
            message = read_message(raw)
        except NotSIP:
            self.entry.foreign += 1
            return
        if self.call.is_within(message):
            self._take_request(message)
        elif self.call.answers(message, "INVITE"):
            self._take_response(message)
        elif self.call.answers(message, "BYE"):
            self._settle("BYE", message)
        elif not self.call.answers(message, "CANCEL"):
            self.entry.foreign += 1

    def _take_request(self, message: SIPMessage) -> None:
        """Answer a BYE of the other side, and refuse other requests but ACK."""
        if message.method == "BYE":
            self.entry.ended_by_peer = True
            self.ended.set()
            self._send(build_response(message, 200, "OK"))
        elif message.method != "ACK":
            self._send(build_response(message, 405, "Method Not Allowed"))

    def _take_response(self, message: SIPMessage) -> None:
        """Take a response to the INVITE. Each final one gets an ACK, also a repeated one."""
        since = round(self.now() - (self._invited or self.now()), 6)
        if message.code < 200:
            self.entry.provisional = [*self.entry.provisional, message.code][:_MOST_PROVISIONAL]
            if message.code in RINGING and self.entry.rang is None:
                self.entry.rang = since
            return
        if not self._answer("INVITE").done():
            self.entry.code, self._ack = message.code, self.call.ack(message)
            self.entry.answered = since if message.code < 300 else None
        self._send(self._ack)
        self._settle("INVITE", message)

    def _settle(self, method: str, message: SIPMessage) -> None:
        if message.code >= 200 and not self._answer(method).done():
            self._answer(method).set_result(message)

    def _refused(self, error: OSError) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)

"""Receive every datagram that answers one DNS question: early, late, conflicting and forged ones, and ICMP errors."""

import asyncio

from probe.formats import failures as f
from probe.formats.entries import DNSResponse
from probe.session.pacing import Pace
from probe.session.trace import Trace
from probe.signatures.filter_answers import MADE_UP, form_of
from probe.signatures.resolver_fingerprint import relative_ttl
from probe.steps.udp_socket import UDPSocket
from probe.targets.address_guard import Contacts, Elsewhere
from probe.wire.dns.dns_message import Reading, read_response

_TAIL_SECONDS, _TAIL_ROUND_TRIPS = (
    0.5,
    3,
)  # seconds to listen after the first answer
_MOST_RESPONSES = 64  # kept, so that a flood does not fill the memory


class UDPListener(UDPSocket):
    """Listen on a connected socket with a random port. `first` completes with the first answer to the question.

    Every datagram is added to `responses` until `close`, also after `first`. `usual_ttl` is that of `query_udp`.
    """

    def __init__(
        self,
        ip: str,
        port: int,
        query: bytes,
        trace: Trace,
        pace: Pace,
        contacts: Contacts | Elsewhere | None = None,
        usual_ttl: int | None = None,
    ) -> None:
        self.responses: list[DNSResponse] = []
        self.sent = 0
        self.round_trip: float | None = None
        self.listened = 0.0
        self._query, self._trace, self._usual_ttl = query, trace, usual_ttl
        self.first: asyncio.Future[DNSResponse] = asyncio.get_running_loop().create_future()
        super().__init__(ip, port, pace, contacts)
        self._began = self._loop.time()

    def send(self) -> None:
        """Send the question, or repeat it with the same id from the same port. Raises OSError."""
        if self.sent == 0:
            self._began = self._loop.time()
        self.sent += 1
        self._send(self._query)

    def what_came_instead(self) -> str:
        """Return the failure of a question that was not answered in time."""
        seen = {response.failure for response in self.responses}
        return next((failure for failure in (f.DNS_MISBEHAVING, f.DNS_WRONG_ID) if failure in seen), f.TIMEOUT)

    async def listen_on(self) -> None:
        """Continue to listen after the first answer, then close."""
        try:
            await asyncio.sleep(max(_TAIL_SECONDS, _TAIL_ROUND_TRIPS * (self.round_trip or 0.0)))
        finally:
            self.close()

    def close(self) -> None:
        """Stop listening. A second call has no effect."""
        if self.is_open:
            self.listened = round(self._loop.time() - self._began, 6)
            self._close()
        if self.first.done() and not self.first.cancelled():
            self.first.exception()  # marks the exception as seen, so that asyncio does not report it

    def _received(self, raw: bytes, ip_ttl: int | None) -> None:
        try:
            response, ours = self._read(raw)
        except Exception as bug:  # raised in the task that awaits the answer
            self._broken_by(bug)
            return
        response.t = self._trace.elapsed()
        response.ip_ttl = self._recorded(ip_ttl)
        if len(self.responses) < _MOST_RESPONSES:
            self.responses.append(response)
        if ours and not self.first.done():
            self.round_trip = round(self._loop.time() - self._began, 6)
            self.first.set_result(response)

    def _read(self, raw: bytes) -> Reading:
        """Parse a datagram. TTLs of records are left out, since they show when others asked the user's resolver.

        An address that no server has is made up by a filter or a censor. Its TTL shows which of them.
        """
        whole = read_response(raw, self._query)
        answers = whole.response.answers
        made_up = bool(answers) and all(a.address and form_of(None, [a.address]) in MADE_UP for a in answers)
        if self._usual_ttl is None or made_up:
            return whole
        return read_response(raw, self._query, keep_ttls=False)

    def _recorded(self, ip_ttl: int | None) -> int | None:
        """Return the TTL for the record. Without a usual one the first datagram's is the usual one."""
        if self._usual_ttl is None or not ip_ttl:
            return ip_ttl
        self._usual_ttl = self._usual_ttl or ip_ttl
        return relative_ttl(ip_ttl, self._usual_ttl)

    def _refused(self, error: OSError) -> None:
        self._broken_by(error)

    def _broken_by(self, error: Exception) -> None:
        if not self.first.done():
            self.first.set_exception(error)

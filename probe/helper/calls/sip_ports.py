"""Hold the two UDP ports of the SIP user agent."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from probe.helper.calls.sip_user_agent import UserAgent
from probe.helper.udp_port import listen
from probe.http_server.peers import UNKNOWN, Client
from probe.wire.media.shape import PeerAddress

MEDIA_OFFSET = 2  # the RTP port is two above the SIP port. RTP has even port numbers (RFC 3550, section 11).
TICK = 0.1  # seconds between two looks for responses that are due, while there are calls


@dataclass
class SIPPorts:
    """Listen for SIP and RTP. `offer` is part of an answer of the HTTP side."""

    port: int
    agent: UserAgent = field(default_factory=UserAgent)
    _sip: asyncio.DatagramTransport | None = None
    _rtp: asyncio.DatagramTransport | None = None
    _tick: asyncio.TimerHandle | None = None

    def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
        """Return a new token for a client, and the port that accepts it."""
        return {"token": self.agent.tokens.issue(client), "port": self.port}

    async def open(self, host: str) -> None:
        """Listen at `host`. Port 0 becomes two free ports. Raises OSError that names the port."""
        wanted = self.port + MEDIA_OFFSET if self.port else 0
        self._rtp, self.agent.media_port = await listen(host, wanted, self.agent.reflect)
        try:
            self._sip, self.port = await listen(host, self.port, self._answer, self.agent.budgets)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        for transport in (self._sip, self._rtp):
            if transport is not None:
                transport.close()
        if self._tick is not None:
            self._tick.cancel()
        self._sip = self._rtp = self._tick = None

    def _answer(self, datagram: bytes, client: PeerAddress) -> bytes | None:
        response = self.agent.answer(datagram, client)
        if self._tick is None and len(self.agent.calls):
            self._wait()
        return response

    def _wait(self) -> None:
        self._tick = asyncio.get_running_loop().call_later(TICK, self._send_due)

    def _send_due(self) -> None:
        self._tick = None
        for response, client in self.agent.due():
            if self._sip is not None and self.agent.budgets.may_send(response, client):
                self._sip.sendto(response, client)
        if self._sip is not None and len(self.agent.calls):
            self._wait()

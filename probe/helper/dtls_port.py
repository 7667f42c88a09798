"""Answer DTLS hellos with a request for a cookie (`--dtls PORT`), as a DTLS server does before it stores anything.

Nothing is stored. No answer is longer than the hello, and all answers together have a limit. A hello that brings its
cookie back gets an alert, because the helper completes no handshake. Answers of servers are not answered, so two such
ports cannot keep each other busy.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from probe.helper.udp_port import listen
from probe.http_server.client_shares import PacketShares
from probe.http_server.peers import UNKNOWN, Client, client_at
from probe.wire.dtls.client_hello import ClientHello, parse_client_hello
from probe.wire.dtls.server_answers import HANDSHAKE_FAILURE, cookie_for, fatal_alert, hello_verify_request

COOKIE_SECONDS = 30.0  # a cookie is accepted for one to two of these periods
RATE, BURST = 500.0, 500.0  # answers per second to all clients, and after a pause at once
LONGEST_DATAGRAM = 1500  # bytes. Longer datagrams are ignored.


class DTLSResponder:
    """Decide the answer to each datagram. It has no socket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._allowance = PacketShares(RATE, BURST, clock)

    def answer(self, datagram: bytes, client: tuple[str, int]) -> bytes | None:
        """Return the answer to a hello, or None for silence."""
        if len(datagram) > LONGEST_DATAGRAM:
            return None
        try:
            hello = parse_client_hello(datagram)
        except ValueError:
            return None
        period = int(self._clock() / COOKIE_SECONDS)
        if not self._allowance.take(client_at(client[0])):
            return None
        if hello.cookie and self._is_valid(hello, client, period):
            return fatal_alert(HANDSHAKE_FAILURE, hello.record_number)
        return hello_verify_request(hello, cookie_for(self._secret, client, hello, period))

    def _is_valid(self, hello: ClientHello, client: tuple[str, int], period: int) -> bool:
        accepted = (cookie_for(self._secret, client, hello, one) for one in (period, period - 1))
        return any(hmac.compare_digest(hello.cookie, cookie) for cookie in accepted)


@dataclass
class DTLSPort:
    """Hold the UDP port that answers DTLS hellos. `offer` is part of an answer of the HTTP side."""

    port: int
    responder: DTLSResponder = field(default_factory=DTLSResponder)
    _open: asyncio.DatagramTransport | None = None

    def offer(self, _: Client = UNKNOWN) -> dict[str, Any]:
        """Return the port. It needs no token."""
        return {"port": self.port}

    async def open(self, host: str) -> None:
        """Listen at `host`. Port 0 becomes a free port. Raises OSError that names the port."""
        self._open, self.port = await listen(host, self.port, self.responder.answer)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

"""Echo UDP datagrams unchanged if they contain a token that the HTTP side issued recently."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from probe.helper.helper_limits import Tokens
from probe.helper.udp_port import listen
from probe.http_server.client_shares import Clock
from probe.http_server.peers import UNKNOWN, Client, client_at
from probe.wire.tampering import with_ends_swapped

MOST_ECHOES = 64  # per token. The probe sends at most twelve for one echo pair, and 19 for the sizes over a family.
LONGEST_DATAGRAM = 1500  # bytes. Longer datagrams are ignored.


class EchoTokens(Tokens):
    """Hold the tokens of the echo, each valid for a number of datagrams that contain it."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock, MOST_ECHOES)

    def admits(self, datagram: bytes, client: Client = UNKNOWN) -> bool:
        """Tell whether a datagram contains a valid token, raw or hexadecimal, at any position. Count it against the
        token.

        A middlebox may have exchanged the ends of the datagram. It is echoed then too, so that the probe sees it.
        """
        if len(datagram) > LONGEST_DATAGRAM:
            return False
        token = self.found_in(datagram) or self.found_in(with_ends_swapped(datagram))
        return token is not None and self.take(token, client) is not None


@dataclass
class EchoResponder:
    """Hold the echoing UDP ports and their tokens. `offer` is part of an answer of the HTTP side."""

    ports: Sequence[int]
    tokens: EchoTokens = field(default_factory=EchoTokens)
    _open: list[asyncio.DatagramTransport] = field(default_factory=list)

    def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
        """Return a new token for a client, and the ports that accept it."""
        return {"token": self.tokens.issue(client), "ports": list(self.ports)}

    async def open(self, host: str) -> None:
        """Listen on every port at `host`. Port 0 becomes a free port. Raises OSError that names the port."""
        ports = []
        for port in self.ports:
            try:
                transport, bound = await listen(host, port, self._answer)
            except OSError:
                self.close()
                raise
            self._open.append(transport)
            ports.append(bound)
        self.ports = ports

    def _answer(self, datagram: bytes, client: tuple[str, int]) -> bytes | None:
        return datagram if self.tokens.admits(datagram, client_at(client[0])) else None

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

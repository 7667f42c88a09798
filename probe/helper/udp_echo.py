"""Echo UDP datagrams unchanged if they contain a token that the HTTP side issued recently."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from probe.helper.limits import TOKEN_BYTES, Clock, Tokens
from probe.helper.udp_port import listen
from probe.wire.tampering import with_ends_swapped

MOST_ECHOES = 32  # per token. The probe sends at most twelve for one echo pair.
LONGEST_DATAGRAM = 1500  # bytes. Longer datagrams are ignored.

_HEX = re.compile(rb"[0-9a-fA-F]{24,}")


class EchoTokens(Tokens):
    """Hold the tokens of the echo, each valid for a number of datagrams that contain it."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock, MOST_ECHOES)

    def admits(self, datagram: bytes) -> bool:
        """Tell whether a datagram contains a valid token, raw or hexadecimal, at any position. Count it against the
        token.

        A middlebox may have exchanged the ends of the datagram. It is echoed then too, so that the probe sees it.
        """
        if len(datagram) > LONGEST_DATAGRAM:
            return False
        token = self.first_in(_candidates(datagram)) or self.first_in(_candidates(with_ends_swapped(datagram)))
        return token is not None and self.take(token)


def _candidates(datagram: bytes) -> Iterator[bytes]:
    """Yield the bytes of each place that can hold a token, raw ones first."""
    for at in range(len(datagram) - TOKEN_BYTES + 1):
        yield datagram[at : at + TOKEN_BYTES]
    for digits in _HEX.finditer(datagram):
        for at in range(len(digits[0]) - 2 * TOKEN_BYTES + 1):
            yield bytes.fromhex(digits[0][at : at + 2 * TOKEN_BYTES].decode())


@dataclass
class Echo:
    """Hold the echoing UDP ports and their tokens. `offer` is part of an answer of the HTTP side."""

    ports: Sequence[int]
    tokens: EchoTokens = field(default_factory=EchoTokens)
    _open: list[asyncio.DatagramTransport] = field(default_factory=list)

    def offer(self) -> dict[str, Any]:
        """Return a new token and the ports that accept it."""
        return {"token": self.tokens.issue(), "ports": list(self.ports)}

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
        return datagram if self.tokens.admits(datagram) else None

    def close(self) -> None:
        """Stop listening."""
        while self._open:
            self._open.pop().close()

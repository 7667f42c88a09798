"""Echo UDP datagrams unchanged if they contain a token that the HTTP side issued recently."""

import asyncio
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from probe.helper.udp_port import listen
from probe.wire.tampering import with_ends_swapped

TOKEN_BYTES = 12  # the size of a STUN transaction id (RFC 8489, 5)
TOKEN_SECONDS = 60.0
MOST_ECHOES = 32  # per token. The probe sends at most twelve for one echo pair.
MOST_TOKENS = 4096
LONGEST_DATAGRAM = 1500  # bytes. Longer datagrams are ignored.

_HEX = re.compile(rb"[0-9a-fA-F]{24,}")


class Tokens:
    """Hold the issued tokens, each valid for a minute and a number of datagrams. No address is kept with them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._out: OrderedDict[bytes, tuple[float, int]] = OrderedDict()  # token: time of issue, echoes left

    def issue(self) -> str:
        """Return a new token of 24 hexadecimal digits."""
        token = secrets.token_bytes(TOKEN_BYTES)
        self._out[token] = (self._clock(), MOST_ECHOES)
        while len(self._out) > MOST_TOKENS:
            self._out.popitem(last=False)
        return token.hex()

    def admits(self, datagram: bytes) -> bool:
        """Tell whether a datagram contains a valid token, raw or hexadecimal, at any position. Count it against the
        token.

        A middlebox may have exchanged the ends of the datagram. It is echoed then too, so that the probe sees it.
        """
        if len(datagram) > LONGEST_DATAGRAM:
            return False
        token = self._token_in(datagram) or self._token_in(with_ends_swapped(datagram))
        if token is None:
            return False
        since, left = self._out[token]
        if left <= 0:
            return False
        self._out[token] = (since, left - 1)
        return True

    def _token_in(self, datagram: bytes) -> bytes | None:
        self._forget()
        raw = (datagram[at : at + TOKEN_BYTES] for at in range(len(datagram) - TOKEN_BYTES + 1))
        found = next((token for token in raw if token in self._out), None)
        if found is not None:
            return found
        for digits in _HEX.finditer(datagram):
            for at in range(len(digits[0]) - 2 * TOKEN_BYTES + 1):
                token = bytes.fromhex(digits[0][at : at + 2 * TOKEN_BYTES].decode())
                if token in self._out:
                    return token
        return None

    def _forget(self) -> None:
        now = self._clock()
        while self._out and now - next(iter(self._out.values()))[0] > TOKEN_SECONDS:
            self._out.popitem(last=False)


@dataclass
class Echo:
    """Hold the echoing UDP ports and their tokens. `offer` is part of an answer of the HTTP side."""

    ports: Sequence[int]
    tokens: Tokens = field(default_factory=Tokens)
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

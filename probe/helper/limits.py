"""Hold what limits the helper's UDP ports: tokens of the HTTP side, and allowances of packets."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable

TOKEN_BYTES = 12  # the size of a STUN transaction id (RFC 8489, 5)
TOKEN_SECONDS = 60.0
MOST_TOKENS = 4096
RATE_OF_ALL, BURST_OF_ALL = 5000.0, 1000.0  # packets per second to all clients of a port, and after a pause at once

Clock = Callable[[], float]


class Allowance:
    """Allow `rate` events per second, and `burst` at once after a pause (a token bucket)."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, now: float) -> bool:
        """Take one event. Return False if none is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Tokens:
    """Hold the issued tokens, each valid for a minute and a number of uses. No address is kept with them."""

    def __init__(self, clock: Clock, uses: int) -> None:
        self._clock, self._uses = clock, uses
        self._out: OrderedDict[bytes, tuple[float, int]] = OrderedDict()  # token: time of issue, uses left

    def __len__(self) -> int:
        return len(self._out)

    def issue(self) -> str:
        """Return a new token in hexadecimal digits."""
        token = secrets.token_bytes(TOKEN_BYTES)
        self._out[token] = (self._clock(), self._uses)
        while len(self._out) > MOST_TOKENS:
            self._out.popitem(last=False)
        return token.hex()

    def take(self, token: bytes) -> bool:
        """Count a use of the token. Return False if it is unknown, too old or used up."""
        self._forget()
        since, left = self._out.get(token, (0.0, 0))
        if left <= 0:
            return False
        self._out[token] = (since, left - 1)
        return True

    def first_in(self, candidates: Iterable[bytes]) -> bytes | None:
        """Return the first candidate that is a token and not too old, None without one."""
        self._forget()
        return next((token for token in candidates if token in self._out), None)

    def _forget(self) -> None:
        now = self._clock()
        while self._out and now - next(iter(self._out.values()))[0] > TOKEN_SECONDS:
            self._out.popitem(last=False)

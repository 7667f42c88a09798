"""Remember triggers by address and port, and tell which later flows residual censorship may affect (P8).

A network that acted on a flow may also act on later flows to the same address, or to the same address and port. It may
also require the same source port. That case cannot occur, because every socket has a new one.
"""

import time
from collections.abc import Callable
from typing import Literal

RESIDUAL_SECONDS = 180.0  # the longest window that is common in published measurements

Tuple = Literal["src,dst", "src,dst,dport"]
"""What a later flow has in common with a trigger."""


class ResidualLedger:
    """Record the last trigger by address and port."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, dict[int, float]] = {}

    def note(self, address: str, port: int) -> None:
        """Record a trigger to this address and port."""
        self._said.setdefault(address, {})[port] = self._clock()

    def was_named(self, address: str) -> bool:
        """Return whether any trigger went to this address."""
        return address in self._said

    def affected_tuples(self, address: str, port: int) -> frozenset[Tuple]:
        """Return the tuples by which residual censorship may affect a flow to this address and port now."""
        now, said = self._clock(), self._said.get(address, {})
        open_windows = {other for other, when in said.items() if now - when < RESIDUAL_SECONDS}
        same: frozenset[Tuple] = frozenset({"src,dst,dport"} if port in open_windows else ())
        return same | frozenset({"src,dst"} if open_windows - {port} else ())

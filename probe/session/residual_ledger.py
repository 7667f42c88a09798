"""The residual ledger of a run: what was said where, and which tuple may be punished for it since (design law 8).

A network that acted on a flow may go on acting on what is like it: on the same addresses and ports at both ends, on
whatever comes from here to the same address and port, or on all that comes from here to the same address. The first
never meets us, because each socket gets a source port of its own; the ledger knows the others.
"""

import time
from collections.abc import Callable
from typing import Literal

RESIDUAL_SECONDS = 180.0  # the longest common punishment window (reference/peers.md, section 5)

Tuple = Literal["src,dst", "src,dst,dport"]
"""What of a flow is the same as of one that may have drawn punishment."""


class ResidualLedger:
    """When something that draws punishment was last said, by address and port."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, dict[int, float]] = {}

    def note(self, address: str, port: int) -> None:
        """Something was said to this address and port."""
        self._said.setdefault(address, {})[port] = self._clock()

    def punishable(self, address: str, port: int) -> frozenset[Tuple]:
        """By which tuples a flow to this address and port may be punished now."""
        now, said = self._clock(), self._said.get(address, {})
        open_windows = {other for other, when in said.items() if now - when < RESIDUAL_SECONDS}
        same: frozenset[Tuple] = frozenset({"src,dst,dport"} if port in open_windows else ())
        return same | frozenset({"src,dst"} if open_windows - {port} else ())

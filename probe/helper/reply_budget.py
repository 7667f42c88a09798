"""Decide how much may be sent to an address over UDP: no more bytes than it sent, until it has proved that it receives.

The source of a datagram can be forged. A port that answers with more bytes could be used to flood the forged source.
Every UDP port of the helper asks here before it sends, whatever its protocol.
"""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from probe.wire.media.shape import PeerAddress

Answer = Callable[[bytes, PeerAddress], bytes | None]
"""Answer a datagram from (address, port), or return None for silence."""


@dataclass(eq=False)
class ReplyBudget:
    """Hold the bytes that may still be sent to one source. A source that is `proved` gets any number."""

    left: int = 0
    proved: bool = False

    def spend(self, size: int) -> bool:
        """Count bytes that are to be sent. Return False if they must not be sent."""
        if self.proved:
            return True
        if size > self.left:
            return False
        self.left -= size
        return True


class ReplyBudgets:
    """Hold the budgets of a port's sources. A budget is kept only as long as a call or a flow holds it.

    So nothing is stored for a source without a call, and no flood of sources can make the budget of a call disappear.
    """

    def __init__(self) -> None:
        self._held: WeakValueDictionary[PeerAddress, ReplyBudget] = WeakValueDictionary()

    def of(self, source: PeerAddress) -> ReplyBudget:
        """Return the budget of a source, which is empty for a new one."""
        budget = self._held.get(source)
        if budget is None:
            budget = self._held[source] = ReplyBudget()
        return budget

    def answered(self, answer: Answer, datagram: bytes, source: PeerAddress) -> bytes | None:
        """Return the answer to a datagram, None for silence or if it would be too long."""
        budget = self.of(source)
        budget.left += len(datagram)
        reply = answer(datagram, source)
        return reply if reply is not None and budget.spend(len(reply)) else None

    def may_send(self, datagram: bytes, source: PeerAddress) -> bool:
        """Count a datagram that answers no other one. Return False if it must not be sent."""
        return self.of(source).spend(len(datagram))

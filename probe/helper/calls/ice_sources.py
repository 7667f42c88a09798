"""Watch the datagrams of one WebRTC call: which sources may take part, and what may be sent to each.

A caller knows the password of its call, so it can send checks of ICE (RFC 8445) from forged sources. A source gets one
check of the helper in return, which is no longer than its own. Only an answer to this check proves that the source
receives. Until then, answers to its own checks wait.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from probe.helper.helper_limits import Allowance
from probe.helper.reply_budget import ReplyBudget
from probe.wire.media.shape import PeerAddress
from probe.wire.stun import HEADER, is_stun

MOST_SOURCES = 16  # interfaces of a caller, and ports of a NAT before it
MOST_CHECKS = 64  # of which the source is remembered
UNPROVED_RATE, UNPROVED_BURST = 20.0, 40.0  # datagrams per second of all unproved sources, and after a pause at once
RATE, BURST = 200.0, 100.0  # datagrams per second of all sources. Voice has 50.
_REQUEST, _ANSWER = 0x00, 0x01  # first byte of a Binding request, and of a success or an error (RFC 8489, section 5)
_SUCCESS = b"\x01\x01"


class CallSources:
    """Decide about each datagram of a call. `ufrag` is our name in ICE, which each check of the caller contains."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        now = clock()
        self._clock, self.ufrag = clock, b""
        self._all, self._unproved = Allowance(RATE, BURST, now), Allowance(UNPROVED_RATE, UNPROVED_BURST, now)
        self._budgets: dict[PeerAddress, ReplyBudget] = {}
        self._checks: OrderedDict[bytes, PeerAddress] = OrderedDict()  # transaction of our check, and its destination
        self._waiting: dict[PeerAddress, bytes] = {}  # our last answer to each unproved source

    def admits(self, datagram: bytes, source: PeerAddress) -> bool:
        """Return whether a datagram is read. Other bytes than checks are read from proved sources alone."""
        now, budget = self._clock(), self._budgets.get(source)
        if budget is None and not self._is_first_check(datagram):
            return False
        if budget is None or not budget.proved:
            if not self._unproved.take(now):
                return False
            budget = self._budgets.setdefault(source, ReplyBudget())
            budget.left += len(datagram)
            budget.proved = self._proves(datagram, source)
        return (budget.proved or is_stun(datagram)) and self._all.take(now)

    def may_send(self, datagram: bytes, source: PeerAddress) -> bool:
        """Return whether a datagram may be sent. An answer waits until its source has proved that it receives."""
        budget = self._budgets.get(source)
        if budget is None:
            return False
        if not budget.proved and is_stun(datagram) and datagram[0] == _ANSWER:
            self._waiting[source] = datagram
            return False
        if is_stun(datagram) and datagram[0] == _REQUEST:
            self._checks[datagram[8:HEADER]] = source
            if len(self._checks) > MOST_CHECKS:
                self._checks.popitem(last=False)
        return budget.spend(len(datagram))

    def released(self, source: PeerAddress) -> bytes | None:
        """Return the answer that waited for a source which is proved now."""
        budget = self._budgets.get(source)
        return self._waiting.pop(source, None) if budget is not None and budget.proved else None

    def _is_first_check(self, datagram: bytes) -> bool:
        named = is_stun(datagram) and datagram[0] == _REQUEST and self.ufrag + b":" in datagram
        return bool(self.ufrag) and named and len(self._budgets) < MOST_SOURCES

    def _proves(self, datagram: bytes, source: PeerAddress) -> bool:
        """Return whether a datagram answers our check of this very source."""
        answers = is_stun(datagram) and datagram[:2] == _SUCCESS
        return answers and self._checks.get(datagram[8:HEADER]) == source

"""Show whether servers ban this client, beside an attempt that failed after many flows of our own (P8).

An endpoint that was answered before is asked again at once. If it answers, there is no ban. If it does not, the last
confirmation comes after a rest, alone, because a ban shows by its end.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from probe.formats.transactions import TransactionRecord
from probe.resolution.address_trust import AddressAttempt
from probe.session.session import Session
from probe.session.trace import Trace
from probe.signatures.own_load import BAN_REST, SOON
from probe.signatures.parallel_hellos import network_of
from probe.targets.target import Endpoint, family_of

SPACING = 0.3  # seconds between last confirmations, so that they are no burst

Place = tuple[str, int]

SendOwn = Callable[[AddressAttempt, int], Awaitable[None]]
"""Send the own name of an attempt again. The number is that of the transaction that was answered."""


class BanChecks:
    """Hold the answered attempts of one measurement, and what the last confirmations showed."""

    def __init__(self, session: Session, trace: Trace, send_own: SendOwn) -> None:
        self._session, self._trace, self._send_own = session, trace, send_own
        self._answered: dict[Place, tuple[AddressAttempt, int]] = {}
        self._asked: dict[Place, float] = {}  # when each was asked again
        self._turn = asyncio.Lock()
        self._rested = False
        self.goes_on = False
        """The first attempt after the rest failed too, so that the others need no rest."""

    def note_answered(self, at: AddressAttempt, transaction_id: int) -> None:
        """Note an attempt that was answered, so that it can be sent again."""
        self._answered[at.place] = at, transaction_id

    async def ask_again(self, at: AddressAttempt, record: TransactionRecord) -> None:
        """Ask endpoints again that were answered before, if a ban may explain a failure. The nearest come first."""
        for place in self._references(at):
            if not self._session.may_be_banned(self._trace, record) or self._session.stopping.is_set():
                return
            if time.monotonic() - self._asked.get(place, -SOON) >= SOON:
                self._asked[place] = time.monotonic()
                await self._send_own(*self._answered[place])

    def _references(self, at: AddressAttempt) -> list[Place]:
        """Return one answered endpoint of the same network, of the same operator and of the measurement.

        Those over the same transport come first, because a ban may concern one transport alone. A connect alone comes
        last, because a ban may begin at the first data.
        """
        network, operator = network_of(at.ip), self._session.asn_of(at.ip)
        places = [each for each in self._answered if family_of(each[0]) == family_of(at.ip) and each[0] != at.ip]
        places.sort(key=lambda place: self._rank(self._answered[place][0].endpoint, at.endpoint))
        scopes = (
            [each for each in places if network_of(each[0]) == network],
            [each for each in places if operator and self._session.asn_of(each[0]) == operator],
            places,
        )
        return list(dict.fromkeys(scope[-1] for scope in scopes if scope))

    @staticmethod
    def _rank(answered: Endpoint, failed: Endpoint) -> tuple[bool, bool]:
        """Return the order in which answered endpoints are taken, the last one first."""
        return answered.carrier == failed.carrier, answered.scheme != "tcp"

    async def rest(self, record: TransactionRecord) -> None:
        """Wait for a turn, and the first time until some seconds after a failure. `ended` gives the turn to the next.

        A ban of some seconds is over then.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * BAN_REST):
                await self._turn.acquire()
                end = time.monotonic() + SPACING if self._rested else self._trace.zero + record.t + BAN_REST
                self._rested = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._session.stopping.wait(), max(0.0, end - time.monotonic()))

    def ended(self, record: TransactionRecord | None) -> None:
        """Note how the last confirmation of an attempt ended."""
        if record is not None and record.failure is not None and self._session.may_be_banned(self._trace, record):
            self.goes_on = True
        if self._turn.locked():
            self._turn.release()

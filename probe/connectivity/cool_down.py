"""Wait until a hello may be repeated alone that our own other connections may have made fail (P8).

Wait some seconds without a connection to the servers of a measurement, so that none of their limits holds (P8).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from probe.connectivity.attempt_state import AttemptState
from probe.connectivity.connection_limits import may_be_at_limit, may_be_policed, may_be_too_soon
from probe.resolution.address_trust import AddressAttempt
from probe.session.session import Session
from probe.signatures.connection_rates import REST
from probe.signatures.parallel_hellos import network_of
from probe.steps.tls.client_hello import OWN
from probe.targets.cost import COOL_DOWNS

MARGIN = 0.5  # seconds more, since the server counts from the arrival of a packet
RESTS = 3  # attempts of one measurement that are repeated after a rest each
REST_LOOK_SECONDS = 0.5  # between looks whether the rest is over


class Rests:
    """Let one attempt of a measurement at a time wait, so that each has a rest of its own."""

    def __init__(self) -> None:
        self._turn, self._last = asyncio.Lock(), 0.0  # when the last one ended, in seconds of the measurement

    async def wait(self, state: AttemptState, stopping: asyncio.Event) -> None:
        """Wait until the rest is over, the failure has another cause, or the run stops. At most `RESTS`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RESTS * (REST + MARGIN)), self._turn:
                while not stopping.is_set() and may_be_too_soon(state.facts()):
                    left = REST + MARGIN - state.seconds_since_connection(self._last)
                    if left <= 0:
                        break
                    await asyncio.sleep(min(left, REST_LOOK_SECONDS))
                self._last = state.elapsed()


LOOK_SECONDS = 1.0  # between looks whether the cool-down of a network is over

SendOwn = Callable[[AddressAttempt, int], Awaitable[None]]
"""Send the own name of an attempt again. The number is that of the transaction that was answered."""

SendInnocuous = Callable[[AttemptState], Awaitable[object]]
"""Send the innocuous name to the address of an attempt."""


class CoolDown:
    """Wait for the attempts of one measurement, and know which names were answered in which network."""

    def __init__(self, session: Session, send_own: SendOwn, send_innocuous: SendInnocuous) -> None:
        self._session, self._hellos = session, session.pace.hellos
        self._send_own, self._send_innocuous = send_own, send_innocuous
        self._answered: dict[tuple[str, str], tuple[AddressAttempt, int]] = {}  # by network and name

    def note_answered(self, at: AddressAttempt, transaction_id: int) -> None:
        """Note an attempt whose hello was answered, so that it can be sent again."""
        self._answered[network_of(at.ip), at.endpoint.host] = at, transaction_id

    async def wait(self, state: AttemptState) -> None:
        """Wait until the network is quiet, the failure has another cause, or the run stops. At most `COOL_DOWNS`.

        If the servers may be at a limit, no two connections of the run may be open, since others may share it.
        """
        if (watch := self._session.watch) is not None:
            for record in state.failed_at_neutral():
                watch.beside(record.address)  # an answer to the host's own name shows that no count is at fault
        if not may_be_at_limit(state.facts()) and await self._are_answered_again(state):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(COOL_DOWNS * self._hellos.cool_down):
                while not self._session.stopping.is_set() and may_be_policed(state.facts()):
                    in_run = may_be_at_limit(state.facts())
                    if not in_run and self._is_by_name_alone(state):
                        return
                    if not (left := self._hellos.quiet_in(state.at.ip, OWN.engine, in_run=in_run)):
                        return
                    await asyncio.sleep(min(left, LOOK_SECONDS))

    async def _are_answered_again(self, state: AttemptState) -> bool:
        """Send each name again that was answered in the network. Return whether all are, and nothing else is open.

        Then no count of connections is at fault, and the repetition need not wait.
        """
        place, host = (state.at.ip, OWN.engine), state.at.endpoint.host
        async with self._hellos.again(*place) as may_be:
            if not may_be:
                return False
            for name in self._hellos.not_again(*place, host):
                if not may_be_policed(state.facts()) or not await self._is_answered_again(name, state):
                    return False
        return self._is_by_name_alone(state)

    def _is_by_name_alone(self, state: AttemptState) -> bool:
        """Return whether all names of the network were answered since the failure, and no connection to it is open."""
        place = (state.at.ip, OWN.engine)
        return self._hellos.is_free(*place) and not self._hellos.not_again(*place, state.at.endpoint.host)

    async def _is_answered_again(self, name: str, state: AttemptState) -> bool:
        """Send a name again that was answered in the network. False also if no attempt here knows its endpoint."""
        place, facts = (state.at.ip, OWN.engine), state.facts()
        if name == facts.innocuous_name and facts.shows_name:
            await self._send_innocuous(state)
        elif (known := self._answered.get((network_of(state.at.ip), name))) is not None:
            await self._send_own(*known)
        else:
            return False
        if name in self._hellos.not_again(*place, facts.endpoint.host):
            self._hellos.refused_again(*place)
            return False
        return True

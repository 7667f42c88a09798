"""Wait some seconds without a connection to the servers of a measurement, so that none of their limits holds (P8)."""

import asyncio
from contextlib import suppress

from probe.connectivity.attempt_state import AttemptState
from probe.connectivity.connection_limits import may_be_too_soon
from probe.signatures.connection_rates import REST

MARGIN = 0.5  # seconds more, since the server counts from the arrival of a packet
RESTS = 3  # attempts of one measurement that are repeated after a rest each
LOOK_SECONDS = 0.5  # between looks whether the rest is over


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
                    await asyncio.sleep(min(left, LOOK_SECONDS))
                self._last = state.elapsed()

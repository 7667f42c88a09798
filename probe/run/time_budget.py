"""Estimate the time of a run, and limit it, so that a slow network ends a standard run with what is done.

Let Ctrl-C, a request to end and the end of the terminal stop a run in order.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from probe.platforms.signals import INTERRUPTED, TERMINATED, handled
from probe.session.round_trips import CROWDED
from probe.session.session import Session
from probe.targets.cost import STANDARD_SECONDS as STANDARD_SECONDS
from probe.targets.cost import typical_bytes
from probe.targets.target import Target

AGAIN = "stopping: what is under way ends, nothing new starts (again to stop at once)"


@contextmanager
def stopped_by_signals(stop: Callable[[int, str], None], hang_up: Callable[[int, str], None]) -> Iterator[None]:
    """Call `stop` or `hang_up` with the exit code and a sentence when a signal arrives."""
    with handled(
        {
            "interrupt": lambda: stop(INTERRUPTED, AGAIN),
            "terminate": lambda: stop(TERMINATED, AGAIN),
            "hang_up": lambda: hang_up(TERMINATED, AGAIN),
        }
    ):
        yield


LAST_START = 15.0  # seconds before the end at which nothing new starts. The longest step takes 10.
LAST_STEP = 5.0  # seconds before the end at which steps that are under way are given up, to write what was measured
WRITING = 15.0  # seconds after the end in which a loaded computer may still write measurements
TIME_IS_OVER = "stopping: the time of a run is nearly over, nothing new starts"
SHORTEST = 10.0  # seconds of a run on a fast network, which waits for late answers
ROUND_TRIPS = 12  # one after the other at one endpoint: lookups, the innocuous flow, TCP, TLS, a request


class TimeBudget:
    """Estimate the time of a run, and end the run in order when its limit is over.

    First nothing new starts, then steps under way are given up. Each round over target files with the standard depth
    has `STANDARD_SECONDS`. `--max-time` replaces the limit. A deep run has none, and neither has a list of web
    addresses, which may be long. `tell` reports that nothing new starts.
    """

    def __init__(self, session: Session, targets: Sequence[Target], repeat: int, tell: Callable[[str], None]) -> None:
        self._session, self._targets, self._repeat, self._tell = session, targets, repeat, tell
        self._timer: asyncio.TimerHandle | None = None
        settings, is_list = session.settings, any(target.input is not None for target in targets)
        unlimited = settings.depth == "deep" or settings.max_time is not None or is_list
        self.seconds = None if unlimited else STANDARD_SECONDS * repeat

    @property
    def spent(self) -> bool:
        """Return whether the limit was over before the run."""
        return self._session.out_of_time

    def begin(self) -> None:
        if self.seconds is not None:
            self._session.steps_end_at = time.monotonic() + max(0.0, self.seconds - LAST_STEP)
            starts_end = max(0.0, self.seconds - LAST_START)
            self._timer = asyncio.get_running_loop().call_later(starts_end, self._end_starts)

    def cancel(self) -> None:
        """Stop counting, because the run has ended."""
        if self._timer is not None:
            self._timer.cancel()

    def _end_starts(self) -> None:
        if not self._session.stopping.is_set():
            self._session.out_of_time = True
            self._session.stopping.set()
            self._tell(TIME_IS_OVER)

    def expected(self) -> float:
        """Return the seconds that the run needs if everything works, from what the preflight saw.

        Each round has three parts: `SHORTEST`, the round trips of one endpoint, and the bytes of all endpoints at the
        rate of the access line. The rate is known only if answers lay in a queue. Otherwise bytes cost no time.
        """
        pace = self._session.pace
        rate = pace.received_rate if pace.queueing > CROWDED else 0
        moving = sum(map(typical_bytes, self._targets)) / rate if rate else 0.0
        return self._repeat * (SHORTEST + ROUND_TRIPS * pace.round_trip + moving)

"""Let Ctrl-C, a request to end and the end of the terminal stop a run in order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from probe.platforms.signals import INTERRUPTED, TERMINATED, handled

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

"""Let SIGINT, SIGTERM and SIGHUP stop a run in order."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN = "stopping: what is under way ends, nothing new starts (again to stop at once)"


@contextmanager
def stopped_by_signals(stop: Callable[[int, str], None], hang_up: Callable[[int, str], None]) -> Iterator[None]:
    """Call `stop` or `hang_up` with the exit code and a sentence when a signal arrives."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    for number in numbers:
        loop.add_signal_handler(number, stop, 128 + number, AGAIN)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # `nohup` ignores the signal
        numbers.append(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, hang_up, 128 + signal.SIGTERM, AGAIN)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

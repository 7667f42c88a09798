"""Set the signal dispositions that a test needs: nohup and a shell's background ignore signals from the start."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Wanted = signal.Handlers | Callable[[int, FrameType | None], object]
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def set_defaults() -> None:
    """Let the signals that end a program end this one. It is for the `preexec_fn` of a child process."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def disposition(number: signal.Signals, wanted: Wanted = signal.SIG_DFL) -> Iterator[None]:
    """Give a signal of this process a disposition, and give the former one back at the end."""
    before = signal.signal(number, wanted)
    try:
        yield
    finally:
        signal.signal(number, before)

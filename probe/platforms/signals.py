"""Handle the signals that end a program: Ctrl-C, a request to end, and the end of its terminal."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

Cause = Literal["interrupt", "terminate", "hang_up"]
INTERRUPTED, TERMINATED = 130, 143  # exit codes of a shell: 128 + SIGINT, 128 + SIGTERM
# Windows has no SIGHUP. It sends SIGBREAK when the console is closed.
_NUMBERS: dict[Cause, int | None] = {
    "interrupt": signal.SIGINT,
    "terminate": signal.SIGTERM,
    "hang_up": getattr(signal, "SIGHUP", getattr(signal, "SIGBREAK", None)),
}


@contextmanager
def handled(handlers: Mapping[Cause, Callable[[], None]]) -> Iterator[None]:
    """Call handlers in the running loop when their signals arrive. `nohup` ignores the third one, which stays so."""
    loop = asyncio.get_running_loop()
    chosen = {number: call for cause, call in handlers.items() if (number := _NUMBERS[cause]) is not None}
    if (hang_up := _NUMBERS["hang_up"]) is not None and signal.getsignal(hang_up) == signal.SIG_IGN:
        chosen.pop(hang_up, None)
    undo = _by_loop(loop, chosen) if _takes_signals(loop) else _by_interpreter(loop, chosen)
    try:
        yield
    finally:
        undo()


def apart() -> dict[str, Any]:
    """Return the options of `Popen` for a program that Ctrl-C and the end of this terminal do not reach."""
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", None)
    return {"start_new_session": True} if group is None else {"creationflags": group}


def interrupt(process: "subprocess.Popen[bytes]") -> None:
    """Send Ctrl-C to a program that was started apart. Windows can only send Ctrl-Break to it."""
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))


def ignore_interrupt() -> None:
    """Ignore Ctrl-C in this process, because its parent handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _takes_signals(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the loop handles signals itself. No loop of Windows does."""
    return type(loop).add_signal_handler is not asyncio.AbstractEventLoop.add_signal_handler


def _by_loop(loop: asyncio.AbstractEventLoop, chosen: Mapping[int, Callable[[], None]]) -> Callable[[], None]:
    for number, call in chosen.items():
        loop.add_signal_handler(number, call)

    def undo() -> None:
        for number in chosen:
            loop.remove_signal_handler(number)

    return undo


def _by_interpreter(loop: asyncio.AbstractEventLoop, chosen: Mapping[int, Callable[[], None]]) -> Callable[[], None]:
    """Let the interpreter call the handlers. It does so only while the loop is awake, so each signal wakes the loop."""
    awake, waking = socket.socketpair()
    awake.setblocking(False)
    waking.setblocking(False)
    loop.add_reader(awake.fileno(), lambda: awake.recv(4096))
    earlier_descriptor = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, _later(loop, call)) for number, call in chosen.items()}

    def undo() -> None:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_descriptor)
        loop.remove_reader(awake.fileno())
        awake.close()
        waking.close()

    return undo


def _later(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[int, object], object]:
    return lambda number, frame: loop.call_soon_threadsafe(call)

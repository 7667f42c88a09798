"""Record every Internet socket of this process, from the interpreter's own audit events."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_recorders: list["SocketRecorder"] = []


@dataclass
class SocketRecorder:
    """Hold what was made and where it was sent. Unix sockets are left out."""

    made: list[int] = field(default_factory=list)
    """The type of each socket."""
    sent_to: list[str] = field(default_factory=list)
    """The address of each connect, and of each datagram that names one."""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _recorders or not event.startswith("socket."):
        return
    internet = {socket.AF_INET, socket.AF_INET6}
    for recorder in _recorders:
        if event == "socket.__new__" and args[1] in internet:
            recorder.made.append(args[2])
        elif event in _SENDING and args[0].family in internet and args[1]:
            recorder.sent_to.append(args[1][0])


sys.addaudithook(_hook)


@contextmanager
def recorded_sockets() -> Iterator[SocketRecorder]:
    """Record until the end of the block."""
    recorder = SocketRecorder()
    _recorders.append(recorder)
    try:
        yield recorder
    finally:
        _recorders.remove(recorder)

"""What the caller wants run in the lab, and the pipes by which caller, supervisor and first process speak."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.lab.net.layout import FabricConfig

Start = Sequence[str] | Callable[[Callable[[], None]], None]


@dataclass(frozen=True)
class Interruption:
    """A SIGINT for the command, so many seconds after its first TCP connection to one of the addresses."""

    seconds: float
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything that has to be known inside."""

    config: FabricConfig
    command: list[str]
    servers: Start | None
    helper: Start | None
    env: dict[str, str]
    cwd: str
    keep: list[str]
    log: int  # descriptor
    ready_within: float  # seconds
    callers_inode: int
    mask: set[int]  # the caller's blocked signals, to be the command's again
    interruption: Interruption | None = None
    open_files: int | None = None  # the command's limit of descriptors


class Pipes:
    """Four pipes, made before the first fork; each process keeps only its own ends, so that a death shows as an end."""

    def __init__(self) -> None:
        self._word_up, self._word_down = os.pipe(), os.pipe()  # supervisor → caller, caller → supervisor
        self._orders = os.pipe()  # caller → inside: one byte per signal
        self._reports = os.pipe()  # inside, supervisor → caller: lines of JSON
        self._alive = os.pipe()  # held by the caller alone: its end is the inside's end

    @property
    def orders(self) -> int:
        """The end of the orders' pipe that this process keeps."""
        return self._orders[0] if self._orders[1] < 0 else self._orders[1]

    @property
    def reports(self) -> int:
        """Where the caller reads reports."""
        return self._reports[0]

    @property
    def alive(self) -> int:
        """At its end once the caller is gone, should the kernel's signal for that ever come too late."""
        return self._alive[0]

    def _close(self, name: str, end: int) -> None:
        pair = list(getattr(self, name))
        if pair[end] >= 0:
            os.close(pair[end])
            pair[end] = -1
        setattr(self, name, tuple(pair))

    def keep_callers_ends(self) -> None:
        """In the caller."""
        for name, end in (("_word_up", 1), ("_word_down", 0), ("_orders", 0), ("_reports", 1), ("_alive", 0)):
            self._close(name, end)

    def keep_supervisors_ends(self) -> None:
        """In the supervisor, which also holds what the first process will keep."""
        for name, end in (("_word_up", 0), ("_word_down", 1), ("_orders", 1), ("_reports", 0), ("_alive", 1)):
            self._close(name, end)

    def keep_insides_ends(self) -> None:
        """In the first process."""
        for name, end in (("_word_up", 1), ("_word_down", 0)):
            self._close(name, end)

    def close(self) -> None:
        """In the caller, when all is over."""
        for name in ("_word_up", "_word_down", "_orders", "_reports", "_alive"):
            self._close(name, 0)
            self._close(name, 1)

    def close_reports(self) -> None:
        """In the supervisor, once the first process reports."""
        self._close("_reports", 1)
        self._close("_orders", 0)

    def send_word(self, word: bytes) -> None:
        """Caller and supervisor, to each other."""
        try:
            os.write(self._word_down[1] if self._word_up[1] < 0 else self._word_up[1], word)
        except BrokenPipeError:
            return  # the other has ended; its report or its exit says why

    def receive_word(self) -> bytes:
        """The other's word; b"" when the other has ended."""
        return os.read(self._word_up[0] if self._word_up[1] < 0 else self._word_down[0], 16)

    def report(self, **values: object) -> None:
        """Tells the caller."""
        os.write(self._reports[1], json.dumps(values).encode() + b"\n")

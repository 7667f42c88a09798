"""Describe a job for the lab, and connect caller, supervisor and first process with pipes."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.lab.net.layout import FabricConfig

Start = Sequence[str] | Callable[[Callable[[], None]], None]
"""A command line, or a function that calls its argument when it is ready.

A command line reports this with a line on the descriptor in PROBE_LAB_READY_FD. For the helper a listening TCP socket
counts as well.
"""

Command = Sequence[str] | Callable[[], None]
"""A command line, or a function to run in a fork of this process, which saves the start of Python."""


@dataclass(frozen=True)
class Moment:
    """Describe a moment, `seconds` after the first TCP connection of a process to one of the addresses."""

    seconds: float
    addresses: tuple[str, ...]
    of_helper: bool = False  # of the helper, else of the command


@dataclass(frozen=True)
class ProcessFaults:
    """Hold the faults of the lab's processes: a signal, a restart, a limit."""

    interruption: Moment | None = None  # when the command gets a SIGINT
    helper_restart: Moment | None = None  # when the helper is killed and started again
    open_files: int | None = None  # limit of the command's descriptors


@dataclass(frozen=True)
class Plan:
    """Hold everything that the first process needs."""

    config: FabricConfig
    command: Command
    servers: Start | None
    helper: Start | None
    env: dict[str, str]
    cwd: str
    keep: list[str]
    log: int  # descriptor
    ready_within: float  # seconds
    callers_inode: int
    mask: set[int]  # the caller's blocked signals, restored for the command
    faults: ProcessFaults


class Pipes:
    """Hold the pipes between the three processes, opened before the first fork.

    Each process keeps only its own ends. The end of a process then shows as the end of its pipes.
    """

    def __init__(self) -> None:
        self._word_up, self._word_down = os.pipe(), os.pipe()  # from supervisor to caller, from caller to supervisor
        self._orders = os.pipe()  # from caller to first process: one byte per signal
        self._reports = os.pipe()  # from first process and supervisor to caller: lines of JSON
        self._alive = os.pipe()  # held only by the caller: the first process ends with it

    @property
    def orders(self) -> int:
        """Return the end of the signal pipe that this process keeps."""
        return self._orders[0] if self._orders[1] < 0 else self._orders[1]

    @property
    def reports(self) -> int:
        """Return the descriptor from which the caller reads reports."""
        return self._reports[0]

    @property
    def alive(self) -> int:
        """Return a descriptor that reaches its end when the caller has ended, in case the kernel's signal is late."""
        return self._alive[0]

    def _close(self, name: str, end: int) -> None:
        pair = list(getattr(self, name))
        if pair[end] >= 0:
            os.close(pair[end])
            pair[end] = -1
        setattr(self, name, tuple(pair))

    def keep_callers_ends(self) -> None:
        """Close the ends that the caller does not need."""
        for name, end in (("_word_up", 1), ("_word_down", 0), ("_orders", 0), ("_reports", 1), ("_alive", 0)):
            self._close(name, end)

    def keep_supervisors_ends(self) -> None:
        """Close the ends that neither the supervisor nor its child, the first process, needs."""
        for name, end in (("_word_up", 0), ("_word_down", 1), ("_orders", 1), ("_reports", 0), ("_alive", 1)):
            self._close(name, end)

    def keep_first_process_ends(self) -> None:
        """Close the ends that the first process does not need."""
        for name, end in (("_word_up", 1), ("_word_down", 0)):
            self._close(name, end)

    def close(self) -> None:
        """Close all ends, in the caller after the run."""
        for name in ("_word_up", "_word_down", "_orders", "_reports", "_alive"):
            self._close(name, 0)
            self._close(name, 1)

    def close_reports(self) -> None:
        """Close the supervisor's report and signal pipes, once the first process has them."""
        self._close("_reports", 1)
        self._close("_orders", 0)

    def send_word(self, word: bytes) -> None:
        """Send a word from caller to supervisor or back."""
        try:
            os.write(self._word_down[1] if self._word_up[1] < 0 else self._word_up[1], word)
        except BrokenPipeError:
            return  # the other process has ended, and its report says why

    def receive_word(self) -> bytes:
        """Return the word of the other process, b"" if it has ended."""
        return os.read(self._word_up[0] if self._word_up[1] < 0 else self._word_down[0], 16)

    def report(self, **values: object) -> None:
        os.write(self._reports[1], json.dumps(values).encode() + b"\n")

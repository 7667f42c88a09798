"""Measure in a process of its own, which executes `probe run`. Follow its progress and stop it.

The work of the interface then cannot disturb the times of a measurement, and neither process ends with the other.
"""

import asyncio
import json
import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import probe
from probe.messages import language
from probe.messages.catalogue import VARIABLE
from probe.platforms.descriptors import PRIVATE
from probe.platforms.signals import INTERRUPTED, apart, interrupt
from probe.results import make_private_folder, state_folder

BETWEEN = 0.25  # seconds between two looks at the process and its events
PREFIX = "ui-"  # of the files in the state folder
LONGEST_LOG = 64_000  # bytes of its end that are read
SAVED, PROBLEM = "saved ", "probe: "  # beginnings of lines on the standard error of `probe run`
ITEMS = frozenset({"note", "finding", "refused", "stopping"})


class MeasuringRun:
    """Hold one run: its process, its messages so far, and its end."""

    def __init__(self, process: "subprocess.Popen[bytes]", events: Path, log: Path) -> None:
        self._process, self._events, self._log = process, events, log
        self._read, self._rest = 0, b""
        self._changed = asyncio.Condition()
        self.began = time.time()
        self.items: list[dict[str, Any]] = []  # notes and findings, in their order
        self.progress: dict[str, Any] = {"done": 0, "total": 0, "text": "", "phases": ""}
        self.code: int | None = None
        self.stopped = False
        self.saved: Path | None = None
        self.problems: list[str] = []
        self.watching = asyncio.create_task(self._watch())

    @classmethod
    def start(cls, command: Sequence[str], events: Path) -> Self:
        """Start `probe run`. Its standard error is kept beside its events. Raises OSError."""
        log = events.with_suffix(".log")
        with os.fdopen(_private(log), "wb") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=_own_code(), **apart()
            )
        return cls(process, events, log)

    @property
    def ended(self) -> bool:
        """Return whether the process has ended and all of its events are read."""
        return self.code is not None

    def stop(self) -> None:
        """Ask the run to stop, as Ctrl-C does. A second call stops it immediately."""
        self.stopped = True
        if self._process.poll() is None:
            interrupt(self._process)

    async def changed(self, seconds: float) -> None:
        """Wait until something is new, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait()

    def forget(self) -> None:
        """Remove the files of a run that has ended."""
        self._events.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)

    async def _watch(self) -> None:
        while self.code is None:
            code = self._process.poll()  # before the last events are read
            new = self._take_events()
            if code is not None:
                self._take_end(code)
            if new or code is not None:
                async with self._changed:
                    self._changed.notify_all()
            else:
                await asyncio.sleep(BETWEEN)

    def _take_events(self) -> bool:
        """Read the whole lines that are new. Return whether there are any."""
        new = b""
        with suppress(FileNotFoundError), self._events.open("rb") as file:  # `probe wipe` may have removed it
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return bool(lines)

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] in ITEMS:
            self.items.append(event)
        elif event["event"] == "progress":
            self.progress = event

    def _take_end(self, code: int) -> None:
        log = self._log.read_bytes() if self._log.exists() else b""  # `probe wipe` may have removed it
        lines = log[-LONGEST_LOG:].decode(errors="replace").splitlines()
        if lines and lines[-1].startswith(SAVED):
            self.saved = Path(lines[-1].removeprefix(SAVED))
        self.problems = [line.removeprefix(PROBLEM) for line in lines if line.startswith(PROBLEM)]
        self.stopped = self.stopped or code == INTERRUPTED
        self.code = code


def new_events_file() -> Path:
    """Make the file for the events of a run, which only this user can read. Raises OSError."""
    make_private_folder(state_folder())
    path = state_folder() / f"{PREFIX}{secrets.token_hex(8)}.events"
    os.close(_private(path))
    return path


def _own_code() -> dict[str, str]:
    """Return the environment of a run: our language, and this program, also where it was unpacked from one file."""
    folder, earlier = str(Path(probe.__file__).parents[1]), os.environ.get("PYTHONPATH")
    paths = os.pathsep.join(filter(None, [folder, earlier]))
    return {**os.environ, "PYTHONPATH": paths, VARIABLE: language()}


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PRIVATE, 0o600)

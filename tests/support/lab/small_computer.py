"""Run a command with a share of one processor, as a phone or a small board has it, and write its cost.

Usage: python -m tests.support.lab.small_computer SHARE FIGURES COMMAND…

The command and its children are stopped while they have used more than their share, and continued later, as the kernel
does by a quota. This needs no rights and no control group. FIGURES is a JSON file for seconds, CPU, peak memory and the
longest time between two lines on standard error.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PERIOD, BURST = 0.02, 0.03  # seconds between two looks, and of processor time that a waiting command may save
TICKS = os.sysconf("SC_CLK_TCK")


def family_of(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):  # it has ended
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def used_by(pids: list[int]) -> float:
    """Return the seconds of processor time of processes, and of their children that have ended."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / TICKS


def limit(process: "subprocess.Popen[bytes]", share: float) -> None:
    """Stop and continue the process and its descendants until it ends."""
    allowed, before, stopped = 0.0, time.monotonic(), False
    while process.poll() is None:
        now, family = time.monotonic(), family_of(process.pid)
        used = used_by(family)
        allowed, before = min(allowed + share * (now - before), used + BURST), now
        if stopped != (used > allowed):
            stopped = not stopped
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP if stopped else signal.SIGCONT)
        time.sleep(PERIOD)


class Silence:
    """Pass on the lines of a stream, and note the longest time between two of them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.longest, self._stream = 0.0, stream
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def _pass_on(self) -> None:
        last: float | None = None
        for line in self._stream:
            now = time.monotonic()
            self.longest, last = max(self.longest, now - (last or now)), now
            os.write(2, line)

    def end(self) -> float:
        self._thread.join()
        return self.longest


def main(share: str, figures: str, command: list[str]) -> int:
    """Run the command and return its exit code."""
    began = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    silence = Silence(process.stderr)
    limit(process, float(share))
    longest, used = silence.end(), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "seconds": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "silence": longest,
    }
    Path(figures).write_text(json.dumps(found))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

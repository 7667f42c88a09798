"""Start `probe helper` as its own process, and observe it from outside."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OWN = "192.0.2.1"  # leads to no machine


@dataclass
class HelperProcess:
    """Hold a running helper. `written()` is what it wrote to stdout and stderr since its first line."""

    pid: int
    port: int
    _out: Path
    _err: Path

    def written(self) -> bytes:
        """Return stdout and stderr, without the line that names the helper's own address."""
        return self._out.read_bytes().partition(b"\n")[2] + self._err.read_bytes()

    def memory(self) -> float:
        """Return the resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match, status
        return int(match[1]) / 1024

    def descriptors(self) -> int:
        """Return the number of open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@contextmanager
def helper_process(
    *options: str, descriptors: int | None = None, host: str = "127.0.0.1", program: Sequence[str] = ("-m", "probe")
) -> Iterator[HelperProcess]:
    """Run `probe helper` at `host` with `options`, limited to so many file descriptors. SIGTERM must end it with 0.

    `program` is what Python runs in place of `probe`.
    """

    def limit() -> None:
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    known = ("--own-address", OWN)  # otherwise it warns where this machine has no public address
    command = [sys.executable, *program, "helper", "--listen", f"{host}:0", *known, *options]
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        with (
            out.open("wb") as stdout,
            err.open("wb") as stderr,
            subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=stderr, preexec_fn=limit) as process,
        ):
            try:
                yield HelperProcess(process.pid, _port(process, out, err), out, err)
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=30) == 0, err.read_text()
            finally:
                process.kill()


def _port(process: "subprocess.Popen[bytes]", out: Path, err: Path) -> int:
    """Wait up to 60 s for the first line, and return its port."""
    for _ in range(1200):
        match = re.match(r"listening on http://\S+:(\d+)\n", out.read_text())
        if match:
            return int(match[1])
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the helper did not start: {err.read_text()}")


def question(body: Any, *, path: str = "/v1/measure", headers: str = "") -> bytes:
    """Return the bytes of a POST request. `headers` are whole lines."""
    raw = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: helper.example\r\nContent-Length: {len(raw)}\r\n{headers}\r\n"
    return head.encode() + raw

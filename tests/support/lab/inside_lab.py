"""Run programs in the user's namespace of a lab with one echo server, and return their results."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probe.lab.net.layout import FabricConfig
from probe.lab.sandbox.sandbox import run_in_lab
from tests.support.dispositions import set_defaults

SERVER, SERVER6 = "149.154.167.51", "2001:67c:4e8:f002::a"
ROOT = Path(__file__).resolve().parents[3]

# An echo server over TCP and UDP, IPv4 and IPv6. Its answers begin with the address of the sender.
ECHO = f"""
import asyncio, os, socket

async def answer(reader, writer):
    data = await reader.read(2000)
    writer.write(writer.get_extra_info("peername")[0].encode() + b" " + data)
    await writer.drain()
    writer.close()

class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, sender):
        self.transport.sendto(sender[0].encode() + b" " + data, sender)

async def main():
    loop = asyncio.get_running_loop()
    for address in ("{SERVER}", "{SERVER6}"):
        await asyncio.start_server(answer, address, 443)
        await loop.create_datagram_endpoint(Echo, (address, 53))
    os.write(int(os.environ["PROBE_LAB_READY_FD"]), b"ready\\n")
    await asyncio.Event().wait()

asyncio.run(main())
"""
ECHO_SERVER = [sys.executable, "-c", ECHO]


def config(**rest: Any) -> FabricConfig:
    return FabricConfig(servers=[SERVER, SERVER6], home_router_dns=SERVER, **rest)


def at_home(program: str, folder: Path, **rest: Any) -> Any:
    """Run a Python program in the user's namespace and return the value that it gives to `tell(value)`."""
    answer = folder / "answer.json"
    head = f"import json\ndef tell(value):\n    open({str(answer)!r}, 'w').write(json.dumps(value))\n"
    lab = rest.pop("lab", None) or config(**{key: rest.pop(key) for key in list(rest) if key not in _OWN})
    code = run_in_lab(
        lab,
        command=[sys.executable, "-c", head + textwrap.dedent(program)],
        servers=rest.pop("servers", ECHO_SERVER),
        cwd=str(folder),
        **rest,
    )
    assert code == 0, f"the program ended with {code}"
    return json.loads(answer.read_text())


_OWN = frozenset({"servers", "helper", "env", "keep", "log", "ready_within", "faults"})


def lab_process(
    command: str, *, lab: str = "", servers: bool = True, first: Callable[[], None] = lambda: None, **rest: Any
) -> subprocess.Popen[str]:
    """Start a process that runs a shell command in a lab and ends with its exit code. It calls `first` before all."""
    start = "[sys.executable, '-c', ECHO]" if servers else "None"
    program = f"""
import sys
from tests.support.lab.inside_lab import ECHO, config
from probe.lab.sandbox.sandbox import LabUnavailable, run_in_lab
try:
    sys.exit(run_in_lab(config({lab}), command=["sh", "-c", {command!r}], servers={start}))
except LabUnavailable as error:
    print("unavailable:", error, flush=True)
    sys.exit(99)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    rest = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, "cwd": ROOT, **rest}

    def before_exec() -> None:
        set_defaults()
        first()

    command_line = [sys.executable, "-c", program]
    return subprocess.Popen(command_line, env=environment, text=True, preexec_fn=before_exec, **rest)

"""Run the whole program at the user's position in a lab without a censor, while another fault happens."""

import json
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.run import run_command
from probe.lab.scenario.scenario import Scenario
from probe.results import Problem, read_lines
from probe.targets.target_files import bundled_targets

ACCUSED = {"blocked", "likely_blocked", "degraded"}
NAMES = ["telegram", "whatsapp", "x", "snapchat"]

# The start of each program at the user's position: `Probe()` starts a run, `measuring()` waits until its first packets
# are sent.
HEAD = f"""
import fcntl, json, os, random, resource, signal, socket, struct, subprocess, sys, time
from pathlib import Path
here = Path(sys.argv[1])
started = []

class Probe:
    def __init__(self, *options, names={NAMES!r}, before=None, start=("-m", "probe")):
        self.out, self.err = here / f"out{{len(started)}}", here / f"err{{len(started)}}"
        self.results = here / f"results{{len(started)}}"
        command = [sys.executable, *start, "run", *names, "--json", "--results", str(self.results), *options]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=self.out.open("wb"), stderr=self.err.open("wb"), preexec_fn=before
        )
        started.append(self)

    def wait_for(self, text, within=30.0):
        end = time.monotonic() + within
        while text not in self.err.read_text() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)

    def measuring(self):
        self.wait_for("Measuring")

    def signal(self, number):
        self.process.send_signal(number)

    def result(self, within):
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = None
        records = [json.loads(line) for line in self.out.read_text().splitlines()] if code in (0, 1, 4, 5) else []
        return {{"code": code, "seconds": time.monotonic() - self.began, "output": self.err.read_text(),
                "records": records, "results": str(self.results)}}

def link(up):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            if name != "lo":
                request = struct.pack("16sh14x", name.encode(), 0)
                flags = struct.unpack("16xh14x", fcntl.ioctl(sock, 0x8913, request))[0]
                flags = flags | 1 if up else flags & ~1
                fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", name.encode(), flags))
"""


@dataclass(frozen=True)
class RunResult:
    """Hold the results of one run. `code` is None if the run did not end and was killed."""

    code: int | None
    seconds: float
    output: str
    records: list[dict[str, Any]]
    results: str

    @property
    def states(self) -> dict[str, str | None]:
        return {record["service"]: record["state"] for record in self.records}

    @property
    def files(self) -> list[Path]:
        return [path for path in Path(self.results).rglob("*") if path.is_file()]

    def lines(self) -> list[dict[str, Any] | Problem]:
        return [line for path in self.files for _, line in read_lines(path)]

    def measured(self) -> list[dict[str, Any]]:
        lines = self.lines()
        assert not any(isinstance(line, Problem) for line in lines), lines
        return [line for line in lines if isinstance(line, dict)]

    def assert_nothing_is_accused(self) -> None:
        assert self.code is not None, f"it did not end:\\n{self.output}"
        accused = {record["service"]: record for record in self.records if record["state"] in ACCUSED}
        assert not accused, json.dumps(accused, indent=1)
        bugs = [bug for line in self.measured() for bug in line["test_keys"]["x_bugs"]]
        assert bugs == [] and "bug" not in self.output, self.output


def at_home(program: str, folder: Path) -> list[RunResult]:
    """Run Python text at the user's position. It calls `result()` of every started `Probe` and prints nothing."""
    answer = folder / "answer.json"
    tail = f"Path({str(answer)!r}).write_text(json.dumps(answers))\n"
    text = HEAD + textwrap.dedent(program) + "\n" + tail
    log = folder / "lab.log"
    scenario = Scenario("mishap", "Nothing is blocked")
    code = run_command(
        scenario, bundled_targets(), [sys.executable, "-c", text, str(folder)], consent=VERSION, log=str(log), seed=1
    )
    assert code == 0, f"the program at home ended with {code}: {log.read_text()[-2000:] if log.exists() else ''}"
    return [RunResult(**one) for one in json.loads(answer.read_text())]

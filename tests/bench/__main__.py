"""Start-up, a clean and a censored run in the lab, memory, and judging; prints one table."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBE = [sys.executable, "-m", "probe"]
BIN = Path(sys.executable).parent / "probe"
INSIDE = """
import json, resource, subprocess, sys, time
began = time.monotonic()
run = [sys.executable, "-m", "probe", "run", "--json", "--plain", "--results", sys.argv[1]]
done = subprocess.run(run, capture_output=True, text=True)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
saved = done.stderr.strip().splitlines()[-1].removeprefix("saved ")
figures = {"wall": time.monotonic() - began, "cpu": use.ru_utime + use.ru_stime, "peak_mb": use.ru_maxrss / 1024}
print(json.dumps({**figures, "exit": done.returncode, "saved": saved}))
"""


def seconds(command: list[str | Path], repeats: int = 7) -> float:
    """Median wall time of a command."""

    def once() -> float:
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        return time.monotonic() - began

    return statistics.median(once() for _ in range(repeats))


def in_lab(scenario: str, folder: str) -> dict[str, float | str]:
    """Run the probe at the volunteer's place and measure it there."""
    done = subprocess.run(
        [*PROBE, "lab", "run", scenario, "--seed", "1", "--", sys.executable, "-c", INSIDE, folder],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float | str] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def row(what: str, figure: str, aim: str = "") -> None:
    print(f"{what:<58} {figure:>12}   {aim}")


def start_up() -> None:
    bare = seconds([sys.executable, "-c", "pass"])
    helped = seconds([BIN, "--help"])
    row("probe --help", f"{helped * 1000:.0f} ms", "aim: under 150 ms")
    row("probe --help / a bare interpreter", f"{helped / bare:.1f}")


def runs(folder: str) -> None:
    found = {name: in_lab(name, folder) for name in ("clean", "great-firewall")}
    clean, wall = found["clean"], found["great-firewall"]
    row("clean run in the lab, wall", f"{clean['wall']:.1f} s")
    row("great-firewall run in the lab, wall", f"{wall['wall']:.1f} s")
    row("great-firewall / clean", f"{float(wall['wall']) / float(clean['wall']):.1f}")
    row("CPU of the clean run", f"{clean['cpu']:.1f} s")
    row("peak memory of the clean run, verdicts included", f"{clean['peak_mb']:.0f} MB", "aim: under 90 MB")
    lines = [json.loads(line) for line in Path(str(clean["saved"])).read_text().splitlines()]
    last = lines[-1]["test_keys"]["x_run"]
    row("bytes sent / received, clean run", f"{last['bytes_sent']} / {last['bytes_received']}", "aim: under 1 MB sent")
    judge([*PROBE, "judge", "--json", str(wall["saved"])], len(lines))


def judge(command: list[str], lines: int) -> None:
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    row(f"judging {lines} lines, start-up included", f"{time.monotonic() - began:.2f} s")


def main() -> None:
    start_up()
    with tempfile.TemporaryDirectory() as folder:
        runs(folder)
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}; CPU of the bench itself {cpu:.0f} s")


if __name__ == "__main__":
    main()

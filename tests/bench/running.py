"""Run `probe run` in the lab and return its cost, its measurements and the times of its packets."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.run import run_command, with_output_caught
from probe.lab.scenario.scenario import Scenario, load_scenario
from probe.targets.target_files import bundled_targets
from tests.support.lab.on_the_wire import timed_packets

HOME = ("192.88.99.77", "3c00:88:99:77::1:5")


@dataclass
class Ran:
    """Hold the figures of tests/bench/inside.py, the measurements, and the times of the packets."""

    cost: dict[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)
    on_the_wire: float = 0.0  # seconds from our first packet to the last one received

    @property
    def transactions(self) -> int:
        return sum(len(line["test_keys"]["x_transactions"]) for line in self.lines)

    @property
    def measuring(self) -> float:
        """Return the seconds from the first packet to the end of the last measurement, timeouts included."""
        preflight = self.lines[0]["test_keys"]["x_run"]["preflight"]["runtime"]
        return float(preflight) + max(float(line["test_runtime"]) for line in self.lines)

    @property
    def bytes_sent(self) -> int:
        return max(int(line["test_keys"]["x_run"]["bytes_sent"]) for line in self.lines)

    def own(self) -> Iterator[dict[str, Any]]:
        """Return the transactions that open an endpoint with its own name."""
        for line in self.lines:
            yield from (tx for tx in line["test_keys"]["x_transactions"] if tx["kind"] == "first" and tx["endpoint"])


def scenario_of(text: str, folder: Path, name: str) -> Scenario:
    path = folder / f"{name}.toml"
    path.write_text(f'title = "{name}"\nseed_varies = false\n{text}\n[expect.default]\nstate = "ok"\n')
    return load_scenario(path)


def ran(
    scenario: Scenario,
    folder: Path,
    *words: str,
    targets: Path | None = None,
    control: bool = True,
    tree: Path | None = None,
) -> Ran:
    """Run the probe in `scenario`. `folder` receives its files. `tree`: the program of another working copy."""
    targets = targets or bundled_targets()
    lines, figures, pcap = (folder / f"{scenario.name}.{end}" for end in ("jsonl", "json", "pcap"))
    for path in (lines, figures, pcap):
        path.unlink(missing_ok=True)
    command = ["env", *([] if control else ["-u", "PROBE_CONTROL"])]
    command += [] if tree is None else [f"PYTHONPATH={tree}", "PYTHONSAFEPATH=1"]  # also for the sniffer
    command += [sys.executable, "-m", "tests.bench.inside", str(figures), "--plain"]
    command += ["--targets", str(targets), "--output", str(lines), *words]

    def go() -> int:
        return run_command(scenario, targets, command, consent=VERSION, record=str(pcap), log=str(folder / "lab.log"))

    with_output_caught(go)
    written = [json.loads(line) for line in lines.read_text().splitlines()]
    return Ran(json.loads(figures.read_text()), written, _first_to_last(pcap))


def _first_to_last(pcap: Path) -> float:
    """Return the seconds from our first packet to the last one with data. Closing afterwards costs no time."""
    seen = list(timed_packets(pcap))
    sent = [when for when, packet in seen if packet.src in HOME]
    came = [when for when, packet in seen if packet.dst in HOME and packet.payload]
    return max(came) - min(sent)

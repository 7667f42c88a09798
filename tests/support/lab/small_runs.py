"""Measure a scenario of the lab as a small computer does, and compare its verdicts with those that are expected."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from probe.cli.run.consent import VERSION
from probe.lab.run import expected_services, read_records, run_command, with_output_caught
from probe.lab.scenario.expectations import Difference, differences
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.world.assemble import build_path
from probe.targets.target_files import bundled_targets

SHARE = 0.15  # of one core
MEMORY = 256  # MB
SCENARIOS = ("clean", "great-firewall", "stun-drop", "lossy")


@dataclass(frozen=True)
class SmallRun:
    """Hold the outcome of a run, with its seconds, CPU, peak memory and its longest silence on the screen."""

    code: int
    differences: list[Difference]
    seconds: float
    cpu: float
    peak_mb: float
    silence: float


def small_run(name: str, folder: Path, share: float = SHARE) -> SmallRun:
    """Run a bundled scenario with a share of one processor. `folder` receives its files."""
    scenario, targets, figures = load_scenario(find_scenario(name)), bundled_targets(), folder / f"{name}.figures.json"
    lines = folder / f"{name}.jsonl"
    lines.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.support.lab.small_computer", str(share), str(figures)]
    command += [sys.executable, "-m", "probe", "run", "--json", "--plain", "--targets", str(targets)]
    command += ["--output", str(lines), *scenario.targets]

    def go() -> int:
        return run_command(scenario, targets, command, consent=VERSION, log=str(folder / "lab.log"))

    code, printed = with_output_caught(go)
    services, hop = expected_services(scenario, targets), build_path(scenario, 0).censor_hop
    found = differences(scenario.expect, services, read_records(printed), censor_hop=hop)
    return SmallRun(code, found, **json.loads(figures.read_text()))

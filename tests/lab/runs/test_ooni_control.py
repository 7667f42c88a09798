"""Test that OONI's control protocol gives the same verdicts over TCP and TLS as our own."""

import json
from pathlib import Path
from typing import Any

import pytest

from probe.cli.run.consent import VERSION
from probe.lab.run import Finished, run_scenario, table
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.world.hosts import HELPER_V4
from probe.targets.target import bundled_targets
from tests.support.lab import evidence

pytestmark = pytest.mark.lab

CONTROL = ("--control", f"ooni+http://{HELPER_V4}")


def measured(name: str, results: Path) -> tuple[Finished, list[dict[str, Any]]]:
    """Return the run of a scenario with OONI's control, and its measurements."""
    finished = run_scenario(
        load_scenario(find_scenario(name)), bundled_targets(), consent=VERSION, results=results, more=CONTROL
    )
    files = sorted(results.rglob("*.jsonl"))
    return finished, [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("name", ["sni-reset", "ip-blackhole", "service-down"])
def test_ooni_control_gives_the_same_states_as_our_own(name: str, tmp_path: Path) -> None:
    finished, lines = measured(name, tmp_path)
    assert not finished.differences, "\n" + "\n".join(table(finished.differences))
    evidence.check_lines(tmp_path / "lab", finished.records)
    controls = [line["test_keys"]["x_control"] for line in lines]
    assert controls and {control["failure"] for control in controls} == {None}
    assert {control["targets_digest"] for control in controls} == {""}  # the control was OONI's
    assert HELPER_V4 not in json.dumps(controls)
    assert all(record["controls"] for record in finished.records)

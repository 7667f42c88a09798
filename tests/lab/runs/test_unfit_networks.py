"""Test on the lab's wire that an unfit network ends a run before any target's name is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from probe.cli.run.consent import VERSION
from probe.lab.net.fabric import FabricConfig
from probe.lab.run import run_scenario
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.lab.scenario.scenario_keys import RunKeys
from probe.targets.target import is_address
from probe.targets.target_files import bundled_targets, load_target
from tests.lab.runs.test_scenarios import check
from tests.support.lab.on_the_wire import Wire
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

UNFIT = ("vpn", "clock", "antivirus")
HOME = {FabricConfig.home_public_v4, FabricConfig.home_v6}
HELPER = {FabricConfig.helper_v4, FabricConfig.helper_v6}


def contacted(name: str, pcap: Path) -> set[str]:
    """Return the names and literal addresses of the scenario's targets that the user sent something with or to."""
    targets = [
        load_target(bundled_targets() / f"{target}.toml") for target in load_scenario(find_scenario(name)).targets
    ]
    hosts = {endpoint.host for target in targets for _, endpoint in target.endpoints()}
    wire = Wire(pcap, HOME)
    named = {place[0] for place in wire.triggers({host for host in hosts if not is_address(host)})}
    return named | {host for host in hosts if is_address(host) and wire.connections(host)}


@pytest.mark.parametrize("name", UNFIT)
def test_no_target_is_contacted_without_the_option(name: str, tmp_path: Path) -> None:
    scenario = replace(load_scenario(find_scenario(name)), run=RunKeys())
    pcap = tmp_path / "home.pcap"
    finished = run_scenario(scenario, bundled_targets(), consent=VERSION, results=tmp_path, record=str(pcap))
    check(finished)
    assert finished.code == 4 and finished.records
    assert {(record["valid"], record["attempts"]) for record in finished.records} == {(False, 0)}
    assert contacted(name, pcap) == set()
    assert any(Wire(pcap, HOME).connections(address) for address in HELPER), "the helper may be contacted"


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.lab_run(name)) for name in UNFIT])
def test_targets_are_contacted_with_the_option(name: str, outcome: LabOutcome) -> None:
    check(outcome.finished)
    assert outcome.finished.code == 0
    assert contacted(name, outcome.folder / "home.pcap")

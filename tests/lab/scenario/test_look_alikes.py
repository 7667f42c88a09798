"""Every look-alike has its scenario, whose file is about that and lets nobody be accused of it."""

import pytest

from probe.lab.run import expected_services
from probe.lab.scenario.expectations import Expectation
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario, scenario_names
from probe.lab.scoring.score import ACCUSING
from probe.targets.target import bundled_targets
from tests.support.lab.lookalikes import LOOK_ALIKES

CASES = [(one.item, name) for one in LOOK_ALIKES for name in one.scenarios]
# One packet lost in twenty, and in five, or few descriptors: where luck decides whether all is tried.
UNDECIDED = {"lossy", "lossy-badly", "descriptors-short"}
NAMES = sorted({name for _, name in CASES})


def load(name: str) -> Scenario:
    return load_scenario(find_scenario(name))


@pytest.mark.parametrize(("item", "name"), CASES)
def test_the_scenario_is_about_its_item(item: str, name: str) -> None:
    (shows,) = [one.scenarios[name] for one in LOOK_ALIKES if one.item == item]
    assert shows(load(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_must_come_of_it_is_said_of_every_service_and_exactly(name: str) -> None:
    scenario = load(name)
    default = scenario.expect.get("default")
    named = [scenario.expect.get(service, default) for service in expected_services(scenario, bundled_targets())]
    assert named and None not in named
    for wanted in named:
        assert wanted is not None
        if not states(wanted) & ACCUSING:
            assert wanted.mechanisms == []
            assert len(states(wanted)) == 1 or name in UNDECIDED


@pytest.mark.parametrize("name", [name for name in NAMES if not load(name).censors])
def test_where_nobody_interferes_nobody_may_be_accused(name: str) -> None:
    assert not [service for service, wanted in load(name).expect.items() if states(wanted) & ACCUSING]


def states(wanted: Expectation) -> set[str | None]:
    if wanted.valid is False:
        assert wanted.invalid_reason is not None
        return {None}
    return set(wanted.state) if isinstance(wanted.state, list) else {wanted.state}


def test_every_scenario_without_a_censor_stands_for_something() -> None:
    assert {name for name in scenario_names() if not load(name).censors} <= set(NAMES)

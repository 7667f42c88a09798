"""Test that the expectations of look-alike scenarios accuse no service of the condition that they show."""

import pytest

from probe.lab.run import expected_services
from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.lab.scenario.expectations import Expectation, expectation_for
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario
from probe.lab.scoring.score import ACCUSING
from probe.targets.target_files import bundled_targets
from tests.support.lab.lookalikes import CONDITIONS

# Packet loss of 5 to 20 %, a volume that is used up, a full table of connections, few descriptors. A full slow line, or
# a network that is lost. Chance decides what is tried there.
UNDECIDED = {"lossy", "lossy-badly", "descriptors-short", "slow-line", "slower-line"}
UNDECIDED |= {
    "network-lost",
    "network-lost-refused",
    "network-comes-and-goes",
    "wifi-loses-moments",
    "freeze-random-loss",
    "freeze-quota",
}
UNDECIDED |= {"first-connections-reset"}  # a slow computer repeats names after a rest
UNDECIDED |= {"transfers-transit-policed"}  # a queue of 64 kbit/s
UNDECIDED |= {"random-resets-30", "random-resets-50", "random-resets-protocols", "tampering-sampled"}  # chance decides
UNDECIDED |= {"transfers-shared-not-offered"}  # a queue of 20 kbit/s
UNDECIDED |= {
    "burst-ban-app",
    "burst-ban-line",
    "burst-ban-operator",
    "burst-ban-short",
}  # the seed draws limit and place
UNDECIDED |= {"burst-limit-line", "query-limit-servfail"}  # what is asked above the limit depends on the time
UNDECIDED |= {"udp-size", "ipv6-alone-down"}  # the seed draws the size, and a host may have IPv6
UNDECIDED |= {"mail-ports-closed"}  # the seed draws the ports
UNDECIDED |= {"portal-begins"}  # what ends before it begins depends on the speed of the computer
UNDECIDED |= {"freeze-late-thin-line"}  # loss and a full line decide which pages end in time
UNDECIDED |= {"policing-random-loss", "policing-router-table", "freeze-quic-quota", "freeze-quic-path-mtu"}


def load(name: str) -> Scenario:
    return load_scenario(find_scenario(name))


NAMES = [name for name in scenario_names() if load(name).look_alike]


@pytest.mark.parametrize("name", CONDITIONS)
def test_look_alike_contains_its_condition(name: str) -> None:
    assert name in NAMES
    assert CONDITIONS[name](load(name))


@pytest.mark.parametrize("name", NAMES)
def test_look_alike_expects_exact_states_of_every_service(name: str) -> None:
    scenario = load(name)
    services = expected_services(scenario, bundled_targets())
    assert services
    for service in services:
        expectation = expectation_for(service, scenario.expect)
        assert expectation is not None
        if not states(expectation) & ACCUSING:
            assert expectation.mechanisms == []
            later = expectation is scenario.expect.get(f"{service.split('/')[0]}/*")  # a service that is added later
            assert len(states(expectation)) == 1 or name in UNDECIDED or later


@pytest.mark.parametrize("name", [name for name in NAMES if not load(name).censors])
def test_look_alike_without_censor_accuses_no_service(name: str) -> None:
    expect = load(name).expect
    assert not [service for service, expectation in expect.items() if states(expectation) & ACCUSING]


def states(expectation: Expectation) -> set[str | None]:
    if expectation.valid is False:
        assert expectation.invalid_reason is not None
        return {None}
    return set(expectation.state) if isinstance(expectation.state, list) else {expectation.state}


def test_every_scenario_without_censor_is_a_look_alike() -> None:
    """Leave out the lab's home router that answers in place of a provider's resolver."""
    without = {name for name in scenario_names() if not load(name).censors}
    assert without - {"home-router-forwards-lies"} <= set(NAMES)

"""Test that a scenario's timed outages become outages of the fabric, and that impossible times are refused."""

import math

import pytest
from pydantic import ValidationError

from probe.lab.net.crafting import packed
from probe.lab.net.layout import Cut, Outage
from probe.lab.net.outages import Outages
from probe.lab.scenario.faults import NoNetwork, ServerDown
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.hosts import Host
from probe.lab.world.server_faults import apply_faults


def outages(**keys: object) -> tuple[str, list[Outage]]:
    host = Host(names=["a.example"], addresses=["192.0.2.1"], services={"chat/web"})
    apply_faults([host], Scenario("x", "X", faults=(ServerDown(services=["chat/web"], **keys),)), seed=0)  # type: ignore[arg-type]
    return host.down, host.outages


def test_server_without_times_is_always_down() -> None:
    assert outages(how="refused") == ("refused", [])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"after": 0.0}, (0.0, math.inf, 0, math.inf)),
        ({"after": 5.0, "until": 9.0}, (5.0, 9.0, 0, math.inf)),
        ({"until": 9.0, "every": 12.0}, (0.0, 9.0, 0, 12.0)),
        ({"until_question": 2}, (0.0, math.inf, 2, math.inf)),
    ],
)
def test_times_make_an_outage(keys: dict[str, float], expected: tuple[float, float, int, float]) -> None:
    down, (outage,) = outages(how="silent", **keys)
    assert down == "" and (outage.addresses, outage.how) == (["192.0.2.1"], "silent")
    assert (outage.after, outage.until, outage.questions, outage.every) == expected


@pytest.mark.parametrize(
    "keys",
    [{"how": "hangs_up", "after": 1.0}, {"after": 5.0, "until": 5.0}, {"until": 2.0, "every": 2.0}, {"every": 2.0}],
)
def test_impossible_times_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServerDown.model_validate(keys)


def test_network_is_cut_off_for_a_time_that_counts_from_the_first_packet() -> None:
    cut, later = Cut("silent", 5.0, 9.0), Cut("unreachable", 12.0)
    lab = Outages([], [cut, later])
    assert lab.cut(107.0) is None  # the run has not begun
    lab.begin(100.0)
    seen = [lab.cut(at) for at in (104.9, 105.0, 108.9, 109.0, 111.9, 112.0, 900.0)]
    assert seen == [None, cut, cut, None, None, later, later]
    assert Outages([]).cut(107.0) is None


def test_network_and_servers_come_and_go() -> None:
    lab = Outages([Outage(["192.0.2.1"], "refused", 2.0, 3.0, every=4.0)], [Cut("silent", 2.0, 3.0, 4.0)])
    lab.begin(100.0)
    times = {101.9: False, 102.0: True, 103.0: False, 105.9: False, 106.5: True, 107.0: False, 502.5: True}
    assert {at: lab.cut(at) is not None for at in times} == times
    assert {at: lab.at(packed("192.0.2.1"), at) is not None for at in times} == times


@pytest.mark.parametrize(
    "keys",
    [
        {"until": 5.0},
        {"after": 5.0, "until": 5.0},
        {"how": "unplugged", "after": 1.0},
        {"after": 1.0, "every": 5.0},
        {"after": 1.0, "until": 3.0, "every": 2.0},
    ],
)
def test_impossible_times_of_a_network_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NoNetwork.model_validate(keys)

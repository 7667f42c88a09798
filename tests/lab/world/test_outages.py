"""Test that a scenario's timed outages become outages of the fabric, and that impossible times are refused."""

import math

import pytest
from pydantic import ValidationError

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
        ({"after": 0.0}, (0.0, math.inf, 0)),
        ({"after": 5.0, "until": 9.0}, (5.0, 9.0, 0)),
        ({"until": 9.0}, (0.0, 9.0, 0)),
        ({"until_question": 2}, (0.0, math.inf, 2)),
    ],
)
def test_times_make_an_outage(keys: dict[str, float], expected: tuple[float, float, int]) -> None:
    down, (outage,) = outages(how="silent", **keys)
    assert down == "" and (outage.addresses, outage.how) == (["192.0.2.1"], "silent")
    assert (outage.after, outage.until, outage.questions) == expected


@pytest.mark.parametrize("keys", [{"how": "hangs_up", "after": 1.0}, {"after": 5.0, "until": 5.0}])
def test_impossible_times_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServerDown.model_validate(keys)


def test_network_is_cut_off_for_a_time_that_counts_from_the_first_packet() -> None:
    none, cut, later = Outages([]), Cut("silent", 5.0, 9.0), Cut("unreachable", 12.0)
    assert not none.cut([cut], 107.0)  # the run has not begun
    none.begin(100.0)
    assert [none.cut([cut], at) for at in (104.9, 105.0, 108.9, 109.0)] == [None, cut, cut, None]
    assert [none.cut([cut, later], at) for at in (107.0, 111.9, 112.0, 900.0)] == [cut, None, later, later]
    assert not none.cut([], 107.0)
    goes = Cut("silent", 2.0, 3.0, 4.0)
    assert [none.cut([goes], 100.0 + at) for at in (1.9, 2.0, 3.0, 5.9, 6.5, 7.0)] == [
        None,
        goes,
        None,
        None,
        goes,
        None,
    ]


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

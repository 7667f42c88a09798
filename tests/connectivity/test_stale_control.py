"""Test which endpoints are tried once more, from facts alone: the ages around the limit decide."""

from typing import Any

import pytest

from probe.connectivity.stale_control import ControlAttempt, OwnAttempt, StaleFailure, plan_repetitions

URL, HERE, THERE = "https://service.example:443/", "192.0.2.1", "192.0.2.2"


def own(
    address: str = HERE, *, passed: bool = False, at: tuple[float, float] = (20.0, 30.0), **more: Any
) -> OwnAttempt:
    return OwnAttempt("web", more.get("url", URL), address, passed, *at, more.get("number", 7))


def control(began: float | None, address: str = HERE, *, passed: bool = True) -> ControlAttempt:
    return ControlAttempt(URL, address, passed, began)


def places(*attempts: OwnAttempt | ControlAttempt) -> list[str]:
    here = [each for each in attempts if isinstance(each, OwnAttempt)]
    planned = plan_repetitions(here, [each for each in attempts if isinstance(each, ControlAttempt)])
    return [each.address for each in planned]


@pytest.mark.parametrize(
    ("began", "again"),
    [(-30.0, True), (14.9, True), (15.1, False), (25.0, False), (34.9, False), (35.1, True), (None, False)],
)
def test_age_of_the_success_decides(began: float | None, again: bool) -> None:
    assert places(own(), control(began)) == ([HERE] if again else [])


def test_repetition_names_the_last_failure_as_its_cause() -> None:
    tried = [own(number=3), own(number=9, at=(30.5, 40.0))]
    assert plan_repetitions(tried, [control(-30.0)]) == (StaleFailure("web", URL, HERE, 9),)


def test_one_success_in_time_is_enough() -> None:
    assert places(own(), control(-30.0), control(21.0)) == []
    assert places(own(), own(at=(60.0, 70.0)), control(66.0)) == []


def test_success_here_needs_no_repetition() -> None:
    assert places(own(), own(passed=True), control(-30.0)) == []


def test_endpoint_that_the_control_could_not_reach_is_not_repeated() -> None:
    assert places(own(), control(-30.0, passed=False)) == []
    assert places(own()) == []
    assert places(own(url="https://other.example:443/"), control(-30.0)) == []


def test_each_address_is_decided_alone_and_the_control_may_have_tried_another() -> None:
    assert places(own(), own(THERE), control(-30.0), control(21.0, THERE)) == [HERE]
    assert places(own(), control(-30.0, THERE)) == [HERE]
    assert places(own(), control(21.0, THERE)) == []
    assert places(own(), own(THERE, passed=True), control(-30.0)) == [HERE]

"""Test the sentences about the time that a run takes."""

import pytest

from probe.analysis.rules.services import OUT_OF_TIME
from probe.cli.run.run_time import expected_time, stopped_at_limit


@pytest.mark.parametrize(
    ("seconds", "about"),
    [
        (3.0, "about 10 seconds"),
        (14.0, "about 10 seconds"),
        (47.0, "about 50 seconds"),
        (91.0, "about 2 minutes"),
        (400.0, "about 7 minutes"),
    ],
)
def test_time_is_rounded_to_what_can_be_known(seconds: float, about: str) -> None:
    assert expected_time(seconds, None) == [f"This takes {about} on this network."]


def test_limit_of_the_run_is_said_if_it_is_too_short() -> None:
    (about,) = expected_time(110.0, 120.0)
    assert about == "This takes about 2 minutes on this network."
    first, second = expected_time(300.0, 120.0)
    assert first == about and "left out" in second


def test_services_that_the_limit_left_out_are_counted() -> None:
    tested, left_out = {"rule_id": "http_answers"}, {"rule_id": OUT_OF_TIME}
    assert "No service was left out" in stopped_at_limit([tested], 119.6)
    one = stopped_at_limit([tested, left_out], 119.6)
    assert one == "Stopped after 120 s because this network is slow. 1 service was not tested to its end."
    assert "2 services were" in stopped_at_limit([left_out, left_out], 90.0)

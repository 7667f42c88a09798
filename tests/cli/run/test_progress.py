"""Test the sentence about the time that a run takes."""

import pytest

from probe.cli.run.progress import expected_time


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

"""Test with every removal what test_less_tested.py tests with some."""

import pytest

from tests.analysis.verdicts.test_less_tested import SCENARIOS, check

pytestmark = pytest.mark.timeout(1800)  # a recording has up to 500 removals


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_removal_makes_no_app_better_or_surer(scenario: str) -> None:
    check(scenario)

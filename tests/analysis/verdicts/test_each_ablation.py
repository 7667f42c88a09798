"""Test with every kind of evidence in every measurement what test_ablation.py tests with some."""

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from tests.analysis.verdicts.test_ablation import SCENARIOS, check

pytestmark = pytest.mark.timeout(1800)  # a recording has up to 300 pairs of a measurement and a kind of evidence


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_evidence_less_gives_an_accusation(scenario: str) -> None:
    with SQLiteEngine() as engine:
        check(scenario, engine)

"""Test that measurements in the shapes of OONI's published samples get the verdicts that the cases name."""

import pytest

from tests.analysis.ooni_import.test_measurements import states
from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.page import FASTPATH, PAGE, WEB, page


@pytest.mark.parametrize("case", [*WEB, *FASTPATH], ids=lambda case: case.sample)
def test_sample_gets_the_verdict_of_its_case(case: Case) -> None:
    assert states(case.measurement) == case.by_role


@pytest.mark.parametrize("case", [*WEB, *FASTPATH], ids=lambda case: case.sample)
def test_difference_from_ooni_has_a_reason(case: Case) -> None:
    """Compare the words. OONI's `blocked` is any of our accusing states, and its `failed` is `insufficient`."""
    words = {"blocked": "blocked", "likely_blocked": "blocked", "insufficient": "failed"}
    alike = {words.get(state.partition(" ")[0], state) for state in case.by_role.values()} == {case.ooni}
    assert alike == (case.why == "")


def test_each_published_web_case_is_there_once() -> None:
    assert len(WEB) == len({case.sample for case in WEB}) == 56


def test_page_shows_the_cases() -> None:
    """Run `make reference` after a change."""
    assert PAGE.read_text(encoding="utf-8") == page()

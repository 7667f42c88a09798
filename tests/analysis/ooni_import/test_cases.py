"""Test that measurements in the shapes of OONI's published samples get the verdicts that the cases name."""

import pytest

from tests.analysis.ooni_import.test_measurements import states
from tests.support.ooni.cases import names, pages, redirects
from tests.support.ooni.cases.case import Case

WEB = (*redirects.CASES, *names.CASES, *pages.CASES)
"""One for each measurement in internal/minipipeline/testdata/webconnectivity of ooni/probe-cli."""


@pytest.mark.parametrize("case", WEB, ids=lambda case: case.sample)
def test_web_address_gets_the_verdict_of_its_case(case: Case) -> None:
    assert states(case.measurement) == case.by_role


def test_each_published_web_case_is_there_once() -> None:
    assert len(WEB) == len({case.sample for case in WEB}) == 56

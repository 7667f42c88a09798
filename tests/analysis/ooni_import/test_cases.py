"""Test that measurements in the shapes of OONI's published samples get the verdicts that the cases name."""

from typing import Any

import pytest

from tests.analysis.ooni_import.test_measurements import states
from tests.support.ooni.cases.case import Case
from tests.support.ooni.cases.page import FASTPATH, WEB, page
from tests.support.ooni.cases.web import Web


@pytest.mark.parametrize("case", [*WEB, *FASTPATH], ids=lambda case: case.sample)
def test_sample_gets_the_verdict_of_its_case(case: Case) -> None:
    assert states(case.measurement) == case.by_role


@pytest.mark.parametrize("case", [*WEB, *FASTPATH], ids=lambda case: case.sample)
def test_difference_from_ooni_has_a_reason(case: Case) -> None:
    """Compare the words. OONI's `blocked` is any of our accusing states, and its `failed` is `insufficient`."""
    words = {"blocked": "blocked", "likely_blocked": "blocked", "insufficient": "failed"}
    alike = {words.get(state.partition(" ")[0], state) for state in case.by_role.values()} == {case.ooni}
    assert alike == (case.why == "")


@pytest.mark.parametrize("lookup", [None, {}, {"addrs": []}, {"failure": "dns_lookup_error", "addrs": []}])
def test_name_that_the_helper_cannot_resolve_either_is_down(lookup: dict[str, Any] | None) -> None:
    web = Web("https://www.example.com/").asked("dns_nxdomain_error").helper(failure="dns_lookup_error")
    web.keys["control"]["dns"] = lookup
    assert states(web.measured()) == {"web": "down"}


def test_address_that_the_helper_found_is_one_though_its_page_failed() -> None:
    web = (
        Web("https://www.example.com/").asked("dns_nxdomain_error").helper("93.184.215.14", failure="dns_lookup_error")
    )
    assert states(web.measured()) == {"web": "impaired"}


def test_each_published_web_case_is_there_once() -> None:
    assert len(WEB) == len({case.sample for case in WEB}) == 56


def test_page_shows_the_cases() -> None:
    shown = page()
    assert all(f"| `{case.sample.removeprefix('fastpath/')}` | {case.ooni} | " in shown for case in (*WEB, *FASTPATH))

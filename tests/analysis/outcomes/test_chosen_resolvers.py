"""Test verdicts about names that the resolver in use answers falsely, where the network assigned another resolver."""

from typing import Any

import pytest

from probe.formats.entries import DNSQuery
from tests.analysis.outcomes.test_name_filters import (
    ACCUSED,
    CHOSEN,
    FORMS,
    HOME,
    HOST,
    NAMES,
    conclusion,
    control,
    filtered,
)
from tests.support.measurements.lines import FORGED, GENUINE, SECOND

ALONE = ("filtered_locally", "name_false_at_chosen_resolver_alone", "resolver_of_choice")
BOTH = ("impaired", "name_filtered_at_both_resolvers", "unknown")
FALSE = list(FORMS)
TEST = control("nudity.testcategory.com", kind="test")


def judged(form: str, answer: list[str] | str, place: str, assigned: str, *controls: dict[str, Any]) -> tuple[Any, ...]:
    """Return the conclusion where the resolver in use gives a false answer of a form, and the assigned one `answer`."""
    lines = filtered(form)
    lines.assigned_udp(HOST, answer)
    return conclusion(lines, *controls, resolver=place, assigned=assigned)


@pytest.mark.parametrize("place", ["elsewhere", "local_network"])
@pytest.mark.parametrize("form", FALSE)
def test_a_resolver_that_alone_gives_a_false_answer_was_chosen(form: str, place: str) -> None:
    assert judged(form, [GENUINE], place, "elsewhere") == ALONE


@pytest.mark.parametrize("form", FALSE)
def test_a_resolver_on_the_computer_that_alone_gives_a_false_answer(form: str) -> None:
    expected = ("filtered_locally", "name_false_at_own_resolver_alone", "this_computer")
    assert judged(form, [GENUINE], "this_computer", "local_network") == expected


@pytest.mark.parametrize("place", ["public", "listed"])
def test_a_network_that_answers_in_the_place_of_a_known_resolver_is_accused(place: str) -> None:
    assert judged("null", [GENUINE], place, "elsewhere")[0] in ACCUSED


@pytest.mark.parametrize("answer", [["0.0.0.0"], "dns_nxdomain_error", [FORGED], "dns_refused_error", [], [SECOND]])
def test_without_a_true_answer_of_the_assigned_resolver_an_unknown_one_is_accused(answer: list[str] | str) -> None:
    assert judged("null", answer, "elsewhere", "elsewhere")[0] in ACCUSED
    assert conclusion(filtered(), resolver="elsewhere")[0] in ACCUSED


@pytest.mark.parametrize("answer", [["0.0.0.0"], "dns_nxdomain_error"])
@pytest.mark.parametrize(
    ("place", "assigned"), [("listed", "elsewhere"), ("listed", "public"), ("local_network", "elsewhere")]
)
def test_a_provider_that_forges_too_is_accused_whatever_the_user_chose(
    answer: list[str] | str, place: str, assigned: str
) -> None:
    assert judged("null", answer, place, assigned, TEST, *map(control, NAMES))[0] in ACCUSED


@pytest.mark.parametrize("assigned", ["local_network", "listed", "this_computer"])
def test_two_filters_on_the_users_side_accuse_nothing(assigned: str) -> None:
    assert judged("null", ["0.0.0.0"], "listed", assigned, TEST) == BOTH


@pytest.mark.parametrize("answer", [[GENUINE], [SECOND], "dns_refused_error", "generic_timeout_error"])
def test_a_filter_stays_one_unless_the_assigned_resolver_forges(answer: list[str] | str) -> None:
    """Show an assigned resolver that is right, gives a server of its own region, refuses us, or is silent."""
    assert judged("null", answer, "listed", "elsewhere", TEST) == CHOSEN
    assert judged("null", answer, "local_network", "elsewhere", *map(control, NAMES)) == HOME


@pytest.mark.parametrize("forge", ["public", "dark", "race"])
def test_forgery_on_the_path_is_accused_though_the_assigned_resolver_is_right(forge: str) -> None:
    lines = filtered()
    lines.assigned_udp(HOST, [GENUINE])
    if forge == "public":
        lines.public_udp(HOST, ["0.0.0.0"])
    elif forge == "dark":
        lines.preflight["dark_answers"] = False
        lines.dark(HOST, ["0.0.0.0"])
    else:
        lines.own_udp(HOST, ["0.0.0.0"], [GENUINE])
    assert conclusion(lines, resolver="elsewhere", assigned="elsewhere")[0] in ACCUSED


def test_the_assigned_resolver_is_no_public_one() -> None:
    """Show a run in which public resolvers are silent, so that nothing shows what the path does."""
    lines = filtered()
    lines.assigned_udp(HOST, [GENUINE])
    public = "8.8.8.8:53"
    lines.probe.entries = [
        (followup, each)
        for followup, each in lines.probe.entries
        if not (isinstance(each, DNSQuery) and each.resolver_address == public)
    ]
    found = conclusion(lines, resolver="elsewhere", assigned="elsewhere")
    assert found == ("impaired", "name_true_at_assigned_resolver", "unknown")


@pytest.mark.parametrize(
    ("checks", "expected"),
    [(["resolver_assigned"], "name_not_asked_at_assigned_resolver"), (["near_reaction"], ""), ([], "")],
)
def test_a_run_that_ended_before_the_assigned_resolver_was_asked_accuses_nothing(
    checks: list[str], expected: str
) -> None:
    lines = filtered()
    lines.run["checks"] = checks
    state, rule, _ = conclusion(lines, resolver="elsewhere")
    assert (state, rule) == ("impaired", expected) if expected else state in ACCUSED
    lines.assigned_udp(HOST, "generic_timeout_error")
    assert conclusion(lines, resolver="elsewhere", assigned="elsewhere")[0] in ACCUSED


def test_forgery_on_the_path_accuses_though_the_assigned_resolver_was_not_asked() -> None:
    lines = filtered()
    lines.run["checks"] = ["resolver_assigned"]
    lines.public_udp(HOST, ["0.0.0.0"])
    assert conclusion(lines, resolver="elsewhere")[0] in ACCUSED

"""Test verdicts about names that a filter of the user's own side answers, and about censors that look like one."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.entries import DNSQuery
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
NXDOMAIN, NO_ANSWER, REFUSED, TIMEOUT = (
    "dns_nxdomain_error",
    "dns_no_answer",
    "dns_refused_error",
    "generic_timeout_error",
)
NAMES = ("doubleclick.net", "adnxs.com", "rubiconproject.com", "scorecardresearch.com")
FORMS: dict[str, list[str] | str] = {
    "null": ["0.0.0.0"],
    "loopback": ["127.0.0.1"],
    "private": ["192.168.1.2"],
    "address": [FORGED],
    "nxdomain": NXDOMAIN,
    "no_answer": NO_ANSWER,
    "refused": REFUSED,
}
HOME = ("filtered_locally", "name_filtered_in_home_network", "home_network")
COMPUTER = ("filtered_locally", "name_filtered_on_computer", "this_computer")
CHOSEN = ("filtered_locally", "name_filtered_by_chosen_resolver", "resolver_of_choice")
ACCUSED = {"blocked", "likely_blocked"}


def control(name: str, form: str = "null", *, kind: str = "advertisement", **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"name": name, "kind": kind, "answer": form, "authoritative": False, "known": True}
    about["addresses"] = [FORGED] if form == "address" else []
    return about | {"record_ttl": 2 if form in {"null", "loopback"} else None} | more


def filtered(form: str = "null", *, record_ttl: int = 2, flags: tuple[str, ...] = ("QR", "RD", "RA")) -> Lines:
    """Return a false answer of the system resolver. Public resolvers give the true one."""
    lines, answer = Lines({"web": [URL]}), FORMS[form]
    if isinstance(answer, str):
        lines.lookup(HOST, failure=answer)
        lines.own_udp(HOST, answer)
    else:
        lines.lookup(HOST, *answer)
        lines.own_udp(HOST, answer)
        lines.first(URL, answer[0], f"tcp:{TIMEOUT}")
    (query,) = (e for _, e in lines.probe.entries if isinstance(e, DNSQuery) and e.x_responses)
    for response in query.x_responses or []:
        response.flags = list(flags)
        for record in response.answers:
            record.ttl = record_ttl if form in {"null", "loopback"} else None
    lines.resolver_answers(t0=0.1, t=0.2)
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    lines.public_udp(HOST, [GENUINE])
    return lines


def conclusion(lines: Lines, *controls: dict[str, Any], **facts: Any) -> tuple[Any, ...]:
    about: dict[str, Any] = {"resolver": "local_network", "title": None, "far": False, "controls": list(controls)}
    lines.run["name_filter"] = about | facts
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["rule_id"], record["cause_place"]


@pytest.mark.parametrize("form", FORMS)
def test_a_filter_of_advertising_is_the_home_networks(form: str) -> None:
    assert conclusion(filtered(form), *(control(name, form) for name in NAMES)) == HOME


@pytest.mark.parametrize("form", FORMS)
def test_a_resolver_with_true_answers_for_advertising_is_accused(form: str) -> None:
    """Show the home router that only forwards to a censor's resolver."""
    true = [control(name, "address", addresses=[SECOND]) for name in NAMES]
    assert conclusion(filtered(form), *true)[0] in ACCUSED
    assert conclusion(filtered(form))[0] in ACCUSED
    assert conclusion(filtered(form), *(control(name, form) for name in NAMES[:2]), *true)[0] in ACCUSED


@pytest.mark.parametrize(
    "change",
    [{"answer": "nxdomain", "record_ttl": None}, {"record_ttl": 300}, {"authoritative": True}, {"known": False}],
)
def test_a_censor_behind_an_ad_blocker_is_accused(change: dict[str, Any]) -> None:
    """Show a home router that filters advertising, and forwards the false answer of a censor's resolver."""
    assert conclusion(filtered(), *(control(name, **change) for name in NAMES))[0] in ACCUSED
    assert conclusion(filtered(record_ttl=60), *map(control, NAMES))[0] in ACCUSED
    assert conclusion(filtered(flags=("QR", "AA", "RD")), *map(control, NAMES))[0] in ACCUSED


def test_short_times_of_one_filter_need_not_be_equal() -> None:
    """Show a stub resolver that keeps an answer of ten seconds, and counts down."""
    assert conclusion(filtered(record_ttl=7), *(control(name, record_ttl=10) for name in NAMES)) == HOME


def test_a_resolver_far_away_is_not_in_the_home_network() -> None:
    assert conclusion(filtered(), *map(control, NAMES), far=True)[0] in ACCUSED
    assert conclusion(filtered(), *map(control, NAMES), far=None) == HOME
    assert conclusion(filtered(), *map(control, NAMES), resolver="elsewhere")[0] in ACCUSED


def test_a_program_on_the_computer_that_filters_advertising() -> None:
    assert conclusion(filtered(), *map(control, NAMES), resolver="this_computer") == COMPUTER


def test_a_listed_filter_is_known_by_its_tests_or_by_advertising() -> None:
    test = control("nudity.testcategory.com", kind="test")
    assert conclusion(filtered(), test, resolver="listed") == CHOSEN
    assert conclusion(filtered(), *map(control, NAMES), resolver="listed") == CHOSEN
    assert conclusion(filtered(), *map(control, NAMES[:2]), resolver="listed")[0] in ACCUSED


def test_a_listed_filter_is_known_by_the_address_of_its_block_page() -> None:
    pages = [control(address, "address", kind="page", addresses=[address]) for address in (SECOND, FORGED)]
    assert conclusion(filtered("address"), *pages, resolver="listed") == CHOSEN
    assert conclusion(filtered("address", flags=("QR", "AA", "RD")), *pages, resolver="listed") == CHOSEN
    assert conclusion(filtered("address"), pages[0], resolver="listed")[0] in ACCUSED  # another address
    assert conclusion(filtered("null"), *pages, resolver="listed")[0] in ACCUSED
    for place in ("elsewhere", "public"):  # a provider may use such a filter for all its customers
        assert conclusion(filtered("address"), *pages, resolver=place)[0] in ACCUSED


@pytest.mark.parametrize("place", ["local_network", "this_computer"])
def test_a_router_may_ask_the_filter_whose_block_page_it_gives(place: str) -> None:
    page = control(FORGED, "address", kind="page", addresses=[FORGED])
    expected = ("impaired", "name_gets_block_page_of_filter", "unknown")
    assert conclusion(filtered("address"), page, resolver=place, far=True) == expected
    assert conclusion(filtered("address"), page, resolver=place, assigned="local_network") == expected
    other = control(SECOND, "address", kind="page", addresses=[SECOND])
    assert conclusion(filtered("address"), other, resolver=place)[0] in ACCUSED
    lines = filtered("address")
    lines.public_udp(HOST, [FORGED])  # and so does the path
    assert conclusion(lines, page, resolver=place)[0] in ACCUSED


@pytest.mark.parametrize("place", ["local_network", "elsewhere", "this_computer"])
def test_a_test_of_a_filter_counts_only_at_a_listed_resolver(place: str) -> None:
    assert conclusion(filtered(), control("nudity.testcategory.com", kind="test"), resolver=place)[0] in ACCUSED


def test_a_hijacked_filter_with_true_answers_for_its_tests_is_accused() -> None:
    true = control("nudity.testcategory.com", "address", kind="test", addresses=[SECOND])
    assert conclusion(filtered(), true, resolver="listed")[0] in ACCUSED
    other = control("nudity.testcategory.com", kind="test")
    assert conclusion(filtered("nxdomain"), other, resolver="listed")[0] in ACCUSED  # not the filter's own form


@pytest.mark.parametrize("place", ["local_network", "listed", "this_computer"])
def test_forgery_on_the_path_is_accused_whatever_the_resolver_filters(place: str) -> None:
    for forge in ("public", "dark", "race", "interceptor"):
        lines = filtered()
        if forge == "public":
            lines.public_udp(HOST, ["0.0.0.0"])
        elif forge == "dark":
            lines.preflight["dark_answers"] = False
            lines.dark(HOST, ["0.0.0.0"])
        elif forge == "race":
            lines.own_udp(HOST, ["0.0.0.0"], [GENUINE])
        else:
            lines.preflight["dark_answers"] = True
        test = control("nudity.testcategory.com", kind="test")
        assert conclusion(lines, test, *map(control, NAMES), resolver=place)[0] in ACCUSED


def test_without_a_public_resolver_in_the_clear_the_cause_has_no_place() -> None:
    lines = filtered()
    lines.probe.entries = [(f, e) for f, e in lines.probe.entries if getattr(e, "resolver_address", "") != "8.8.8.8:53"]
    assert conclusion(lines, *map(control, NAMES)) == ("impaired", "name_filtered_like_advertising", "unknown")


def test_a_true_answer_is_fine_whatever_the_resolver_filters() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.own_udp(HOST, [GENUINE])
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    assert conclusion(lines, *map(control, NAMES))[0] == "ok"


@pytest.mark.parametrize("facts", [None, [], "x", {"controls": "x"}, {"controls": [7, {"known": True}], "far": "x"}])
def test_malformed_facts_are_no_filter(facts: Any) -> None:
    lines = filtered()
    lines.run["name_filter"] = facts
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert record["state"] in ACCUSED

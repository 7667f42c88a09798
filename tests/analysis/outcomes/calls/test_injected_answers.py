"""Test what accuses after a refusal of SIP, and that true refusals accuse nothing."""

from typing import Any

import pytest

from tests.analysis.outcomes.test_connections import judged
from tests.support.measurements.lines import GENUINE, SECOND, Lines

URL = f"sip://{GENUINE}:5060;transport=udp"
OVER_TCP = f"sip://{GENUINE}:5060;transport=tcp"
CODES = [480, 500]


def call(code: int, url: str = URL, *, control: dict[str, Any] | None = None, **more: Any) -> Lines:
    """Return an endpoint that is answered with `code` twice here, and otherwise at the helper."""
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE, code=code, **more)
    lines.confirm(url, GENUINE, code=code, **more)
    if control is not None:
        lines.control(url, GENUINE, **control)
    return lines


def verdict(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


BEYOND_HOME = {2: "expired", 5: "answered"}
OK = ("ok", [], "call_answered")
UNCLEAR = ("impaired", [], "sip_refused_only_here")


@pytest.mark.parametrize("code", CODES)
def test_second_answer_that_the_control_gets_is_blocked(code: int) -> None:
    lines = call(code, second=404, control={"code": 404})
    assert verdict(lines) == ("blocked", [f"sip.injection.{code}"], "sip_answer_contradicted")


@pytest.mark.parametrize("code", CODES)
def test_second_answer_that_the_control_does_not_get_is_unclear(code: int) -> None:
    assert verdict(call(code, second=404, control={"code": 200})) == UNCLEAR
    assert verdict(call(code, second=200, control={"code": code})) == OK
    assert verdict(call(code, second=200)) == OK  # no control


def test_second_answer_to_a_repeated_request_accuses_nothing() -> None:
    """Check that a server without state, which answers both requests, is not accused."""
    assert verdict(call(500, second=200, sent=2, control={"code": 200})) == UNCLEAR


@pytest.mark.parametrize(
    ("differs", "state"), [(["tag"], "impaired"), (["via"], "blocked"), (["ttl", "tag"], "blocked")]
)
def test_second_answer_of_the_same_sender_accuses_nothing(differs: list[str], state: str) -> None:
    """Check that a server without state is not accused where the network duplicates requests."""
    assert verdict(call(500, second=200, differs=differs, control={"code": 200}))[0] == state


def test_single_contradiction_is_no_proof() -> None:
    lines = Lines({"calls": [URL]})
    lines.first(URL, GENUINE, code=500, second=200)
    lines.confirm(URL, GENUINE)
    lines.control(URL, GENUINE)
    assert verdict(lines) == OK


@pytest.mark.parametrize("code", CODES)
def test_answer_at_the_echo_too_is_blocked(code: int) -> None:
    lines = call(code, control={"code": 200})
    lines.echo(URL)
    lines.echo(URL, payload="sip", answered=code)
    assert verdict(lines) == UNCLEAR  # a device at home, perhaps
    lines.limited(URL, GENUINE, BEYOND_HOME)
    assert verdict(lines) == ("blocked", [f"sip.injection.{code}"], "sip_answer_at_echo_too")


def at_distances(*flows: dict[int, str], **more: Any) -> tuple[str, list[str], str]:
    """Return the verdict on a 480 without a name, at the echo too, after flows with limited TTL."""
    lines = call(480, control={"code": 405, "server": "kamailio"})
    lines.echo(URL)
    lines.echo(URL, payload="sip", answered=480)
    for outcomes in flows:
        lines.limited(URL, GENUINE, outcomes, **more)
    return verdict(lines)


@pytest.mark.parametrize("ttl", [1, 2])
def test_device_at_home_is_not_accused(ttl: int) -> None:
    at_home = ("impaired", [], "sip_answered_at_home")
    assert at_distances({ttl: "answered", 5: "answered"}) == at_home
    assert at_distances({ttl: "answered"}, {2: "silent"}, sent=2) == at_home  # contradictory


def test_device_behind_the_users_routers_is_accused() -> None:
    accused = ("blocked", ["sip.injection.480"], "sip_answer_at_echo_too")
    assert at_distances({2: "expired", 5: "answered"}) == accused
    assert at_distances({2: "silent", 5: "answered"}, sent=2) == accused
    assert at_distances({3: "expired", 4: "answered"}) == accused
    assert at_distances({2: "silent", 5: "answered"}) == UNCLEAR  # one lost request is no silence
    assert at_distances({1: "expired", 3: "answered"}) == UNCLEAR
    assert at_distances({2: "expired", 5: "answered"}, family=6) == UNCLEAR
    assert at_distances({2: "unreachable"}) == UNCLEAR


@pytest.mark.parametrize("code", CODES)
def test_answer_at_the_echo_that_names_a_product_is_unclear(code: int) -> None:
    """Check that a home router with telephony, which answers in the place of every server, is not accused."""
    lines = call(code, server="Home router 7.2", control={"code": 200})
    lines.echo(URL)
    lines.echo(URL, payload="sip", answered=code)
    assert verdict(lines) == ("impaired", [], "sip_gateway_answers")


def test_echo_without_answer_or_with_damage_accuses_nothing() -> None:
    for other, same in (({}, {}), ({}, {"changed": True}), ({"changed": True}, {"answered": 480})):
        lines = call(480, control={"code": 200})
        lines.echo(URL, **other)
        lines.echo(URL, payload="sip", **same)
        assert verdict(lines) == UNCLEAR


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("url", [URL, OVER_TCP])
def test_answer_of_another_server_is_likely_blocked(code: int, url: str) -> None:
    lines = call(code, url, control={"code": 405, "server": "kamailio"})
    assert verdict(lines) == UNCLEAR
    lines.limited(URL, GENUINE, BEYOND_HOME)
    assert verdict(lines) == ("likely_blocked", [f"sip.injection.{code}"], "sip_answer_of_another_server")


@pytest.mark.parametrize("code", CODES)
def test_same_or_unnamed_server_is_unclear(code: int) -> None:
    assert verdict(call(code, server="kamailio", control={"code": 200, "server": "kamailio"})) == UNCLEAR
    assert verdict(call(code, server="a border", control={"code": 200, "server": "kamailio"})) == UNCLEAR
    assert verdict(call(code, control={"code": 200})) == UNCLEAR


def test_server_that_refuses_everyone_or_at_times_is_ok() -> None:
    assert verdict(call(480, control={"code": 480, "server": "kamailio"})) == OK
    lines = Lines({"calls": [URL]})
    lines.first(URL, GENUINE, code=500)
    lines.confirm(URL, GENUINE, server="kamailio")
    lines.control(URL, GENUINE, server="kamailio")
    assert verdict(lines) == OK


OTHERS = [403, 404, 503, 603]
OTHERWISE = ("impaired", [], "sip_answers_otherwise_here")


@pytest.mark.parametrize("code", OTHERS)
def test_any_status_before_the_servers_own_answer_is_blocked(code: int) -> None:
    assert verdict(call(code, second=200, control={"code": 200})) == (
        "blocked",
        ["sip.injection"],
        "sip_answer_contradicted",
    )
    assert verdict(call(code, second=200, control={"code": code})) == OK
    assert verdict(call(code, second=200)) == OK  # no control
    assert verdict(call(code, second=200, sent=2, control={"code": 200})) == OTHERWISE


def test_server_that_answers_the_control_twice_too_is_not_accused() -> None:
    """Check that machines of one server that both answer a request are not accused."""
    assert verdict(call(403, second=200, control={"code": 200, "second": 404})) == OTHERWISE


@pytest.mark.parametrize("code", OTHERS)
def test_any_status_at_the_echo_too_is_blocked(code: int) -> None:
    lines = call(code, control={"code": 200})
    lines.echo(URL)
    lines.echo(URL, payload="sip", answered=code)
    assert verdict(lines) == OTHERWISE  # a device at home, perhaps
    lines.limited(URL, GENUINE, BEYOND_HOME)
    assert verdict(lines) == ("blocked", ["sip.injection"], "sip_answer_at_echo_too")


@pytest.mark.parametrize(("answered", "routers", "accused"), [(4, 6, True), (4, 5, False), (4, 0, False)])
def test_device_with_routers_behind_it_is_not_the_server(answered: int, routers: int, accused: bool) -> None:
    lines = call(403, control={"code": 200, "server": "kamailio"})
    lines.limited(URL, GENUINE, {2: "expired", answered: "answered"})
    if routers:
        lines.swept(URL, GENUINE, routers)
    before_server = ("likely_blocked", ["sip.injection"], "sip_answered_before_server")
    assert verdict(lines) == (before_server if accused else OTHERWISE)


def test_routers_on_the_way_to_another_server_do_not_count() -> None:
    lines = call(403, control={"code": 200})
    lines.limited(URL, GENUINE, BEYOND_HOME)
    lines.swept(URL, SECOND, 9)
    assert verdict(lines) == OTHERWISE


def test_device_at_home_with_routers_behind_it_is_not_accused() -> None:
    lines = call(403, control={"code": 200})
    lines.limited(URL, GENUINE, {1: "answered"})
    lines.swept(URL, GENUINE, 9)
    assert verdict(lines) == ("impaired", [], "sip_answered_at_home")


def test_refusal_without_a_name_is_unclear() -> None:
    """Check that the gateway of a server, which refuses a country and names no product, is not accused."""
    lines = call(403, control={"code": 200, "server": "kamailio"})
    lines.limited(URL, GENUINE, BEYOND_HOME)
    assert verdict(lines) == OTHERWISE


def test_single_or_usual_status_is_ok() -> None:
    lines = Lines({"calls": [URL]})
    lines.first(URL, GENUINE, code=403)
    lines.confirm(URL, GENUINE, code=200)
    lines.control(URL, GENUINE, code=200)
    assert verdict(lines) == OK
    assert verdict(call(403, control={"code": 403})) == OK
    assert verdict(call(200, control={"code": 404})) == OK


INSIDE_TLS = "sip://calls.example:5061;transport=tls"


@pytest.mark.parametrize(("code", "refused"), [(403, True), (603, True), (503, False), (404, False)])
def test_refusal_inside_tls_is_the_services(code: int, refused: bool) -> None:
    lines = Lines({"calls": [INSIDE_TLS]})
    lines.lookup("calls.example", GENUINE)
    lines.first(INSIDE_TLS, GENUINE, code=code)
    lines.control(INSIDE_TLS, GENUINE, code=200)
    record = judged(lines)
    by_service = ("impaired", "sip_service_refuses_here", "service")
    found = (record["state"], record["rule_id"], record.get("cause_place"))
    assert found == (by_service if refused else ("ok", "call_answered", None))

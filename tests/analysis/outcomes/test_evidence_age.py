"""Test how old the control's evidence may be: a server may go down, or come back, between two attempts."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.support.measurements.lines import GENUINE, Lines

WEB, HOST = "https://web.telegram.org:443/", "web.telegram.org"
FIRST, CONFIRMED = {"t0": 20.0, "t": 30.0}, {"t0": 30.5, "t": 50.5}
FAILURES = {"silent": f"tcp:{f.TIMEOUT}", "refused": f"tcp:{f.REFUSED}", "reset": f"tcp:{f.RESET}"}


def failing_twice(outcome: str) -> Lines:
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(WEB, GENUINE, outcome, **FIRST)
    lines.confirm(WEB, GENUINE, outcome, **CONFIRMED)
    return lines


def judged(lines: Lines, *begins: float | None) -> tuple[str, str]:
    """Return state and rule if the control's attempts began at these times."""
    line = lines.line()
    for record, began in zip(line["test_keys"]["x_control"]["test_keys"]["x_transactions"], begins, strict=True):
        record["began"] = began
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record["state"], record["rule_id"]


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize(
    ("began", "accused"),
    [
        (None, True),  # a measurement from before the age was written
        (-30.0, False),
        (20.0 - 5.1, False),
        (20.0 - 4.9, True),
        (40.0, True),
        (50.5 + 4.9, True),
        (50.5 + 5.1, False),
    ],
)
def test_success_of_control_accuses_only_near_the_failure(how: str, began: float | None, accused: bool) -> None:
    lines = failing_twice(FAILURES[how])
    lines.control(WEB, GENUINE)
    state, rule = judged(lines, began)
    assert (state == "likely_blocked") is accused
    assert accused or (state, rule) == ("impaired", "no_control")


def test_newer_failure_of_control_outweighs_an_old_success() -> None:
    lines = failing_twice(FAILURES["silent"])
    lines.control(WEB, GENUINE)
    lines.control(WEB, GENUINE, FAILURES["silent"])
    assert judged(lines, -30.0, 51.0) == ("down", "fails_everywhere")


def test_newer_success_of_control_accuses_beside_an_old_one() -> None:
    lines = failing_twice(FAILURES["silent"])
    lines.control(WEB, GENUINE)
    lines.control(WEB, GENUINE)
    assert judged(lines, -30.0, 51.0) == ("likely_blocked", "tcp_fails_alike_here")


def test_old_failure_of_control_still_shows_that_a_server_is_down() -> None:
    lines = failing_twice(FAILURES["silent"])
    lines.control(WEB, GENUINE, FAILURES["silent"])
    assert judged(lines, -30.0) == ("down", "fails_everywhere")


def test_old_success_at_the_address_is_not_replaced_by_one_at_another_address() -> None:
    lines = failing_twice(FAILURES["silent"])
    lines.control(WEB, GENUINE)
    lines.control(WEB, "149.154.167.98")
    assert judged(lines, -30.0, 25.0) == ("impaired", "no_control")


def test_server_that_is_back_for_both_is_ok() -> None:
    lines = failing_twice(FAILURES["refused"])
    lines.confirm(WEB, GENUINE, t0=51.0, t=51.2)
    lines.control(WEB, GENUINE)
    lines.control(WEB, GENUINE)
    state, _ = judged(lines, -30.0, 51.0)
    assert state == "ok"


@pytest.mark.parametrize(("began", "accused"), [(20.0 - 5.1, False), (20.0 - 4.9, True)])
@pytest.mark.parametrize("outcome", [f"tls:{f.SSL_INVALID_HOSTNAME}", f"tls:{f.RESET}", f"http:{f.RESET}"])
def test_higher_layers_follow_the_same_limit(outcome: str, began: float, accused: bool) -> None:
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, GENUINE)
    lines.innocuous(WEB, GENUINE)
    lines.first(WEB, GENUINE, outcome, **FIRST)
    lines.confirm(WEB, GENUINE, outcome, **CONFIRMED)
    lines.control(WEB, GENUINE)
    state, _ = judged(lines, began)
    assert (state in {"blocked", "likely_blocked"}) is accused


@pytest.mark.parametrize(("began", "accused"), [(-90.1, False), (-89.9, True)])
def test_dns_answer_of_control_accuses_only_near_the_lookup(began: float, accused: bool) -> None:
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, failure=f.DNS_NXDOMAIN)
    lines.control_lookup(HOST, GENUINE)
    state, _ = judged(lines, began)
    assert (state in {"blocked", "likely_blocked"}) is accused


@pytest.mark.parametrize(("began", "accused"), [(20.0 - 90.1, False), (20.0 - 89.9, True)])
def test_redirect_accuses_only_by_a_recent_page_of_the_control(began: float, accused: bool) -> None:
    page = "http://web.telegram.org:80/"
    lines = Lines({"web": [page]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    away: dict[str, Any] = {"redirect": "warning.example"}
    lines.first(page, GENUINE, **FIRST, **away)
    lines.confirm(page, GENUINE, **CONFIRMED, **away)
    lines.control(page, GENUINE)
    state, _ = judged(lines, began)
    assert (state in {"blocked", "likely_blocked"}) is accused

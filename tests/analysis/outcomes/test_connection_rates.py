"""Test verdicts on connections that are cut off soon after others to the same servers."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST, RESET = "web.telegram.org", f"tls:{f.RESET}"
URL = f"https://{HOST}:443/"
REFUSED = f"tcp:{f.REFUSED}"
LIMITED_TLS = ("impaired", [], "fails_soon_after_another")
FOLLOWS_NAME = ("blocked", ["tls.reset.sni"], "failure_follows_name_at_this_address")


def measured(failed: str = RESET, *, innocuous: str = "ok", at_neutral: str = "ok", before: float = 0.0) -> Lines:
    """Return a measurement whose name failed twice, 0.1 s and 0.8 s after an innocuous one."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE, innocuous, t0=before, t=before + 0.05)
    lines.first(URL, GENUINE, failed, t0=0.1, t=0.2)
    lines.confirm(URL, GENUINE, failed, t0=0.8, t=0.9)
    lines.neutral(URL, at_neutral, t0=0.9, t=1.0)
    lines.control(URL, GENUINE)
    return lines


def others(lines: Lines, nonexistent: str, other: str) -> Lines:
    """Add the other names that are sent to the address afterwards."""
    lines.nonexistent(URL, GENUINE, nonexistent, t0=0.92, t=0.95)
    lines.other_name(URL, GENUINE, other, t0=0.96, t=0.99, in_residual=True)
    return lines


def judged(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="f.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


def test_name_that_fails_soon_after_another_is_not_accused_if_no_other_passes_as_soon() -> None:
    assert judged(others(measured(), RESET, RESET)) == LIMITED_TLS


def test_name_is_accused_if_others_pass_directly_afterwards() -> None:
    assert judged(others(measured(), "ok", "ok")) == FOLLOWS_NAME


def test_order_of_the_flows_does_not_decide() -> None:
    lines = measured(innocuous=RESET)  # the limit let the own name's connection begin first
    assert judged(others(lines, RESET, RESET))[0] != "blocked"


@pytest.mark.parametrize(("pause", "expected"), [(9.0, FOLLOWS_NAME), (7.0, LIMITED_TLS)])
def test_name_is_accused_if_it_fails_after_a_rest(pause: float, expected: Any) -> None:
    lines = others(measured(), RESET, RESET)
    lines.confirm(URL, GENUINE, RESET, t0=0.96 + pause, t=1.0 + pause)
    assert judged(lines) == expected


def test_name_that_passes_after_a_rest_is_ok() -> None:
    lines = others(measured(), RESET, RESET)
    lines.confirm(URL, GENUINE, t0=9.96, t=10.1)
    assert judged(lines) == ("ok", [], "http_answers")


def test_name_that_fails_at_a_neutral_host_needs_no_rest() -> None:
    lines = others(measured(at_neutral=RESET), RESET, RESET)
    assert judged(lines) == ("blocked", ["tls.reset.sni"], "failure_follows_name_to_neutral_host")


def test_refused_connections_beside_an_accepted_one_are_not_accused() -> None:
    lines = measured(REFUSED)
    assert judged(lines) == ("impaired", [], "fails_soon_after_another")
    lines.confirm(URL, GENUINE, REFUSED, t0=10.0, t=10.1)
    assert judged(lines) == ("likely_blocked", ["tcp.refused"], "tcp_fails_alike_here")


def test_address_that_answers_no_one_is_accused_as_before() -> None:
    assert judged(measured(REFUSED, innocuous=REFUSED)) == ("likely_blocked", ["tcp.refused"], "tcp_fails_alike_here")


@pytest.mark.parametrize("rested", [True, False])
def test_one_attempt_that_fails_after_a_rest_serves_the_others(rested: bool) -> None:
    lines = others(measured(), RESET, RESET)
    lines.encrypted(HOST, SECOND)
    lines.control(URL, SECOND)
    pause = 10.0 if rested else 1.0
    lines.first(URL, SECOND, RESET, t0=1.1, t=1.2)
    lines.confirm(URL, SECOND, RESET, t0=1.2 + pause, t=1.3 + pause)
    assert (judged(lines)[0] == "blocked") == rested

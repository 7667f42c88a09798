"""Test verdicts about hellos that fail because of Encrypted ClientHello, and look-alikes of them."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, NEUTRAL, SECOND, Lines

HOST, OTHER, TIMEOUT, RESET = "web.telegram.org", "www.example.com", "generic_timeout_error", "connection_reset"
URL, NEUTRAL_NAME, STRANGER = f"https://{HOST}:443/", "neutral.example", "9.9.9.200"
BROWSER: dict[str, Any] = {"engine": "utls chrome:stable", "hello": 1924, "ech": True}
PLAIN: dict[str, Any] = {"engine": "utls chrome:stable, without ECH", "hello": 2020, "check": False}
OURS: dict[str, Any] = {"engine": "openssl, with ECH", "hello": 735, "ech": True, "check": False}
Steps = dict[str, str | None]
"""The outcome of each step, None for a step that was not made."""

ANY_NAME: Steps = {
    "first": "fail",
    "without": "ok",
    "again": "fail",
    "innocuous": "fail",
    "neutral": "fail",
    "neutral_without": "ok",
    "neutral_ours": "fail",
}
WITH_NAME: Steps = {
    "first": "fail",
    "without": "ok",
    "again": "fail",
    "innocuous": "ok",
    "name_ours": "fail",
    "name_without": "ok",
}
NAME: Steps = {"first": "fail", "without": "fail", "again": "fail", "innocuous": "ok"}

_OTHER: dict[str, Any] = {"name": OTHER, "check": False}
_OF_NEUTRAL: dict[str, Any] = {"name": NEUTRAL_NAME, "check": False}
STEPS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "first": ("browser_hello", GENUINE, BROWSER),
    "without": ("browser_hello_without_ech", GENUINE, PLAIN),
    "again": ("browser_hello", GENUINE, BROWSER),
    "innocuous": ("harmless_browser_hello", GENUINE, BROWSER | _OTHER),
    "neutral": ("neutral_browser_hello", NEUTRAL, BROWSER | _OF_NEUTRAL),
    "neutral_without": ("neutral_browser_hello_without_ech", NEUTRAL, PLAIN | _OF_NEUTRAL),
    "neutral_ours": ("neutral_hello_with_ech", NEUTRAL, OURS | _OF_NEUTRAL),
    "name_ours": ("hello_with_ech_neutral_host", NEUTRAL, OURS),
    "name_without": ("same_name_neutral_host", NEUTRAL, {"check": False}),
}


def measured(steps: Steps, failure: str = RESET, **changed: dict[str, Any]) -> Lines:
    """Return flows in which our hello passes, and these follow-ups. `changed`: facts of a step that differ."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    for second, (step, outcome) in enumerate(steps.items()):
        if outcome is not None:
            kind, ip, facts = STEPS[step]
            more: dict[str, Any] = {"t0": 2.0 + second, "ip": ip} | facts | changed.get(step, {})
            said = f"tls:{failure}" if outcome == "fail" else outcome
            lines.other_hello(kind, URL, more.pop("ip"), said, **more)
    return lines


def judged(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


def ech_fails_with_any_name() -> Lines:
    return measured(ANY_NAME)


def ech_fails_with_name() -> Lines:
    return measured(WITH_NAME)


@pytest.mark.parametrize(("failure", "verb"), [(RESET, "reset"), (TIMEOUT, "timeout")])
def test_the_table_tells_extension_name_and_both_apart(failure: str, verb: str) -> None:
    ech, sni = [f"tls.{verb}.ech"], [f"tls.{verb}.sni"]
    assert judged(measured(ANY_NAME, failure)) == ("degraded", ech, "tls_any_hello_with_ech_fails")
    assert judged(measured(WITH_NAME, failure)) == ("degraded", ech, "tls_name_in_hello_with_ech_fails")
    assert judged(measured(NAME, failure)) == ("degraded", sni, "tls_name_in_browsers_hello_fails")


@pytest.mark.parametrize("steps", [ANY_NAME, WITH_NAME], ids=["any", "name"])
def test_each_flow_is_needed_and_its_opposite_accuses_nothing(steps: Steps) -> None:
    """Cover a server that refuses ECH, a list of programs, long hellos that are lost, and hosts that are down."""
    for step, outcome in steps.items():
        for instead in (None, "ok" if outcome == "fail" else "fail"):
            assert judged(measured(steps | {step: instead}))[1] in ([], ["tls.reset.sni"]), (step, instead)
            if step != "without":
                assert judged(measured(steps | {step: instead}))[0] == "ok", (step, instead)


def test_missing_or_failed_comparison_of_the_name_does_not_accuse_the_extension() -> None:
    assert judged(measured(WITH_NAME | {"without": None}))[0] == "ok"
    assert judged(measured(WITH_NAME | {"without": "fail"}))[1] == ["tls.reset.sni"]
    assert judged(measured(ANY_NAME | {"without": "fail"}))[0] == "ok"


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("first", {"ech": False}),
        ("without", {"ech": True}),
        ("without", {"hello": 1800}),  # shorter: the length may be the cause
        ("without", {"engine": "openssl"}),
        ("without", {"t0": 9.0}),  # after both failures: an outage may have ended
        ("without", {"ip": SECOND}),
        ("innocuous", {"name": HOST}),
        ("neutral", {"ech": False}),
        ("neutral", {"ip": STRANGER}),
        ("neutral", {"name": HOST}),
        ("neutral", {"answered": True}),
        ("neutral_without", {"t0": 9.0}),
        ("neutral_without", {"ech": True}),
        ("neutral_ours", {"engine": "utls chrome:stable"}),
        ("neutral_ours", {"ech": False}),
    ],
)
def test_label_that_the_entry_contradicts_accuses_nothing(step: str, changed: dict[str, Any]) -> None:
    assert judged(measured(ANY_NAME, **{step: changed}))[0] == "ok"


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("name_ours", {"ech": False}),
        ("name_ours", {"name": OTHER}),
        ("name_ours", {"ip": STRANGER}),
        ("name_without", {"ech": True}),
        ("name_without", {"t0": 1.0}),
        ("name_without", {"ip": STRANGER}),
        ("innocuous", {"t0": 1.0}),
    ],
)
def test_label_of_the_named_hellos_that_the_entry_contradicts_accuses_nothing(
    step: str, changed: dict[str, Any]
) -> None:
    assert judged(measured(WITH_NAME, **{step: changed}))[0] == "ok"


@pytest.mark.parametrize("steps", [ANY_NAME, WITH_NAME], ids=["any", "name"])
def test_host_that_the_preflight_did_not_verify_is_no_neutral_host(steps: Steps) -> None:
    at_neutral = {step: {"ip": STRANGER} for step in steps if STEPS[step][1] == NEUTRAL}
    assert judged(measured(steps, **at_neutral))[0] == "ok"


@pytest.mark.parametrize("step", ["innocuous", "neutral_ours"])
def test_more_failures_of_one_kind_do_not_stand_for_another(step: str) -> None:
    lines = measured(ANY_NAME | {step: None})
    lines.other_hello("browser_hello", URL, GENUINE, f"tls:{RESET}", t0=20.0, **BROWSER)
    assert judged(lines)[0] == "ok"


@pytest.mark.parametrize("build", [ech_fails_with_any_name, ech_fails_with_name])
def test_another_kind_of_failure_among_them_accuses_nothing(build: Callable[[], Lines]) -> None:
    lines = build()
    lines.other_hello("browser_hello", URL, GENUINE, f"tls:{TIMEOUT}", t0=20.0, **BROWSER)
    assert judged(lines)[0] == "ok"
    lines = build()
    lines.other_hello("browser_hello", URL, GENUINE, t0=20.0, **BROWSER)
    assert judged(lines)[0] == "ok"


def test_measurement_that_does_not_say_which_hellos_carried_ech_is_judged_as_before() -> None:
    old = {"ech": False}
    steps = NAME | {"without": None}
    lines = measured(steps, first=old, again=old, innocuous=old)
    assert judged(lines) == ("degraded", ["tls.reset.sni"], "tls_name_in_browsers_hello_fails")
    assert judged(measured(steps))[0] == "ok"  # with the extension the comparison is missing


def test_flows_at_a_neutral_host_serve_the_other_endpoints_of_the_family() -> None:
    second = "https://web.telegram.org:443/k/"
    lines = Lines({"web": [URL], "app": [second]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    for number, url in enumerate((URL, second)):
        lines.first(url, GENUINE)
        for at, (step, outcome) in enumerate(ANY_NAME.items()):
            kind, ip, facts = STEPS[step]
            if number == 0 or ip == GENUINE:
                said = f"tls:{RESET}" if outcome == "fail" else "ok"
                lines.other_hello(kind, url, ip, said, t0=2.0 + at, **facts)
    records = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert [record["rule_id"] for record in records] == ["tls_any_hello_with_ech_fails"] * 2

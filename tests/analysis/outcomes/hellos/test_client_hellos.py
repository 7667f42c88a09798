"""Test verdicts about a name that fails in our client hello and passes in another, and look-alikes."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST, TIMEOUT, RESET = "web.telegram.org", "generic_timeout_error", "connection_reset"
URL = f"https://{HOST}:443/"
HELLOS: dict[str, dict[str, Any]] = {
    "browser_hello": {"engine": "utls chrome:stable", "hello": 1900},
    "other_size_hello": {"engine": "openssl, resized", "hello": 2000, "check": False},
}


def fails_in_our_hello(failure: str = RESET, *, innocuous: str = "ok", control: str = "ok") -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE, innocuous, t0=1.0)
    lines.twice(URL, GENUINE, f"tls:{failure}", t0=1.0)
    lines.control(URL, GENUINE, control)
    return lines


def with_other_hellos(lines: Lines, *kinds: str, failure: str = RESET, again: str = "") -> Lines:
    """Add other hellos that pass, and our own that fails again."""
    for kind in kinds:
        lines.other_hello(kind, URL, GENUINE, t0=2.0, **HELLOS[kind])
    lines.other_hello("same_hello_again", URL, GENUINE, again or f"tls:{failure}", t0=3.0)
    return lines


def judged(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert record["pass_rate"] is None  # it works for some programs, which are not counted
    return record["state"], record["mechanisms"], record["rule_id"]


@pytest.mark.parametrize(("failure", "verb"), [(RESET, "reset"), (TIMEOUT, "timeout")])
@pytest.mark.parametrize("kinds", [("browser_hello",), ("other_size_hello",), ("browser_hello", "other_size_hello")])
@pytest.mark.parametrize("named", [True, False])
def test_failure_in_our_hello_only_is_degraded(failure: str, verb: str, kinds: tuple[str, ...], named: bool) -> None:
    """Prefer the length as the cause if another length passes too."""
    lines = fails_in_our_hello(failure, innocuous="ok" if named else f"tls:{failure}")
    what = "size" if "other_size_hello" in kinds else "make"
    rule_id = f"tls_{'name_in' if named else 'any'}_hello_of_this_{what}_fails"
    mechanism = f"tls.{verb}.sni" if named else f"tls.{verb}.other"
    assert judged(with_other_hellos(lines, *kinds, failure=failure)) == ("degraded", [mechanism], rule_id)


def test_other_hello_at_one_address_serves_its_family() -> None:
    lines = fails_in_our_hello()
    lines.twice(URL, SECOND, f"tls:{RESET}", corroborated=True, address_sources=["dot"])
    assert judged(with_other_hellos(lines, "browser_hello"))[2] == "tls_name_in_hello_of_this_make_fails"


@pytest.mark.parametrize("failure", [RESET, TIMEOUT, f.EOF])
@pytest.mark.parametrize("innocuous", [True, False])
def test_failure_that_ended_accuses_nothing(failure: str, innocuous: bool) -> None:
    """Show a server that refuses the first connections of a client, or too many in a short time."""
    lines = fails_in_our_hello(failure, innocuous="ok" if innocuous else f"tls:{failure}")
    ended = with_other_hellos(lines, "browser_hello", failure=failure, again="ok")
    assert judged(ended) == ("impaired", [], "tls_same_hello_passes_later")


def test_failure_that_ended_accuses_if_the_name_fails_at_a_neutral_host_too() -> None:
    lines = with_other_hellos(fails_in_our_hello(), "browser_hello", again="ok")
    lines.neutral(URL, f"tls:{RESET}")
    assert judged(lines)[2] == "failure_follows_name_to_neutral_host"


def test_our_hello_must_fail_after_the_other_passed() -> None:
    lines = with_other_hellos(fails_in_our_hello(), "browser_hello")
    lines.probe.records[-1].t0 = 1.5
    assert judged(lines)[2] == "failure_follows_name"


def test_other_hello_with_foreign_certificate_is_no_success() -> None:
    lines = fails_in_our_hello()
    lines.other_hello("browser_hello", URL, GENUINE, "tls:ssl_invalid_hostname", t0=2.0, **HELLOS["browser_hello"])
    assert judged(with_other_hellos(lines))[2] == "failure_follows_name"


@pytest.mark.parametrize(
    ("kind", "sent"), [("browser_hello", {"engine": "openssl"}), ("other_size_hello", {"hello": 517})]
)
def test_followup_label_without_matching_entry_is_ignored(kind: str, sent: dict[str, Any]) -> None:
    lines = fails_in_our_hello()
    lines.other_hello(kind, URL, GENUINE, t0=2.0, **HELLOS[kind] | sent)
    assert judged(with_other_hellos(lines))[2] == "failure_follows_name"


def test_server_that_accepts_browsers_only_is_insufficient() -> None:
    lines = fails_in_our_hello(control=f"tls:{RESET}")
    assert judged(with_other_hellos(lines, "browser_hello")) == ("insufficient", [], "tls_server_takes_browsers_only")


def test_without_control_or_neutral_host_is_impaired() -> None:
    lines = fails_in_our_hello()
    lines.has_control = False
    assert judged(with_other_hellos(lines, "browser_hello"))[0] == "impaired"
    lines.neutral(URL, f"tls:{RESET}")
    assert judged(lines)[0] == "degraded"


def browser_fails(failure: str = RESET, *, innocuous: str = "ok", times: int = 2) -> Lines:
    """Return flows in which our hello passes and a browser's hello with the name fails."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    for second in range(times):
        lines.other_hello("browser_hello", URL, GENUINE, f"tls:{failure}", t0=2.0 + second, **HELLOS["browser_hello"])
    as_browser = HELLOS["browser_hello"] | {"name": "www.example.com", "check": False}
    lines.other_hello("harmless_browser_hello", URL, GENUINE, innocuous, t0=9.0, **as_browser)
    return lines


@pytest.mark.parametrize(("failure", "verb"), [(RESET, "reset"), (TIMEOUT, "timeout")])
def test_failure_in_browser_hello_only_is_degraded(failure: str, verb: str) -> None:
    assert judged(browser_fails(failure)) == ("degraded", [f"tls.{verb}.sni"], "tls_name_in_browsers_hello_fails")


@pytest.mark.parametrize(("failure", "state"), [(RESET, "degraded"), (TIMEOUT, "ok")])
def test_silence_after_browser_hello_accuses_nothing_on_a_slow_line(failure: str, state: str) -> None:
    lines = browser_fails(failure)
    lines.run["access_line"] = {"round_trip": 0.4, "queueing": 1.0, "received_rate": 60_000}
    assert judged(lines)[0] == state


def test_browser_hello_that_fails_once_or_with_any_name_is_ok() -> None:
    """Show that an access line which loses long packets does not accuse browsers' hellos."""
    assert judged(browser_fails(TIMEOUT, innocuous=f"tls:{TIMEOUT}"))[0] == "ok"
    assert judged(browser_fails(times=1))[0] == "ok"
    lines = browser_fails()
    lines.other_hello("browser_hello", URL, GENUINE, t0=5.0, **HELLOS["browser_hello"])
    assert judged(lines)[0] == "ok"


def test_missing_fingerprint_library_changes_nothing() -> None:
    lines = fails_in_our_hello()
    lines.other_hello("browser_hello", URL, GENUINE, f"top_level:{f.NO_FINGERPRINT}", t0=2.0)
    assert judged(lines) == ("blocked", ["tls.reset.sni"], "failure_follows_name")

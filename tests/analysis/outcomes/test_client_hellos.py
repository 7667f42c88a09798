"""What is said of a name that dies in our hello and passes in another; and of what only looks like that."""

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


def dies_in_our_hello(failure: str = RESET, *, harmless: str = "ok", control: str = "ok") -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE, harmless)
    lines.twice(URL, GENUINE, f"tls:{failure}", t0=1.0)
    lines.control(URL, GENUINE, control)
    return lines


def otherwise(lines: Lines, *kinds: str, failure: str = RESET, again: str = "") -> Lines:
    """The other hellos pass, and our own dies again."""
    for kind in kinds:
        lines.other_hello(kind, URL, GENUINE, t0=2.0, **HELLOS[kind])
    lines.other_hello("same_hello_again", URL, GENUINE, again or f"tls:{failure}", t0=3.0)
    return lines


def judged(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    assert record["pass_rate"] is None  # it works for some programs: nobody counts those
    return record["state"], record["mechanisms"], record["rule_id"]


@pytest.mark.parametrize(("failure", "verb"), [(RESET, "reset"), (TIMEOUT, "timeout")])
@pytest.mark.parametrize("kinds", [("browser_hello",), ("other_size_hello",), ("browser_hello", "other_size_hello")])
@pytest.mark.parametrize("named", [True, False])
def test_it_works_for_some_programs(failure: str, verb: str, kinds: tuple[str, ...], named: bool) -> None:
    """Where another length passes too, it was not the make."""
    lines = dies_in_our_hello(failure, harmless="ok" if named else f"tls:{failure}")
    what = "size" if "other_size_hello" in kinds else "make"
    rule_id = f"tls_{verb}_of_name_in_hello_of_this_{what}" if named else f"tls_{verb}_of_any_hello_of_this_{what}"
    mechanism = f"tls.{verb}.sni" if named else f"tls.{verb}.other"
    assert judged(otherwise(lines, *kinds, failure=failure)) == ("degraded", [mechanism], rule_id)


def test_one_address_tells_of_the_others_of_its_family() -> None:
    lines = dies_in_our_hello()
    lines.twice(URL, SECOND, f"tls:{RESET}", corroborated=True, address_sources=["dot"])
    assert judged(otherwise(lines, "browser_hello"))[2] == "tls_reset_of_name_in_hello_of_this_make"


def test_an_outage_that_has_ended_is_no_question_of_hellos() -> None:
    assert judged(otherwise(dies_in_our_hello(), "browser_hello", again="ok"))[2] == "tls_reset_follows_name"


def test_our_own_has_to_die_after_the_other_passed() -> None:
    lines = otherwise(dies_in_our_hello(), "browser_hello")
    lines.probe.records[-1].t0 = 1.5
    assert judged(lines)[2] == "tls_reset_follows_name"


def test_a_certificate_that_is_not_the_names_is_no_success() -> None:
    lines = dies_in_our_hello()
    lines.other_hello("browser_hello", URL, GENUINE, "tls:ssl_invalid_hostname", t0=2.0, **HELLOS["browser_hello"])
    assert judged(otherwise(lines))[2] == "tls_reset_follows_name"


@pytest.mark.parametrize(
    ("kind", "sent"), [("browser_hello", {"engine": "openssl"}), ("other_size_hello", {"hello": 517})]
)
def test_a_label_that_the_wire_denies_does_not_count(kind: str, sent: dict[str, Any]) -> None:
    lines = dies_in_our_hello()
    lines.other_hello(kind, URL, GENUINE, t0=2.0, **HELLOS[kind] | sent)
    assert judged(otherwise(lines))[2] == "tls_reset_follows_name"


def test_a_server_that_takes_browsers_only_is_not_the_networks_doing() -> None:
    lines = dies_in_our_hello(control=f"tls:{RESET}")
    assert judged(otherwise(lines, "browser_hello")) == ("insufficient", [], "tls_server_takes_browsers_only")


def test_without_anybody_outside_it_may_be_the_server() -> None:
    lines = dies_in_our_hello()
    lines.has_control = False
    assert judged(otherwise(lines, "browser_hello"))[0] == "impaired"
    lines.neutral(URL, f"tls:{RESET}")
    assert judged(lines)[0] == "degraded"


def shut_out(failure: str = RESET, *, harmless: str = "ok", times: int = 2) -> Lines:
    """Ours passes; a browser's with the name dies, and one with a harmless name does what it does."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    for second in range(times):
        lines.other_hello("browser_hello", URL, GENUINE, f"tls:{failure}", t0=2.0 + second, **HELLOS["browser_hello"])
    as_browser = HELLOS["browser_hello"] | {"name": "www.example.com", "check": False}
    lines.other_hello("harmless_browser_hello", URL, GENUINE, harmless, t0=9.0, **as_browser)
    return lines


@pytest.mark.parametrize(("failure", "verb"), [(RESET, "reset"), (TIMEOUT, "timeout")])
def test_browsers_alone_may_be_shut_out(failure: str, verb: str) -> None:
    said = judged(shut_out(failure))
    assert said == ("degraded", [f"tls.{verb}.sni"], f"tls_{verb}_of_name_in_browsers_hello")


def test_what_dies_of_the_line_or_once_shuts_nobody_out() -> None:
    """A line that loses long packets loses every hello of a browser's."""
    assert judged(shut_out(TIMEOUT, harmless=f"tls:{TIMEOUT}"))[0] == "ok"
    assert judged(shut_out(times=1))[0] == "ok"
    lines = shut_out()
    lines.other_hello("browser_hello", URL, GENUINE, t0=5.0, **HELLOS["browser_hello"])
    assert judged(lines)[0] == "ok"


def test_what_was_not_installed_says_nothing() -> None:
    lines = dies_in_our_hello()
    lines.other_hello("browser_hello", URL, GENUINE, f"top_level:{f.NO_FINGERPRINT}", t0=2.0)
    assert judged(lines) == ("blocked", ["tls.reset.sni"], "tls_reset_follows_name")

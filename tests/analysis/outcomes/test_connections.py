"""From what happens to a connection to what is said (design 7): silence, resets, what follows a name."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
TIMEOUT, RESET = "generic_timeout_error", "connection_reset"


def web(*, proven: bool = True, url: str = URL) -> Lines:
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    if proven:
        lines.encrypted(HOST, GENUINE)
    return lines


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def said(lines: Lines) -> tuple[str, list[str]]:
    record = judged(lines)
    return record["state"], record["mechanisms"]


def by_name(failure: str, *, control: bool = False, neutral: bool = False, url: str = URL) -> Lines:
    """A failure that follows the name: the harmless one passes."""
    layer = "http" if url.startswith("http:") else "tls"
    lines = web(url=url)
    lines.innocuous(url, GENUINE)
    lines.twice(url, GENUINE, f"{layer}:{failure}")
    if control:
        lines.control(url, GENUINE)
    if neutral:
        lines.neutral(url, f"{layer}:{failure}")
    return lines


def test_everything_works() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", "http", "http_answers")


# -- silence at every name ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, "mtproto://149.154.167.51:443", "http://149.154.167.51:80/"])
def test_silence_is_likely_with_a_control_and_unclear_without(url: str) -> None:
    ip = GENUINE if url == URL else "149.154.167.51"
    lines = web(url=url)
    lines.twice(url, ip, f"tcp:{TIMEOUT}")
    assert said(lines) == ("impaired", [])
    lines.control(url, ip)
    assert said(lines) == ("likely_blocked", ["tcp.timeout"])


@pytest.mark.parametrize(
    ("failure", "mechanism"),
    [("connection_refused", "tcp.refused"), (RESET, "tcp.reset"), ("host_unreachable", "ip.unreachable")],
)
def test_other_ways_not_to_connect(failure: str, mechanism: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{failure}")
    lines.control(URL, GENUINE)
    assert said(lines) == ("likely_blocked", [mechanism])


def test_what_fails_for_everybody_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert said(lines) == ("down", [])


def test_the_control_is_asked_about_the_very_same_address() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, SECOND)
    assert said(lines) == ("down", [])


def test_a_control_without_the_family_does_not_count() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control_families["ipv4"] = False
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


# -- a name that draws interference -------------------------------------------------------------------------------


@pytest.mark.parametrize(("failure", "mechanism"), [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni")])
def test_what_follows_the_name(failure: str, mechanism: str) -> None:
    assert said(by_name(failure)) == ("impaired", [])
    assert said(by_name(failure, control=True)) == ("blocked", [mechanism])
    assert said(by_name(failure, neutral=True)) == ("blocked", [mechanism])
    assert judged(by_name(failure, control=True))["proof"] == "tcp"


def test_a_host_header_that_is_reset() -> None:
    url = f"http://{HOST}:80/"
    assert said(by_name(RESET, control=True, url=url)) == ("blocked", ["http.reset.host"])
    assert said(by_name(TIMEOUT, neutral=True, url=url)) == ("blocked", ["http.timeout"])


def test_a_neutral_host_that_passes_leaves_it_to_the_control() -> None:
    lines = by_name(RESET)
    lines.neutral(URL)
    assert said(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_neutral_host_that_preflight_did_not_prove_shows_nothing() -> None:
    lines = by_name(RESET, neutral=True)
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert said(lines) == ("impaired", [])


def test_the_differential_stands_against_a_helper_that_lies() -> None:
    lines = by_name(RESET, neutral=True)
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_residual_penalty_does_not_hide_the_name() -> None:
    """The confirmation dies at connecting and a later harmless flow fails, both by what the first name set off."""
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.confirm(URL, GENUINE, f"tcp:{RESET}")
    lines.other_name(URL, GENUINE, f"tcp:{RESET}", in_residual=True)
    lines.neutral(URL, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_harmless_flow_that_passes_inside_the_window_counts() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.other_name(URL, GENUINE, in_residual=True)
    lines.control(URL, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_harmless_flow_that_fails_too_acquits_the_name() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.neutral(URL, f"tls:{TIMEOUT}")
    assert said(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert said(lines) == ("likely_blocked", ["tls.timeout.other"])


def test_a_harmless_flow_that_passes_once_and_fails_once_acquits_the_name() -> None:
    lines = by_name(RESET, control=True, neutral=True)
    lines.other_name(URL, GENUINE, f"tls:{RESET}")
    assert judged(lines)["state"] == "likely_blocked"


def test_one_failure_is_never_enough() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    lines.neutral(URL, f"tls:{RESET}")
    assert said(lines) == ("impaired", [])


def test_two_failures_of_different_kinds_are_not_enough() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.confirm(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_silence_on_a_lossy_line_is_not_blocked() -> None:
    lines = by_name(TIMEOUT, control=True)
    lines.preflight["neutral"].append({"endpoint": "x", "address": "9.9.9.11", "failure": TIMEOUT})
    assert judged(lines)["state"] == "likely_blocked"


def test_a_confirmation_that_succeeds_is_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.first(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.confirm(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 2, 1)


def test_a_server_that_refuses_unknown_names_is_no_evidence() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, "tls:ssl_invalid_hostname", answered=True)
    lines.first(URL, GENUINE)
    assert said(lines) == ("ok", [])


def test_an_alert_to_the_harmless_hello_has_passed() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, "tls:ssl_invalid_hostname", answered=True)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


def test_a_box_that_completes_tcp_for_every_address_makes_nothing_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.neutral(URL, f"tls:{TIMEOUT}")
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert said(lines) == ("impaired", [])


def test_one_blocked_address_of_two_works_badly() -> None:
    lines = by_name(RESET, control=True)
    lines.first(URL, SECOND)
    record = judged(lines)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tls.reset.sni"])
    assert record["pass_rate"]["n"] == 2


BLOCKED = {
    "reset, control": by_name(RESET, control=True),
    "reset, neutral": by_name(RESET, neutral=True),
    "reset, both": by_name(RESET, control=True, neutral=True),
    "silence, both": by_name(TIMEOUT, control=True, neutral=True),
    "host header": by_name(RESET, control=True, url=f"http://{HOST}:80/"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_ablation_weakens_what_is_said_of_a_name_on_the_wire(case: str) -> None:
    line = BLOCKED[case].line()
    (record,) = judge_measurement(line, file="a", number=1)
    assert record["state"] == "blocked"
    spoiled = [without_transactions(line, endpoint["transactions"]) for endpoint in record["endpoints"]]
    spoiled += [labels_swapped(line), labels_swapped(line, wire_too=True)]
    for weaker in spoiled:
        assert judge_measurement(weaker, file="a", number=1)[0]["state"] != "blocked"

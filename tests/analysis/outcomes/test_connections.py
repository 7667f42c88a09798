"""Test verdicts about TCP and TLS connections: silence, resets, and failures that follow a name."""

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


def conclusion(lines: Lines) -> tuple[str, list[str]]:
    record = judged(lines)
    return record["state"], record["mechanisms"]


def by_name(failure: str, *, control: bool = False, neutral: bool = False, url: str = URL) -> Lines:
    """Return a failure that follows the name, while an innocuous name passes."""
    layer = "http" if url.startswith("http:") else "tls"
    lines = web(url=url)
    lines.innocuous(url, GENUINE)
    lines.twice(url, GENUINE, f"{layer}:{failure}")
    if control:
        lines.control(url, GENUINE)
    if neutral:
        lines.neutral(url, f"{layer}:{failure}")
    return lines


def test_working_endpoint_is_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", "http", "http_answers")


# -- silence with any name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, "mtproto://149.154.167.51:443", "http://149.154.167.51:80/"])
def test_tcp_timeout_is_likely_blocked_with_control_and_impaired_without(url: str) -> None:
    ip = GENUINE if url == URL else "149.154.167.51"
    lines = web(url=url)
    lines.twice(url, ip, f"tcp:{TIMEOUT}")
    assert conclusion(lines) == ("impaired", [])
    lines.control(url, ip)
    assert conclusion(lines) == ("likely_blocked", ["tcp.timeout"])


@pytest.mark.parametrize(
    ("failure", "mechanism"),
    [("connection_refused", "tcp.refused"), (RESET, "tcp.reset"), ("host_unreachable", "ip.unreachable")],
)
def test_failed_connect_names_its_mechanism(failure: str, mechanism: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{failure}")
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("likely_blocked", [mechanism])


def test_failure_here_and_at_the_control_is_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert conclusion(lines) == ("down", [])


def test_control_at_the_same_address_is_preferred() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, SECOND)
    assert conclusion(lines) == ("down", [])


def test_control_without_the_family_is_ignored() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control_families["ipv4"] = False
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


# -- failures that follow the name -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("failure", "mechanism"), [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni")])
def test_failure_by_name_is_blocked_with_control_or_neutral_host(failure: str, mechanism: str) -> None:
    assert conclusion(by_name(failure)) == ("impaired", [])
    assert conclusion(by_name(failure, control=True)) == ("blocked", [mechanism])
    assert conclusion(by_name(failure, neutral=True)) == ("blocked", [mechanism])
    assert judged(by_name(failure, control=True))["proof"] == "tcp"


def test_failure_by_host_header_is_blocked() -> None:
    url = f"http://{HOST}:80/"
    assert conclusion(by_name(RESET, control=True, url=url)) == ("blocked", ["http.reset.host"])
    assert conclusion(by_name(TIMEOUT, neutral=True, url=url)) == ("blocked", ["http.timeout"])


def test_passing_neutral_host_leaves_the_decision_to_the_control() -> None:
    lines = by_name(RESET)
    lines.neutral(URL)
    assert conclusion(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


def test_neutral_host_that_failed_in_preflight_is_ignored() -> None:
    lines = by_name(RESET, neutral=True)
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert conclusion(lines) == ("impaired", [])


def test_differential_is_blocked_even_if_the_helper_reports_failure() -> None:
    lines = by_name(RESET, neutral=True)
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


def test_residual_censorship_does_not_hide_the_name() -> None:
    """Show that residual censorship of the confirmation and of a later innocuous flow does not weaken the state."""
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.confirm(URL, GENUINE, f"tcp:{RESET}")
    lines.other_name(URL, GENUINE, f"tcp:{RESET}", in_residual=True)
    lines.neutral(URL, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


def test_innocuous_flow_that_passes_in_the_residual_window_counts() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.other_name(URL, GENUINE, in_residual=True)
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


def test_failing_innocuous_flow_accuses_no_name() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.neutral(URL, f"tls:{TIMEOUT}")
    assert conclusion(lines) == ("impaired", [])
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("likely_blocked", ["tls.timeout.other"])


def test_innocuous_flow_that_passes_and_fails_accuses_no_name() -> None:
    lines = by_name(RESET, control=True, neutral=True)
    lines.other_name(URL, GENUINE, f"tls:{RESET}")
    assert judged(lines)["state"] == "likely_blocked"


def test_one_failure_is_impaired() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    lines.neutral(URL, f"tls:{RESET}")
    assert conclusion(lines) == ("impaired", [])


def test_two_failures_of_different_kinds_are_likely_blocked() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.first(URL, GENUINE, f"tls:{RESET}")
    lines.confirm(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_silence_on_a_lossy_access_line_is_likely_blocked() -> None:
    lines = by_name(TIMEOUT, control=True)
    lines.preflight["neutral"].append({"endpoint": "x", "address": "9.9.9.11", "failure": TIMEOUT})
    assert judged(lines)["state"] == "likely_blocked"


def test_successful_confirmation_is_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.first(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.confirm(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 2, 1)


def test_server_that_refuses_unknown_names_is_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, "tls:ssl_invalid_hostname", answered=True)
    lines.first(URL, GENUINE)
    assert conclusion(lines) == ("ok", [])


def test_alert_to_the_innocuous_name_counts_as_passed() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, "tls:ssl_invalid_hostname", answered=True)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


def test_middlebox_that_completes_tcp_makes_nothing_ok() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.twice(URL, GENUINE, f"tls:{TIMEOUT}")
    lines.neutral(URL, f"tls:{TIMEOUT}")
    lines.preflight["neutral"][0]["failure"] = TIMEOUT
    assert conclusion(lines) == ("impaired", [])


def test_one_blocked_address_of_two_is_degraded() -> None:
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
def test_without_its_evidence_no_name_is_blocked(case: str) -> None:
    line = BLOCKED[case].line()
    (record,) = judge_measurement(line, file="a", number=1)
    assert record["state"] == "blocked"
    spoiled = [without_transactions(line, endpoint["transactions"]) for endpoint in record["endpoints"]]
    spoiled += [labels_swapped(line), labels_swapped(line, wire_too=True)]
    for weaker in spoiled:
        assert judge_measurement(weaker, file="a", number=1)[0]["state"] != "blocked"

"""Test the verdict on a service from its endpoints, and validity."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
POOL = [f"http://149.154.167.{number}:80/" for number in range(50, 66)]


def web() -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    return lines


def blocked() -> Lines:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    return lines


def pool(works_if: str, working: int) -> Lines:
    """Build sixteen data centres, of which the first `working` work and the others time out here only."""
    lines = Lines({"dc_pool": POOL}, works_if=works_if)
    for number, url in enumerate(POOL):
        ip = url.removeprefix("http://").partition(":")[0]
        lines.control(url, ip)
        if number < working:
            lines.first(url, ip)
        else:
            lines.twice(url, ip, f"tcp:{TIMEOUT}")
    return lines


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=7)
    return record


# -- from endpoints to a service -----------------------------------------------------------------------------------


def test_one_working_endpoint_of_sixteen_is_degraded() -> None:
    record = judged(pool("any", 1))
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tcp.timeout"])
    rate = record["pass_rate"]
    assert list(rate) == ["estimate", "low", "high", "n", "twin"]
    assert (rate["estimate"], rate["n"], rate["twin"]) == (0.06, 16, 1.0)
    assert rate["low"] < 0.06 < rate["high"] < 0.35


def test_no_working_endpoint_of_sixteen_is_likely_blocked() -> None:
    record = judged(pool("any", 0))
    assert (record["state"], record["pass_rate"], record["attempts"], record["failures"]) == (
        "likely_blocked",
        None,
        32,
        32,
    )
    assert (record["controls"], record["control_successes"]) == (16, 16)


def test_sixteen_working_endpoints_are_ok() -> None:
    assert judged(pool("any", 16))["state"] == "ok"
    assert judged(pool("all", 16))["state"] == "ok"


def test_one_missing_of_all_needed_endpoints_decides() -> None:
    assert judged(pool("all", 15))["state"] == "likely_blocked"


def test_one_working_endpoint_is_ok_if_others_are_down() -> None:
    lines = Lines({"dc_pool": POOL[:2]}, works_if="any")
    lines.first(POOL[0], "149.154.167.50")
    lines.twice(POOL[1], "149.154.167.51", f"tcp:{TIMEOUT}")
    lines.control(POOL[1], "149.154.167.51", f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"


def test_gravest_state_decides_and_gives_rule() -> None:
    lines = Lines({"web": [URL, "https://my.telegram.org:443/"]})
    for host in (HOST, "my.telegram.org"):
        lines.lookup(host, GENUINE)
        lines.encrypted(host, GENUINE)
    lines.first("https://my.telegram.org:443/", GENUINE)
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["rule_id"], record["proof"]) == ("blocked", "failure_follows_name", "tcp")
    assert [endpoint["state"] for endpoint in record["endpoints"]] == ["blocked", "ok"]


def test_proof_is_shallowest_of_needed_endpoints() -> None:
    tcp = "tcp://149.154.167.50:5222"
    lines = Lines({"web": [URL, tcp]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.first(tcp, "149.154.167.50")
    record = judged(lines)
    assert (record["state"], record["proof"]) == ("ok", "tcp")


# -- conclusions that are not allowed ------------------------------------------------------------------------------


def test_no_attempt_is_insufficient() -> None:
    record = judged(Lines({"web": [URL]}))
    assert (record["state"], record["attempts"], record["proof"]) == ("insufficient", 0, None)


def test_service_without_endpoints_is_insufficient() -> None:
    assert judged(Lines({"web": []}))["rule_id"] == "service_empty"


@pytest.mark.parametrize(
    "scheme", ["stun://stun.example:3478", "sip://sip.example:5060;transport=udp", "junk", "https://x"]
)
def test_unknown_scheme_is_insufficient(scheme: str) -> None:
    assert judged(Lines({"calls": [scheme]}))["state"] == "insufficient"


def test_failed_helper_gives_no_control() -> None:
    lines = blocked()
    lines.control_failure = "connection_refused"
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_control_that_may_not_contact_the_address_counts_as_none() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, "tcp:unknown_failure: address not contacted")
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_failing_control_keeps_ok() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize(
    "fault",
    [
        "interrupted",
        "unknown_failure: too many open files",
        "unknown_failure: trigger budget spent",
        "network_down",
        "unknown_failure: address not contacted",
    ],
)
def test_local_failure_is_insufficient(fault: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{fault}")
    lines.control(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"]) == ("insufficient", 0)


def test_interrupted_before_confirmation_is_insufficient() -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE)
    lines.run["interrupted"] = True
    assert judged(lines)["state"] == "insufficient"


def test_bug_affects_only_its_service() -> None:
    lines = Lines({"web": [URL], "dc_pool": [POOL[0]]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.first(POOL[0], "149.154.167.50")
    lines.neutral(URL, "top_level:unknown_failure: probe bug: ValueError")
    lines.bugs.append("ValueError in steps/tls.py:88")
    states = {r["service"]: r["state"] for r in judge_measurement(lines.line(), file="a", number=1)}
    assert states == {"telegram/dc_pool": "ok", "telegram/web": "insufficient"}


def test_bug_without_transaction_affects_all_services() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.bugs.append("KeyError in measure.py:12")
    assert judged(lines)["rule_id"] == "service_bug"


def test_broken_ipv6_endpoints_are_left_out() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.twice(URL, "2001:67c:4e8::1", "tcp:network_unreachable", corroborated=True)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 1, 0)


def test_ipv6_without_route_accuses_nothing() -> None:
    url = "http://[2001:67c:4e8::1]:80/"
    lines = Lines({"dc_pool": [url]})
    lines.run["families"]["ipv6"] = True
    lines.twice(url, "2001:67c:4e8::1", "tcp:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    assert judged(lines)["state"] == "insufficient"


def test_broken_ipv6_alone_is_insufficient() -> None:
    url = "http://[2001:67c:4e8::1]:80/"
    lines = Lines({"dc_pool": [url]})
    lines.twice(url, "2001:67c:4e8::1", "tcp:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")


def test_retired_service_without_control_is_insufficient() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_retired")
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_transaction_contradicting_its_entries_is_no_evidence() -> None:
    line = blocked().line()
    for entry in line["test_keys"]["x_endpoints"]["tls_handshakes"]:
        entry["server_name"] = "www.other.example"
    (record,) = judge_measurement(line, file="a", number=1)
    assert record["state"] == "insufficient"


def test_unchecked_certificate_proves_nothing() -> None:
    lines = web()
    lines.first(URL, GENUINE, check=False)
    assert judged(lines)["state"] != "ok"


# -- validity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "value", "reason"),
    [
        ("network", False, "no_network"),
        ("portal", "redirect", "captive_portal"),
        ("clock_skew", -86401, "clock"),
        ("vpn", True, "vpn"),
        ("tls_interception", "all", "tls_interception"),
    ],
)
def test_unfit_network_is_invalid(fact: str, value: Any, reason: str) -> None:
    lines = blocked()
    lines.preflight[fact] = value
    record = judged(lines)
    assert (record["valid"], record["invalid_reason"], record["state"], record["mechanisms"]) == (
        False,
        reason,
        None,
        [],
    )
    assert record["endpoints"][0]["state"] is None


def test_wrong_clock_precedes_no_network() -> None:
    lines = web()
    lines.preflight |= {"network": False, "clock_skew": 3e7}
    assert judged(lines)["invalid_reason"] == "clock"


def test_bug_without_rows_is_invalid() -> None:
    lines = Lines({"web": [URL]})
    lines.bugs.append("ValueError in measure.py:1")
    assert judged(lines)["invalid_reason"] == "probe_bug"

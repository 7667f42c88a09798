"""From endpoints to a service and to a record: what may never be said, what must, and the record's form."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.analysis.engine import DuckDBEngine
from probe.analysis.mechanisms import is_mechanism
from probe.analysis.rules import RULES
from probe.analysis.verdicts import RULESET, judge_line, judge_lines, to_json, why_not
from tests.analysis.lines import FORGED, GENUINE, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
POOL = [f"http://149.154.167.{number}:80/" for number in range(50, 66)]
KEYS = [
    *("measurement_start_time", "run_id", "probe_cc", "probe_asn", "target", "service", "state", "mechanisms"),
    *("anomalies", "proof", "valid", "invalid_reason", "rule_id", "ruleset", "because", "attempts", "failures"),
    *("controls", "control_successes", "pass_rate", "throughput_ratio", "hop", "endpoints", "measurement_file"),
    "measurement_line",
]
ENDPOINT_KEYS = ["endpoint", "state", "mechanisms", "proof", "rule_id", "transactions"]


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
    """Sixteen data centres, of which the first few work and the rest are silent here only."""
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
    (record,) = judge_line(lines.line(), file="a.jsonl", number=7)
    return record


# -- from endpoints to a service -----------------------------------------------------------------------------------


def test_one_of_sixteen_is_not_ok() -> None:
    record = judged(pool("any", 1))
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tcp.timeout"])
    rate = record["pass_rate"]
    assert list(rate) == ["estimate", "low", "high", "n", "twin"]
    assert (rate["estimate"], rate["n"], rate["twin"]) == (0.06, 16, 1.0)
    assert rate["low"] < 0.06 < rate["high"] < 0.35


def test_none_of_sixteen() -> None:
    record = judged(pool("any", 0))
    assert (record["state"], record["pass_rate"], record["attempts"], record["failures"]) == (
        "likely_blocked",
        None,
        32,
        32,
    )
    assert (record["controls"], record["control_successes"]) == (16, 16)


def test_all_of_sixteen() -> None:
    assert judged(pool("any", 16))["state"] == "ok"
    assert judged(pool("all", 16))["state"] == "ok"


def test_all_needed_and_one_missing() -> None:
    assert judged(pool("all", 15))["state"] == "likely_blocked"


def test_one_works_and_the_others_are_down_for_everybody() -> None:
    lines = Lines({"dc_pool": POOL[:2]}, works_if="any")
    lines.first(POOL[0], "149.154.167.50")
    lines.twice(POOL[1], "149.154.167.51", f"tcp:{TIMEOUT}")
    lines.control(POOL[1], "149.154.167.51", f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"


def test_the_gravest_state_decides_and_names_itself() -> None:
    lines = Lines({"web": [URL, "https://my.telegram.org:443/"]})
    for host in (HOST, "my.telegram.org"):
        lines.lookup(host, GENUINE)
        lines.encrypted(host, GENUINE)
    lines.first("https://my.telegram.org:443/", GENUINE)
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.control(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["rule_id"], record["proof"]) == ("blocked", "tls_reset_follows_name", "tcp")
    assert [endpoint["state"] for endpoint in record["endpoints"]] == ["blocked", "ok"]


def test_proof_is_the_shallowest_of_all_that_are_needed() -> None:
    tcp = "tcp://149.154.167.50:5222"
    lines = Lines({"web": [URL, tcp]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.first(tcp, "149.154.167.50")
    record = judged(lines)
    assert (record["state"], record["proof"]) == ("ok", "tcp")


# -- what may never be said ----------------------------------------------------------------------------------------


def test_nothing_was_tried() -> None:
    record = judged(Lines({"web": [URL]}))
    assert (record["state"], record["attempts"], record["proof"]) == ("insufficient", 0, None)


def test_a_service_without_endpoints() -> None:
    assert judged(Lines({"web": []}))["rule_id"] == "service_empty"


@pytest.mark.parametrize(
    "scheme", ["stun://stun.example:3478", "sip://sip.example:5060;transport=udp", "junk", "https://x"]
)
def test_a_scheme_without_rules_or_without_sense(scheme: str) -> None:
    assert judged(Lines({"calls": [scheme]}))["state"] == "insufficient"


def test_a_helper_that_is_down_leaves_no_control() -> None:
    lines = blocked()
    lines.control_failure = "connection_refused"
    record = judged(lines)
    assert (record["state"], record["controls"]) == ("impaired", 0)


def test_a_helper_that_says_all_fails_takes_no_ok_away() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    assert judged(lines)["state"] == "ok"


@pytest.mark.parametrize(
    "fault",
    ["interrupted", "unknown_failure: too many open files", "unknown_failure: trigger budget spent", "network_down"],
)
def test_our_own_fault_says_nothing(fault: str) -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{fault}")
    lines.control(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["attempts"]) == ("insufficient", 0)


def test_a_run_that_ended_before_the_confirmation() -> None:
    lines = web()
    lines.first(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE)
    lines.run["interrupted"] = True
    assert judged(lines)["state"] == "insufficient"


def test_a_bug_of_ours_touches_its_service_only() -> None:
    lines = Lines({"web": [URL], "dc_pool": [POOL[0]]})
    lines.lookup(HOST, GENUINE)
    lines.first(URL, GENUINE)
    lines.first(POOL[0], "149.154.167.50")
    lines.neutral(URL, "top_level:unknown_failure: probe bug: ValueError")
    lines.bugs.append("ValueError in steps/tls.py:88")
    states = {r["service"]: r["state"] for r in judge_line(lines.line(), file="a", number=1)}
    assert states == {"telegram/dc_pool": "ok", "telegram/web": "insufficient"}


def test_a_bug_that_names_no_transaction_may_have_touched_anything() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.bugs.append("KeyError in measure.py:12")
    assert judged(lines)["rule_id"] == "service_bug"


def test_broken_ipv6_is_left_out() -> None:
    lines = web()
    lines.first(URL, GENUINE)
    lines.twice(URL, "2001:67c:4e8::1", "tcp:network_unreachable", corroborated=True)
    record = judged(lines)
    assert (record["state"], record["attempts"], record["failures"]) == ("ok", 1, 0)


def test_ipv6_without_a_route_accuses_nobody_though_preflight_found_it_working() -> None:
    url = "http://[2001:67c:4e8::1]:80/"
    lines = Lines({"dc_pool": [url]})
    lines.run["families"]["ipv6"] = True
    lines.twice(url, "2001:67c:4e8::1", "tcp:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    assert judged(lines)["state"] == "insufficient"


def test_only_ipv6_and_it_is_broken() -> None:
    url = "http://[2001:67c:4e8::1]:80/"
    lines = Lines({"dc_pool": [url]})
    lines.twice(url, "2001:67c:4e8::1", "tcp:network_unreachable")
    lines.control(url, "2001:67c:4e8::1")
    record = judged(lines)
    assert (record["state"], record["rule_id"]) == ("insufficient", "service_family_absent")


def test_a_service_retired_without_a_successful_control() -> None:
    lines = web()
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.target |= {"retired": "2025-05-05", "successor": "teams"}
    record = judged(lines)
    assert record["state"] == "insufficient"
    assert (
        record["because"]
        == "The service is retired, and no test helper reached it: since 2025-05-05, succeeded by teams."
    )
    lines.control(URL, GENUINE)
    assert judged(lines)["state"] == "likely_blocked"


def test_a_record_that_contradicts_its_own_entries_counts_for_nothing() -> None:
    line = blocked().line()
    for entry in line["test_keys"]["x_endpoints"]["tls_handshakes"]:
        entry["server_name"] = "www.other.example"
    (record,) = judge_line(line, file="a", number=1)
    assert record["state"] == "insufficient"


def test_a_certificate_that_nobody_judged_proves_nothing() -> None:
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
def test_a_network_that_is_not_fit(fact: str, value: Any, reason: str) -> None:
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


def test_a_wrong_clock_explains_a_network_that_seems_dead() -> None:
    lines = web()
    lines.preflight |= {"network": False, "clock_skew": 3e7}
    assert judged(lines)["invalid_reason"] == "clock"


def test_a_line_that_is_nothing_but_a_bug() -> None:
    lines = Lines({"web": [URL]})
    lines.bugs.append("ValueError in measure.py:1")
    assert judged(lines)["invalid_reason"] == "probe_bug"


# -- the record ----------------------------------------------------------------------------------------------------


def test_the_keys_stand_in_their_order_and_no_others() -> None:
    record = judged(blocked())
    assert list(record) == KEYS
    assert [list(endpoint) for endpoint in record["endpoints"]] == [ENDPOINT_KEYS]
    assert (record["measurement_file"], record["measurement_line"]) == ("a.jsonl", 7)
    assert (record["measurement_start_time"], record["ruleset"]) == ("2026-11-24T13:05:00Z", RULESET)
    assert (record["run_id"], record["service"], record["hop"]) == ("4f2a", "telegram/web", None)


def test_transactions_name_everything_that_it_rests_on() -> None:
    lines = blocked()
    lines.neutral(URL, f"tls:{RESET}")
    lines.first("https://elsewhere.example:443/", FORGED)
    assert judged(lines)["endpoints"][0]["transactions"] == [1, 2, 3, 4, 5, 6]


def test_services_are_sorted() -> None:
    lines = Lines({"web": [URL], "dc_pool": [POOL[0]], "calls": []})
    services = [record["service"] for record in judge_line(lines.line(), file="a", number=1)]
    assert services == ["telegram/calls", "telegram/dc_pool", "telegram/web"]


def test_the_same_line_gives_the_same_bytes_on_every_engine() -> None:
    line = pool("any", 3).line()
    once = [to_json(record) for record in judge_line(line, file="a", number=1)]
    again = [to_json(record) for record in judge_lines([("a", 1, json.loads(json.dumps(line)))])]
    with DuckDBEngine() as engine:
        other = [to_json(record) for record in judge_line(line, file="a", number=1, engine=engine)]
    assert once == again == other


def test_order_of_transactions_and_entries_does_not_matter() -> None:
    line = blocked().line()
    shuffled = json.loads(json.dumps(line))
    for holder in (shuffled["test_keys"], shuffled["test_keys"]["x_endpoints"]):
        for value in holder.values():
            if isinstance(value, list):
                value.reverse()
    assert judge_line(shuffled, file="a", number=1) == judge_line(line, file="a", number=1)


def test_what_is_no_measurement_is_named() -> None:
    assert why_not({}) == "is no measurement: it has no test_keys"
    assert "x_target" in (why_not({"test_keys": {"queries": []}}) or "")
    assert judge_line({"test_keys": {"queries": []}}, file="a", number=1) == []


# -- junk ----------------------------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["A", "ok", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


def _rich() -> dict[str, Any]:
    lines = blocked()
    lines.own_udp(HOST, [FORGED], [GENUINE])
    lines.dark(HOST, [FORGED])
    lines.neutral(URL, f"tls:{RESET}")
    lines.control_lookup(HOST, GENUINE)
    return lines.line()


RICH = json.dumps(_rich())
PLACES = _places(json.loads(RICH))


def _well_formed(records: list[dict[str, Any]]) -> None:
    for record in records:
        assert list(record) == KEYS
        assert record["valid"] is False or record["rule_id"] in RULES
        assert all(map(is_mechanism, record["mechanisms"]))
        to_json(record).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=4))
def test_junk_anywhere_in_a_line_never_crashes_the_judge(spoilt: list[tuple[tuple[Any, ...], Any]]) -> None:
    line = json.loads(RICH)
    for path, junk in spoilt:
        try:
            holder = line
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = junk
        except (TypeError, KeyError, IndexError):
            continue  # an earlier piece of junk took the place away
    _well_formed(judge_line(line, file="a", number=1))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["test_keys", "probe_cc", "measurement_start_time"]), JUNK))
def test_junk_for_a_line_never_crashes_the_judge(line: dict[str, Any]) -> None:
    _well_formed(judge_line(line, file="a", number=1))

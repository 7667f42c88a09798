"""The verdict record: its keys, its evidence, the same bytes anywhere and under any junk."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.analysis.rules.mechanisms import is_mechanism
from probe.analysis.rules.tables import RULES
from probe.analysis.verdicts.verdicts import RULESET, judge_measurement, judge_measurements, reason_unusable, to_json
from tests.analysis.verdicts.test_services import HOST, POOL, RESET, URL, blocked, judged, pool
from tests.support.measurements.duckdb_engine import DuckDBEngine
from tests.support.measurements.lines import FORGED, GENUINE, Lines

KEYS = [
    *("measurement_start_time", "run_id", "probe_cc", "probe_asn", "target", "service", "state", "mechanisms"),
    *("anomalies", "proof", "valid", "invalid_reason", "rule_id", "ruleset", "because", "attempts", "failures"),
    *("controls", "control_successes", "pass_rate", "throughput_ratio", "hop", "endpoints", "measurement_file"),
    "measurement_line",
]
ENDPOINT_KEYS = ["endpoint", "state", "mechanisms", "proof", "rule_id", "transactions"]


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
    services = [record["service"] for record in judge_measurement(lines.line(), file="a", number=1)]
    assert services == ["telegram/calls", "telegram/dc_pool", "telegram/web"]


def test_the_same_line_gives_the_same_bytes_on_every_engine() -> None:
    line = pool("any", 3).line()
    once = [to_json(record) for record in judge_measurement(line, file="a", number=1)]
    again = [to_json(record) for record in judge_measurements([("a", 1, json.loads(json.dumps(line)))])]
    with DuckDBEngine() as engine:
        other = [to_json(record) for record in judge_measurement(line, file="a", number=1, engine=engine)]
    assert once == again == other


def test_order_of_transactions_and_entries_does_not_matter() -> None:
    line = blocked().line()
    shuffled = json.loads(json.dumps(line))
    for holder in (shuffled["test_keys"], shuffled["test_keys"]["x_endpoints"]):
        for value in holder.values():
            if isinstance(value, list):
                value.reverse()
    assert judge_measurement(shuffled, file="a", number=1) == judge_measurement(line, file="a", number=1)


def test_what_is_no_measurement_is_named() -> None:
    assert reason_unusable({}) == "is no measurement: it has no test_keys"
    assert "x_target" in (reason_unusable({"test_keys": {"queries": []}}) or "")
    assert judge_measurement({"test_keys": {"queries": []}}, file="a", number=1) == []


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
    _well_formed(judge_measurement(line, file="a", number=1))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["test_keys", "probe_cc", "measurement_start_time"]), JUNK))
def test_junk_for_a_line_never_crashes_the_judge(line: dict[str, Any]) -> None:
    _well_formed(judge_measurement(line, file="a", number=1))

"""Test the verdict record: keys, evidence, equal bytes on every engine, invalid input."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.ruleset.mechanisms import is_mechanism
from probe.analysis.ruleset.tables import KINDS, RULESET
from probe.analysis.verdicts.verdicts import judge_measurement, judge_measurements, reason_unusable, to_json
from tests.analysis.verdicts.test_services import HOST, POOL, RESET, URL, blocked, judged, pool
from tests.support.measurements.lines import FORGED, GENUINE, Lines

KEYS = [
    *("measurement_start_time", "run_id", "probe_cc", "probe_asn", "target", "service", "state", "cause_place"),
    "mechanisms",
    *(
        "anomalies",
        "proof",
        "valid",
        "invalid_reason",
        "rule_id",
        "layer",
        "way",
        "forged",
        "ruleset",
        "because",
        "attempts",
        "failures",
    ),
    *("controls", "control_successes", "pass_rate", "throughput_ratio", "cutoff", "media", "hop"),
    "hop_reason",
    "endpoints",
    *("measurement_file", "measurement_line"),
]
ENDPOINT_KEYS = ["endpoint", "state", "mechanisms", "proof", "rule_id", "layer", "way", "forged", "transactions"]


def test_record_has_contract_keys_in_order() -> None:
    record = judged(blocked())
    assert list(record) == KEYS
    assert [list(endpoint) for endpoint in record["endpoints"]] == [ENDPOINT_KEYS]
    assert (record["measurement_file"], record["measurement_line"]) == ("a.jsonl", 7)
    assert (record["measurement_start_time"], record["ruleset"]) == ("2026-11-24T13:05:00Z", RULESET)
    assert (record["run_id"], record["service"], record["hop"]) == ("4f2a", "telegram/web", None)


def test_transactions_list_all_evidence() -> None:
    lines = blocked()
    lines.neutral(URL, f"tls:{RESET}")
    lines.first("https://elsewhere.example:443/", FORGED)
    assert judged(lines)["endpoints"][0]["transactions"] == [1, 2, 3, 4, 5, 6]


def test_records_are_sorted_by_service() -> None:
    lines = Lines({"web": [URL], "dc_pool": [POOL[0]], "calls": []})
    services = [record["service"] for record in judge_measurement(lines.line(), file="a", number=1)]
    assert services == ["telegram/calls", "telegram/dc_pool", "telegram/web"]


def test_every_engine_gives_same_bytes() -> None:
    line = pool("any", 3).line()
    once = [to_json(record) for record in judge_measurement(line, file="a", number=1)]
    again = [to_json(record) for record in judge_measurements([("a", 1, json.loads(json.dumps(line)))])]
    with DuckDBEngine() as engine:
        other = [to_json(record) for record in judge_measurement(line, file="a", number=1, engine=engine)]
    assert once == again == other


def test_order_of_entries_does_not_change_verdict() -> None:
    line = blocked().line()
    shuffled = json.loads(json.dumps(line))
    for holder in (shuffled["test_keys"], shuffled["test_keys"]["x_endpoints"]):
        for value in holder.values():
            if isinstance(value, list):
                value.reverse()
    assert judge_measurement(shuffled, file="a", number=1) == judge_measurement(line, file="a", number=1)


def test_unusable_document_gets_reason() -> None:
    assert reason_unusable({}) == "This line is no measurement: it has no test_keys."
    assert "x_target" in (reason_unusable({"test_keys": {"queries": []}}) or "")
    assert judge_measurement({"test_keys": {"queries": []}}, file="a", number=1) == []


# -- invalid input -------------------------------------------------------------------------------------------------

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
    """Iterate over every path in a JSON document."""
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
        assert record["valid"] is False or record["rule_id"] in KINDS
        assert all(map(is_mechanism, record["mechanisms"]))
        to_json(record).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=4))
def test_invalid_value_anywhere_raises_nothing(replacements: list[tuple[tuple[Any, ...], Any]]) -> None:
    line = json.loads(RICH)
    for path, junk in replacements:
        try:
            holder = line
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = junk
        except (TypeError, KeyError, IndexError):
            continue  # an earlier replacement removed this path
    _well_formed(judge_measurement(line, file="a", number=1))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["test_keys", "probe_cc", "measurement_start_time"]), JUNK))
def test_invalid_document_raises_nothing(line: dict[str, Any]) -> None:
    _well_formed(judge_measurement(line, file="a", number=1))

"""Test what is said of a slow address. It accuses nothing, because a crowded network or the server looks the same."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.failures import BUDGET
from probe.formats.plain_json import places_of_entries
from tests.support.measurements.lines import GENUINE
from tests.support.measurements.transfers import HOST, URL, entry, measured

FREE, LIMITED = entry(), entry(8_000)
SLOW, FAST = [16_000.0] * 9, [2e6] * 9


def read(
    rates: list[float],
    *pairs: tuple[dict[str, Any], dict[str, Any]],
    round_trip: float = 0.05,
    code: int = 200,
    failed: str | None = None,
    **about: Any,
) -> dict[str, Any]:
    """Return a measurement with a slow page, pairs of transfers, and reads of 8 kB at these bytes a second."""
    measurement = measured(*(pairs or ((FREE, FREE),)), **about)
    keys = measurement["test_keys"]
    cause = next(each["transaction_id"] for each in keys["x_transactions"] if each["kind"] == "first")
    held = keys["x_followups"]
    for rate in rates:
        number = max(each["transaction_id"] for each in keys["x_transactions"]) + 1
        facts = {"kind": "followup", "followup": "address_page_innocuous", "service": "web", "endpoint": URL}
        facts |= {"address": GENUINE, "sent_name": "www.example.com", "failure": failed, "cause": cause}
        keys["x_transactions"].append(
            {"transaction_id": number, "port": 443, "family": 4, "t0": 20.0, "t": 21.0} | facts
        )
        connected = {"transaction_id": number, "t0": 20.0, "t": 20.0 + round_trip, "failure": None}
        held.setdefault("tcp_connect", []).append(connected)
        response = {"code": code, "x_body_length": 8192, "x_body_time": 8192 / rate, "x_body_failure": None}
        request = {"url": f"https://{HOST}/", "x_transport": "tcp"}
        made = {"transaction_id": number, "failure": None, "request": request, "response": response}
        held.setdefault("requests", []).append(made)
    return measurement


def judged(*args: Any, **about: Any) -> dict[str, Any]:
    (record,) = judge_measurement(read(*args, **about), file="a", number=1)
    return record


def assert_nothing_is_said(*args: Any, **about: Any) -> None:
    record = judged(*args, **about)
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], []), record["rule_id"]


def test_slow_address_is_an_anomaly_with_a_ratio_and_its_interval() -> None:
    record = judged(SLOW)
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["ip.throttle"])
    assert record["rule_id"] == "service_address_slow"
    ratio = record["throughput_ratio"]
    assert ratio["low"] <= ratio["estimate"] <= ratio["high"] < 0.5
    assert ratio["estimate"] == pytest.approx(8192 / (8192 / 16_000 - 0.1) / 64_000, abs=0.02)


def test_sentence_names_other_causes() -> None:
    said = plain_sentence(judged(SLOW))
    assert "works" in said and "the service itself" in said and "of 100 bytes arrive" in said


def test_engines_agree() -> None:
    measurement = read(SLOW)
    engines = (SQLiteEngine(), DuckDBEngine())
    one, other = (judge_measurement(measurement, file="a", number=1, engine=each) for each in engines)
    assert one == other


def test_limited_name_is_accused_and_the_address_is_not_named() -> None:
    record = judged(SLOW, (LIMITED, FREE))
    assert (record["mechanisms"], record["anomalies"]) == (["tls.throttle.sni"], [])


# -- look-alikes ------------------------------------------------------------------------------------------------------


def test_slow_line_shows_nothing() -> None:
    assert_nothing_is_said(SLOW, (LIMITED, LIMITED))


def test_slow_server_and_fast_pages_show_nothing() -> None:
    assert_nothing_is_said(SLOW, control=[9_000.0])
    assert_nothing_is_said(SLOW, control=())
    assert_nothing_is_said(SLOW, pages=[300_000.0])


def test_long_way_to_the_server_is_not_slow() -> None:
    assert_nothing_is_said([8192 / 1.5] * 9, round_trip=0.7)


def test_page_that_is_fast_under_another_name_shows_nothing() -> None:
    assert_nothing_is_said(FAST)
    assert_nothing_is_said([*SLOW[:6], *FAST[:3]])


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_lost_packets_show_nothing(share: float) -> None:
    random = Random(share)
    for _ in range(60):
        assert_nothing_is_said([16_000.0 if random.random() < share else 2e6 for _ in range(9)])


def test_other_answers_and_few_or_disturbed_reads_show_nothing() -> None:
    assert_nothing_is_said(SLOW, code=404)
    assert_nothing_is_said(SLOW[:5])
    assert_nothing_is_said(SLOW, failed=BUDGET)
    assert_nothing_is_said([])


def test_status_of_a_page_that_did_not_arrive_is_that_of_another_attempt() -> None:
    measurement = read(SLOW)
    keys = measurement["test_keys"]
    attempts = [each for each in keys["x_transactions"] if each["kind"] in {"first", "confirm"}]
    first = next(each["transaction_id"] for each in attempts if each["kind"] == "first")
    pages = [each for place in places_of_entries(keys) for each in place.get("requests") or []]
    late = next(each for each in pages if each["transaction_id"] == first)
    again = {"transaction_id": 90, "kind": "confirm", "t0": 5.0, "t": 6.0}
    keys["x_transactions"].append(attempts[0] | again)
    whole = deepcopy(late) | {"transaction_id": 90, "t0": 5.0, "t": 6.0}
    late["response"]["code"] = 0
    for status, said in ((200, ["ip.throttle"]), (404, [])):
        other = deepcopy(measurement)
        whole["response"]["code"] = status
        other["test_keys"]["x_endpoints"]["requests"].append(deepcopy(whole))
        (record,) = judge_measurement(other, file="a", number=1)
        assert record["anomalies"] == said

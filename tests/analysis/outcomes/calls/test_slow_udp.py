"""Test what is said where call packets and random ones are lost alike, and TCP is free. It accuses nothing."""

from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.failures import HELPER_BUSY
from tests.analysis.outcomes.calls.test_media import by_chance, call
from tests.support.measurements import transfers
from tests.support.measurements.media import entry

FORTH = [entry(shape, forth=by_chance(0.4, seed)) for seed, shape in enumerate(("rtp", "opaque"))]
BACK = [entry(shape, back=by_chance(0.4, seed)) for seed, shape in enumerate(("rtp", "opaque"))]
FREE = transfers.entry()


def beside(flows: list[dict[str, Any]], followup: str, made: dict[str, Any] | None, **about: Any) -> dict[str, Any]:
    """Return a measurement with media flows, and a transfer over TCP."""
    measurement = call(*flows, **about)
    keys = measurement["test_keys"]
    if made is not None:
        record = {"transaction_id": 990, "kind": "followup", "followup": followup, "address": "helper", "t0": 13.0}
        keys["x_transactions"].append(record | {"failure": made["failure"], "t": 19.0, "port": 443, "family": 4})
        kept = {**made, "transaction_id": 990, "server_name": "www.example.com"}
        keys["x_followups"]["transfers"] = [kept]
    return measurement


def judged(*args: Any, **about: Any) -> dict[str, Any]:
    (record,) = judge_measurement(beside(*args, **about), file="a", number=1)
    return record


def assert_nothing_is_said(*args: Any, **about: Any) -> None:
    record = judged(*args, **about)
    assert "udp.throttle" not in (*record["anomalies"], *record["mechanisms"]), record["rule_id"]


@pytest.mark.parametrize(
    ("flows", "followup"), [(FORTH, "upload_beside_media"), (BACK, "transfer_beside_media")], ids=["forth", "back"]
)
def test_losses_over_udp_alone_are_an_anomaly_with_their_figures(flows: list[dict[str, Any]], followup: str) -> None:
    record = judged(flows, followup, FREE)
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["udp.throttle"])
    assert record["rule_id"] == "service_udp_slow" and record["throughput_ratio"] is None
    low, high = record["media"]["loss"][1:]
    assert 0.3 < low < 0.4 < high < 0.5
    assert f"{int(100 * low)} to " in plain_sentence(record) and "A tariff can do this." in plain_sentence(record)


def test_engines_agree() -> None:
    measurement = beside(FORTH, "upload_beside_media", FREE)
    one, other = (
        judge_measurement(measurement, file="a", number=1, engine=engine) for engine in (SQLiteEngine(), DuckDBEngine())
    )
    assert one == other


# -- look-alikes ------------------------------------------------------------------------------------------------------


def test_slow_line_slows_tcp_down_too() -> None:
    assert_nothing_is_said(FORTH, "upload_beside_media", transfers.entry(30_000))
    assert_nothing_is_said(FORTH, "upload_beside_media", None)


def test_packets_that_chance_loses_are_of_tcp_too() -> None:
    assert_nothing_is_said(FORTH, "upload_beside_media", FREE | {"repeated": 60})
    assert_nothing_is_said(FORTH, "upload_beside_media", FREE | {"repeated": None, "segments": None})  # not known


def test_transfer_in_the_other_direction_shows_nothing() -> None:
    assert_nothing_is_said(FORTH, "transfer_beside_media", FREE)
    assert_nothing_is_said(BACK, "upload_beside_media", FREE)


def test_few_losses_or_those_of_one_shape_show_nothing() -> None:
    few = [entry(shape, forth=by_chance(0.15, seed)) for seed, shape in enumerate(("rtp", "opaque"))]
    assert_nothing_is_said(few, "upload_beside_media", FREE)
    record = judged([FORTH[0], entry("opaque")], "upload_beside_media", FREE)
    assert record["mechanisms"] == ["media.loss"] and record["anomalies"] == []


def test_disturbed_transfer_and_app_without_calls_show_nothing() -> None:
    assert_nothing_is_said(FORTH, "upload_beside_media", FREE | {"failure": HELPER_BUSY})
    assert_nothing_is_said(FORTH, "upload_beside_media", FREE, media=None)


def test_service_that_does_not_work_keeps_its_state() -> None:
    record = judged(FORTH, "upload_beside_media", FREE, outcome="payload:generic_timeout_error")
    assert record["state"] != "ok" and record["anomalies"] == []

"""Test verdicts about the throughput of a name, and what looks like a limit and is none."""

from collections.abc import Callable
from math import ceil, floor
from random import Random
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.store.flatten import facts_from, flatten
from probe.analysis.verdicts.app_sentences import reason_of
from probe.analysis.verdicts.app_verdicts import judge_apps
from probe.analysis.verdicts.deciding_evidence import MeasurementEvidence
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_measurement
from probe.formats.failures import BUDGET, EOF, HELPER_BUSY, INTERRUPTED, TIMEOUT
from tests.analysis.statistics.transfers import CrossTraffic, Limit, Policer, Shaper, side_by_side
from tests.support.measurements.transfers import PACE, SECONDS, TOTAL, URL, by_chance, entry, measured, of_transfer

Entry = dict[str, Any]
FREE = entry()
SLOW = entry(8_000)


def judged(*pairs: tuple[Entry, Entry], **about: Any) -> dict[str, Any]:
    (record,) = judge_measurement(measured(*pairs, **about), file="a", number=1)
    return record


def assert_not_accused(*pairs: tuple[Entry, Entry], **about: Any) -> None:
    record = judged(*pairs, **about)
    assert (record["state"], record["mechanisms"]) == ("ok", []), record["rule_id"]


# -- limits -----------------------------------------------------------------------------------------------------------


def test_limited_name_is_degraded_with_a_ratio_and_its_interval() -> None:
    record = judged((SLOW, FREE))
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tls.throttle.sni"])
    assert record["rule_id"] == "service_name_throttled" and record["pass_rate"] is None
    ratio = record["throughput_ratio"]
    assert ratio["low"] < 0.125 < ratio["high"] < 0.5 and ratio["estimate"] == pytest.approx(0.125, abs=0.01)
    assert (ratio["pairs"], ratio["pairs_limited"], ratio["by"]) == (1, 1, None)


def test_one_slow_page_needs_two_pairs() -> None:
    assert_not_accused((SLOW, FREE), pages=[8_000.0])
    assert judged((SLOW, FREE), (SLOW | {"pair": 1}, FREE | {"pair": 1}), pages=[8_000.0])["state"] == "degraded"


LIMITS: dict[str, Callable[[], Limit]] = {
    "policer 64 kbit/s": lambda: Policer(8_000, 16_000),
    "policer 128 kbit/s": lambda: Policer(16_000, 32_000),
    "shaper 64 kbit/s": lambda: Shaper(8_000, 1.0),
    "shaper 128 kbit/s": lambda: Shaper(16_000, 0.5),
}


@pytest.mark.parametrize("name", LIMITS)
def test_simulated_limits_are_found(name: str) -> None:
    found = 0
    for seed in range(20):
        pair = side_by_side(SECONDS, LIMITS[name](), CrossTraffic(Random(seed), 1_000_000, 0.0))
        found += judged((of_transfer(pair[0]), of_transfer(pair[1])))["state"] == "degraded"
    assert found >= 19


def test_policer_drops_and_shaper_queues() -> None:
    policed = SLOW | {"repeated": 40}
    shaped = SLOW | {"round_trip": 1.9}
    assert judged((policed, FREE))["throughput_ratio"]["by"] == "policing"
    assert judged((shaped, FREE))["throughput_ratio"]["by"] == "shaping"
    unknown = {"segments": None, "repeated": None, "round_trip": None, "least_round_trip": None}
    assert judged((policed | {"round_trip": 1.9}, FREE))["throughput_ratio"]["by"] == "shaping"  # its queue is full
    two = (policed, FREE), (shaped | {"pair": 1}, FREE | {"pair": 1})
    assert judged(*two)["throughput_ratio"]["by"] is None
    assert judged((SLOW | unknown, FREE | unknown))["throughput_ratio"]["by"] is None


def test_endpoint_has_the_rate_under_each_name() -> None:
    record = judged((SLOW, FREE), (SLOW | {"pair": 1}, FREE | {"pair": 1}))
    ratio = record["throughput_ratio"]
    (compared,) = [each["throughput"] for each in record["endpoints"] if "throughput" in each]
    assert compared["pairs"] == 2 and compared["low"] < compared["rate"] < compared["high"]
    for key, part in (("rate", "estimate"), ("low", "low"), ("high", "high")):
        assert compared[key] == pytest.approx(compared["innocuous_rate"] * ratio[part], rel=0.01)
    assert all("throughput" not in each for each in judged()["endpoints"])


def test_service_that_does_not_work_keeps_its_state() -> None:
    record = judged((SLOW, FREE), pages=(), outcome="tls:connection_reset")
    assert record["state"] != "degraded" and "tls.throttle.sni" not in record["mechanisms"]


# -- look-alikes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 30_000])
def test_slow_line_or_tariff_limits_both(rate: int) -> None:
    assert_not_accused((entry(rate), entry(rate)))


def test_slow_server_is_slow_for_the_control_too() -> None:
    assert_not_accused((FREE, FREE), control=[9_000.0])
    assert_not_accused((SLOW, FREE), control=[9_000.0])


def test_fast_and_short_pages_are_not_slow() -> None:
    assert_not_accused((SLOW, FREE), pages=[150_000.0, 90_000.0])
    assert_not_accused((SLOW, FREE), pages=())


def test_page_that_did_not_come_to_its_end_is_not_slow() -> None:
    """Test pages that a freeze after some bytes ends. That is another mechanism."""
    measurement = measured((SLOW, FREE))
    for request in measurement["test_keys"]["x_endpoints"]["requests"]:
        request["response"]["x_body_failure"] = TIMEOUT
    (record,) = judge_measurement(measurement, file="a", number=1)
    assert (record["state"], record["mechanisms"]) == ("ok", [])


def test_pages_without_a_control_accuse_nothing() -> None:
    assert_not_accused((SLOW, FREE), control=())


@pytest.mark.parametrize("seed", range(20))
def test_other_traffic_of_the_user_is_no_limit(seed: int) -> None:
    for line in ((200_000, 0.5), (150_000, 0.8)):
        pair = side_by_side(SECONDS, None, CrossTraffic(Random(seed), *line))
        assert_not_accused((of_transfer(pair[0]), of_transfer(pair[1])))


@pytest.mark.parametrize("seed", range(10))
def test_uneven_transfers_are_no_limit(seed: int) -> None:
    """Test the line of a crowded Wi-Fi, whose throughput changes by chance."""
    assert_not_accused((entry(by_chance(50_000, seed)), entry(by_chance(70_000, seed + 100))))


@pytest.mark.parametrize(("repeated", "state"), [(3, "degraded"), (30, "degraded"), (60, "ok")])
def test_line_that_loses_packets_of_the_innocuous_name_too_shows_no_limit(repeated: int, state: str) -> None:
    """Test a line that loses one packet in five: one of two transfers may receive nothing by chance."""
    innocuous = FREE | {"segments": 380, "repeated": repeated}
    assert judged((SLOW | {"repeated": 60}, innocuous))["state"] == state
    assert judged((entry(0) | {"failure": TIMEOUT}, innocuous | {"repeated": 60}))["state"] == "ok"


def test_stall_in_the_middle_is_no_limit() -> None:
    stall: Callable[[float], float] = lambda at: 0.0 if 2.0 < at < 4.5 else PACE * 1.5  # noqa: E731
    assert_not_accused((entry(stall), FREE))


def test_connection_that_stops_is_not_called_slow() -> None:
    """Test a flow that is frozen after some bytes. That is another mechanism."""
    assert_not_accused((entry(lambda at: 16_000 if at < 1.5 else 0.0), FREE))


def test_innocuous_transfer_below_its_pace_shows_nothing() -> None:
    assert_not_accused((entry(4_000), entry(45_000)))
    assert judged((entry(4_000), entry(45_000)))["throughput_ratio"] is None


def test_pair_that_contradicts_ends_the_accusation() -> None:
    assert_not_accused((SLOW, FREE), (FREE | {"pair": 1}, FREE | {"pair": 1}))


@pytest.mark.parametrize("failure", [HELPER_BUSY, INTERRUPTED, BUDGET])
@pytest.mark.parametrize("place", [0, 1])
def test_disturbed_transfer_shows_nothing(failure: str, place: int) -> None:
    pair = [SLOW, FREE]
    pair[place] = pair[place] | {"failure": failure}
    assert_not_accused((pair[0], pair[1]))


def test_short_and_broken_transfers_show_nothing() -> None:
    assert_not_accused((SLOW | {"received": SLOW["received"][:58], "lasted": 2.9, "failure": EOF}, FREE))
    assert_not_accused((SLOW | {"asked": None, "received": [], "failure": TIMEOUT}, FREE))
    assert_not_accused((SLOW | {"asked": 20.0}, FREE))  # not side by side


@pytest.mark.parametrize(
    "broken",
    [
        {"received": None},
        {"received": ["x"]},
        {"received": [-1] * 100},
        {"received": [1.5]},
        {"received": [1] * 5_000},
        {"interval": 0},
        {"interval": "x"},
        {"pace": None},
        {"asked": "soon"},
        {"lasted": -1},
        {"segments": 0, "repeated": 5},
        {"round_trip": "x"},
    ],
)
def test_malformed_entries_accuse_nothing_by_themselves(broken: Entry) -> None:
    for pair in ((FREE | broken, FREE), (FREE, FREE | broken)):
        assert_not_accused(pair)


# -- at the higher pace -----------------------------------------------------------------------------------------------

NEAR = entry(33_000), FREE  # a name that gets 264 kbit/s


def fast(rate: float, other: float = 2 * PACE) -> tuple[Entry, Entry]:
    """Return a later pair at twice the pace."""
    both = (entry(rate, total=2 * TOTAL), entry(other, total=2 * TOTAL))
    return both[0] | {"pair": 1, "pace": 2 * PACE}, both[1] | {"pair": 1, "pace": 2 * PACE}


def test_limit_near_the_pace_is_found_at_the_higher_one() -> None:
    assert_not_accused(NEAR)
    record = judged(NEAR, fast(33_000))
    assert (record["state"], record["mechanisms"]) == ("degraded", ["tls.throttle.sni"])
    ratio = record["throughput_ratio"]
    assert (ratio["pairs"], ratio["pairs_limited"]) == (1, 1)
    assert ratio["estimate"] == pytest.approx(33 / 128, abs=0.01) and ratio["high"] < 0.5


def test_bursts_of_the_first_pair_do_not_hide_the_limit() -> None:
    """Show that a wide interval of the first pair decides nothing. TCP makes up for lost segments in bursts."""
    named, innocuous = NEAR
    sizes = named["received"]
    parts = range(0, len(sizes), 20)
    bursts = [size * (2 if n % 2 else 0) for n, at in enumerate(parts) for size in sizes[at : at + 20]]
    first = (named | {"received": bursts}, innocuous)
    assert_not_accused(first)
    assert judged(first, fast(33_000))["mechanisms"] == ["tls.throttle.sni"]


@pytest.mark.parametrize(
    "pairs",
    [
        (NEAR, fast(128_000)),  # the first pair was an accident
        (NEAR, fast(64_000)),  # 512 kbit/s
        (NEAR, fast(33_000, 90_000)),  # the line does not carry it
        (NEAR, fast(90_000, 90_000)),
        ((FREE, FREE), fast(33_000)),  # the first pair contradicts
    ],
)
def test_other_pairs_at_the_higher_pace_accuse_nothing(pairs: tuple[tuple[Entry, Entry], ...]) -> None:
    assert_not_accused(*pairs)


# -- what shows it ----------------------------------------------------------------------------------------------------


def test_every_engine_and_the_store_give_the_same_record() -> None:
    measurement = measured((SLOW | {"repeated": 40}, FREE))
    (plain,) = judge_measurement(measurement, file="a", number=1)
    for engine in (SQLiteEngine(), DuckDBEngine()):
        assert judge_measurement(measurement, file="a", number=1, engine=engine) == [plain]
    facts = flat_measurement_of(measurement)
    assert len(facts.transfers) == 1
    stored = flatten(facts, measurement, line_hash="00", size=1, file="a", number=1)
    assert facts_from(stored.measurement, stored.observations) == facts


def test_sentence_has_the_interval() -> None:
    record = judged((SLOW, FREE))
    low, high = record["throughput_ratio"]["low"], record["throughput_ratio"]["high"]
    said = plain_sentence(record)
    assert f"{floor(100 * low)} to {ceil(100 * high)} of 100 bytes arrive" in said


def test_transfers_are_among_the_deciding_transactions() -> None:
    measurement = measured((SLOW, FREE))
    facts = flat_measurement_of(measurement)
    (record,) = judge_measurement(measurement, file="a", number=1)
    deciding = MeasurementEvidence(facts, [record], SQLiteEngine()).deciding(record["service"])
    (row,) = facts.transfers
    assert {row.transaction_id, row.innocuous_transaction_id} <= set(deciding)


def test_app_says_that_pages_are_slowed_down() -> None:
    record = judged((SLOW, FREE))
    (app,) = judge_apps([record], {}, SQLiteEngine())
    assert (app["state"], app["mechanisms"]) == ("degraded", ["tls.throttle.sni"])
    assert reason_of([record]) == "Pages are slowed down."


# -- in the clear -----------------------------------------------------------------------------------------------------

CLEAR_URL = "http://web.telegram.org:80/"
CLEAR: Entry = {"server_name": "", "http_host": "web.telegram.org"}


def test_limited_host_header_is_degraded_with_its_own_mechanism() -> None:
    record = judged((SLOW | CLEAR, FREE | CLEAR), url=CLEAR_URL)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["http.throttle.host"])
    assert record["rule_id"] == "service_name_throttled"
    assert record["throughput_ratio"]["high"] < 0.5 and record["throughput_ratio"]["pairs"] == 1
    assert reason_of([record]) == "Pages are slowed down."


@pytest.mark.parametrize("url", [CLEAR_URL, URL])
@pytest.mark.parametrize("clear", [{}, CLEAR])
def test_pair_counts_only_beside_slow_pages_over_its_own_protocol(url: str, clear: Entry) -> None:
    record = judged((SLOW | clear, FREE | clear), url=url)
    assert (record["state"] == "degraded") is ((url == CLEAR_URL) is (clear == CLEAR))


def test_tariff_and_slow_server_without_tls_are_not_accused() -> None:
    assert_not_accused((SLOW | CLEAR, SLOW | CLEAR), url=CLEAR_URL)
    assert_not_accused((SLOW | CLEAR, FREE | CLEAR), url=CLEAR_URL, control=[9_000.0])
    assert_not_accused((SLOW | CLEAR, FREE | CLEAR), url=CLEAR_URL, pages=[8_000.0])


def test_pairs_over_both_protocols_are_not_mixed() -> None:
    clear = {"pair": 1} | CLEAR
    record = judged((FREE, FREE), (SLOW | clear, FREE | clear), url=CLEAR_URL)
    assert record["mechanisms"] == ["http.throttle.host"]
    assert record["throughput_ratio"]["pairs"] == record["throughput_ratio"]["pairs_limited"] == 1
    both = judged((SLOW, FREE), (FREE | clear, FREE | clear))
    assert both["mechanisms"] == ["tls.throttle.sni"] and both["throughput_ratio"]["estimate"] < 0.2


def test_facts_of_an_earlier_store_are_pairs_over_tls() -> None:
    measurement = measured((SLOW, FREE))
    facts = flat_measurement_of(measurement)
    stored = flatten(facts, measurement, line_hash="00", size=1, file="a", number=1)
    written = stored.measurement["facts"]
    older = stored.measurement | {"facts": written.replace(',"protocol":"tls","other_page_rate":null', "")}
    assert older["facts"] != written
    assert facts_from(older, stored.observations) == facts

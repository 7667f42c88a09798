"""Test verdicts about the packets of calls, and what looks like interference with them and is none."""

import json
from functools import partial
from operator import le
from random import Random
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.store.flatten import facts_from, flatten
from probe.analysis.verdicts.app_verdicts import judge_apps
from probe.analysis.verdicts.deciding_evidence import MeasurementEvidence
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_each, judge_measurement, to_json
from probe.formats.failures import HELPER_BUSY, INTERRUPTED
from tests.analysis.outcomes.calls.test_calls import url_of
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.media import Lost, entry, followups, unopened

Entry = dict[str, Any]
OPAQUE = entry("opaque")
RTP = entry("rtp")
COLUMNS = {"media.silence": "silent", "media.cutoff": "cut", "media.throttle": "throttled"} | {
    "media.loss": "lost",
    "media.jitter": "late",
}


def by_chance(share: float, seed: int = 1) -> Lost:
    random = Random(seed)
    chosen = {number for number in range(500) if random.random() < share}
    return chosen.__contains__


def call(*entries: Entry, media: str | None = "rtp", outcome: str = "", works_if: str = "all") -> dict[str, Any]:
    """Return a measurement of a STUN server and of these flows."""
    url = url_of("stun")
    lines = Lines({"calls": [url]}, works_if=works_if, target="signal")
    if outcome:
        lines.twice(url, GENUINE, outcome)
    else:
        lines.first(url, GENUINE)
    lines.control(url, GENUINE)
    measurement = lines.line()
    keys, made = measurement["test_keys"], followups(*entries)
    keys["x_target"]["services"]["calls"] |= {"media": media, "needs": ["calls"]}
    keys["x_transactions"] += made["x_transactions"]
    keys.setdefault("x_followups", {})["media"] = made["x_followups"]["media"]
    return measurement


def judged(*entries: Entry, **about: Any) -> dict[str, Any]:
    (record,) = judge_measurement(call(*entries, **about), file="a", number=1)
    return record


def conclusion(*entries: Entry, **about: Any) -> tuple[Any, list[str]]:
    record = judged(*entries, **about)
    return record["state"], record["mechanisms"]


def jittery(number: int) -> float:
    return 0.2 * (number * 7919 % 10 < 4)


BAD: dict[str, list[Entry]] = {
    "media.silence": [entry("rtp", forth=lambda number: True), unopened("rtp"), unopened("rtp", failure="refused")],
    "media.cutoff": [entry("rtp", forth=partial(le, cut)) for cut in (8, 250, 390)],
    "media.throttle": [
        entry("rtp", back=lambda number: number > 40 and number % 2 == 1),
        entry("rtp", delay=lambda number: number * 0.02),
        entry("rtp", delay=lambda number: number * 0.02, back=lambda number: number >= 270),
    ],
    "media.loss": [entry("rtp", forth=by_chance(0.3)), entry("rtp", back=by_chance(0.3))],
    "media.jitter": [
        entry("rtp", delay=jittery),
        entry("rtp", delay=lambda number: 0.3 if number > 250 else 0.0),
    ],
}


@pytest.mark.parametrize(("mechanism", "flow"), [(name, flow) for name, flows in BAD.items() for flow in flows])
def test_worse_packets_of_a_call_are_degraded(mechanism: str, flow: Entry) -> None:
    record = judged(flow, OPAQUE)
    assert (record["state"], record["mechanisms"]) == ("degraded", [mechanism])
    assert record["rule_id"] == f"service_media_{COLUMNS[mechanism]}" and record["pass_rate"] is None
    assert record["proof"] == "stun" and record["media"]["opaque_loss"] == [0.0, 0.0, 0.051]


@pytest.mark.parametrize("outcome", ["generic_timeout_error"])
def test_service_that_does_not_work_keeps_its_state(outcome: str) -> None:
    without = conclusion(outcome=f"payload:{outcome}")
    assert conclusion(BAD["media.loss"][0], OPAQUE, outcome=f"payload:{outcome}") == without


def test_only_a_service_with_the_shape_is_judged() -> None:
    for media in (None, "other"):
        record = judged(BAD["media.loss"][0], OPAQUE, media=media)
        assert (record["state"], record["media"]) == ("ok", None)


# -- shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["rtp", "whatsapp", "reflector"])
@pytest.mark.parametrize("bad", ["rtp", "whatsapp", "reflector"])
def test_app_is_judged_by_the_pairs_of_its_own_shape(shape: str, bad: str) -> None:
    """Check with one pair of each shape, of which one loses packets, that only this shape's app is accused."""
    names = ("rtp", "whatsapp", "reflector")
    lost = by_chance(0.3)
    flows = [
        entry(name, forth=lost, pair=pair) if name == bad else entry(name, pair=pair) for pair, name in enumerate(names)
    ]
    record = judged(*flows, *(OPAQUE | {"pair": pair} for pair in range(3)), media=shape)
    expected = ("degraded", ["media.loss"]) if shape == bad else ("ok", [])
    assert (record["state"], record["mechanisms"]) == expected
    assert (record["media"]["shape"], record["media"]["pairs"]) == (shape, 1)


def relays(control: str, *entries: Entry, tcp: str = "generic_timeout_error") -> dict[str, Any]:
    """Return a measurement of a call relay of Telegram that is silent over UDP, with this result at the helper."""
    urls = [f"reflector://{GENUINE}:597", f"reflector+tcp://{GENUINE}:597"]
    lines = Lines({"calls": urls}, works_if="any", target="telegram")
    for url, outcome in zip(urls, ("generic_timeout_error", tcp), strict=True):
        lines.twice(url, GENUINE, f"payload:{outcome}")
        lines.control(url, GENUINE, control)
    measurement = lines.line()
    keys, made = measurement["test_keys"], followups(*entries)
    keys["x_target"]["services"]["calls"] |= {"media": "reflector", "needs": ["calls"]}
    keys["x_transactions"] += made["x_transactions"]
    keys.setdefault("x_followups", {})["media"] = made["x_followups"]["media"]
    return measurement


NO_STRANGER = "payload:generic_timeout_error"  # at the helper too


def test_packets_are_judged_where_relays_answer_no_stranger() -> None:
    """Check that frames that are lost are told, although the relays show nothing."""
    (unknown,) = judge_measurement(relays(NO_STRANGER, entry("reflector"), OPAQUE), file="a", number=1)
    assert (unknown["state"], unknown["mechanisms"]) == ("insufficient", [])
    lost = entry("reflector", forth=by_chance(0.3))
    (record,) = judge_measurement(relays(NO_STRANGER, lost, OPAQUE), file="a", number=1)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["media.loss"])
    other = entry("rtp", forth=by_chance(0.3))
    (record,) = judge_measurement(relays(NO_STRANGER, other, OPAQUE), file="a", number=1)
    assert (record["state"], record["media"]) == ("insufficient", None)


def test_accused_relays_keep_their_state() -> None:
    lost = entry("reflector", forth=by_chance(0.3))
    (without,) = judge_measurement(relays("ok", entry("reflector"), OPAQUE), file="a", number=1)
    (record,) = judge_measurement(relays("ok", lost, OPAQUE), file="a", number=1)
    assert record["state"] == without["state"] == "likely_blocked" and record["mechanisms"] == without["mechanisms"]


# -- look-alikes -----------------------------------------------------------------------------------------------------

SAME: list[dict[str, Any]] = [
    {"forth": by_chance(0.2, 3)},  # Wi-Fi
    {"forth": lambda number: 100 <= number < 300},  # an outage in the middle
    {"forth": lambda number: number >= 250},  # an outage at the end
    {"back": lambda number: number > 40 and number % 6 == 5},  # a tariff of 64 kbit/s
    {"delay": lambda number: number * 0.01},  # a full queue
    {"delay": jittery},
    {"forth": lambda number: number >= 495},
]


@pytest.mark.parametrize("place", range(len(SAME)))
def test_line_that_is_bad_for_both_flows_accuses_nothing(place: int) -> None:
    both = SAME[place]
    assert conclusion(entry("rtp", **both), entry("opaque", **both)) == ("ok", [])


def test_independent_losses_of_equal_share_accuse_nothing() -> None:
    for seed in range(20):
        one, other = by_chance(0.1, seed), by_chance(0.1, 100 + seed)
        assert conclusion(entry("rtp", forth=one), entry("opaque", forth=other)) == ("ok", [])


@pytest.mark.parametrize("least", [0.0, 0.09])
def test_independent_delays_of_equal_spread_accuse_nothing(least: float) -> None:
    """Test delays that vary for all packets. One packet of each flow found no queue, and delays count from it."""
    for seed in range(5):
        one, other = Random(seed), Random(100 + seed)
        call = [0.0, *(least + one.uniform(0.0, 0.05) for _ in range(499))]
        random_one = [0.0, *(other.uniform(0.0, 0.05) for _ in range(499))]
        flows = entry("rtp", delay=call.__getitem__), entry("opaque", delay=random_one.__getitem__)
        assert conclusion(*flows) == ("ok", [])


def test_tariff_that_one_flow_gets_less_of_accuses_nothing() -> None:
    """Lose packets at a constant rate, most of them of one flow, because both meet the limit in the same phase."""
    one = entry("rtp", forth=lambda number: number > 40 and number % 4 != 0)
    other = entry("opaque", forth=lambda number: number > 40 and number % 4 == 0)
    assert conclusion(one, other) == ("ok", [])


def test_network_without_udp_accuses_nothing() -> None:
    record = judged(unopened("rtp"), unopened("opaque"))
    assert (record["state"], record["media"]) == ("ok", None)


@pytest.mark.parametrize("failure", [HELPER_BUSY, INTERRUPTED, "unknown_failure: too many open files"])
def test_flow_that_the_helper_or_this_computer_stopped_accuses_nothing(failure: str) -> None:
    assert conclusion(unopened("rtp", failure=failure), OPAQUE) == ("ok", [])
    assert conclusion(RTP, unopened("opaque", failure=failure)) == ("ok", [])


def test_limits_of_the_helper_accuse_nothing() -> None:
    lossy: dict[str, Any] = {"forth": by_chance(0.3), "refused": 150}
    assert conclusion(entry("rtp", **lossy), OPAQUE) == ("ok", [])


def test_late_sender_accuses_nothing() -> None:
    lossy: dict[str, Any] = {"forth": by_chance(0.3), "late": by_chance(0.1, 5)}
    assert conclusion(entry("rtp", **lossy), OPAQUE) == ("ok", [])


@pytest.mark.parametrize("length", [25, 50, 100, 200, 300])
def test_single_burst_that_hits_one_flow_accuses_nothing(length: int) -> None:
    assert conclusion(entry("rtp", forth=lambda number: 100 <= number < 100 + length), OPAQUE) == ("ok", [])


def test_short_silence_at_the_end_accuses_nothing() -> None:
    assert conclusion(entry("rtp", forth=lambda number: number >= 420), OPAQUE) == ("ok", [])


def test_outage_that_only_the_opaque_flow_survives_accuses_nothing() -> None:
    """Break the line at 5 s. The router forgets one of two mappings, as if it had been started again."""
    other = entry("opaque", forth=lambda number: 250 <= number < 350)
    assert conclusion(entry("rtp", forth=lambda number: number >= 250), other) == ("ok", [])


def test_lost_handshake_on_a_bad_line_accuses_nothing() -> None:
    assert conclusion(unopened("rtp"), entry("opaque", forth=by_chance(0.2))) == ("ok", [])
    assert conclusion(unopened("rtp"), entry("opaque", round_trip=0.7)) == ("ok", [])
    assert conclusion(unopened("rtp"), entry("opaque", forth=lambda number: number < 40)) == ("ok", [])


def test_few_percent_accuse_nothing() -> None:
    assert conclusion(entry("rtp", forth=by_chance(0.04)), OPAQUE) == ("ok", [])


@pytest.mark.parametrize("other", [unopened("opaque"), entry("opaque", forth=by_chance(0.4))])
def test_network_that_passes_only_calls_is_an_anomaly(other: Entry) -> None:
    record = judged(RTP, other)
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["protocol.drop"])


@pytest.mark.parametrize("followup", ["media_shape", "media_opaque"])
def test_pair_without_one_of_its_flows_accuses_nothing(followup: str) -> None:
    line = call(BAD["media.loss"][0], OPAQUE)
    keys = line["test_keys"]
    keys["x_transactions"] = [each for each in keys["x_transactions"] if each["followup"] != followup]
    (record,) = judge_measurement(line, file="a", number=1)
    assert (record["state"], record["media"]) == ("ok", None)


def test_verdict_rests_on_both_flows() -> None:
    facts = flat_measurement_of(line := call(BAD["media.loss"][0], OPAQUE))
    records = judge_measurement(line, file="a", number=1)
    with SQLiteEngine() as engine:
        deciding = MeasurementEvidence(facts, records, engine).deciding("signal/calls")
    assert deciding[-2:] == [900, 901]


def test_store_keeps_the_figures() -> None:
    line = call(BAD["media.loss"][0], OPAQUE)
    facts = flat_measurement_of(line)
    flat = flatten(facts, line, line_hash="", size=1, file="a", number=1)
    assert facts_from(flat.measurement, flat.observations).media == facts.media != ()


# -- several pairs ---------------------------------------------------------------------------------------------------


def three(*bad: bool) -> list[Entry]:
    return [
        each | {"pair": pair}
        for pair, is_bad in enumerate(bad)
        for each in (BAD["media.loss"][0] if is_bad else RTP, OPAQUE)
    ]


@pytest.mark.parametrize(
    ("bad", "state", "certainty"),
    [
        ((True,), "degraded", "likely"),
        ((True, True), "degraded", "likely"),
        ((True, False), "ok", "certain"),
        ((True, False, False), "ok", "certain"),
        ((True, True, False), "degraded", "likely"),
        ((True, True, True), "degraded", "certain"),
    ],
)
def test_most_pairs_must_agree_and_three_are_certain(bad: tuple[bool, ...], state: str, certainty: str) -> None:
    measurement = call(*three(*bad))
    records = judge_measurement(measurement, file="a", number=1)
    (app,) = judge_apps(records, {"signal": measurement["test_keys"]["x_target"]})
    assert (records[0]["state"], app["certainty"]) == (state, certainty)
    affected = sum(bad) if state == "degraded" else 0
    assert (records[0]["media"]["pairs"], records[0]["media"]["pairs_affected"]) == (len(bad), affected)


# -- figures and sentences -------------------------------------------------------------------------------------------


def test_worse_direction_is_named_with_its_interval() -> None:
    media = judged(entry("rtp", forth=by_chance(0.3), back=by_chance(0.5, 2)), OPAQUE)["media"]
    assert media["direction"] == "back" and media["loss"][1] < 0.5 < media["loss"][2]
    media = judged(entry("rtp", forth=by_chance(0.3)), OPAQUE)["media"]
    assert media["direction"] == "forth" and media["loss"][1] < 0.3 < media["loss"][2]
    assert media["loss_difference"][1] >= 0.05


def test_rate_and_cutoff_are_named() -> None:
    assert judged(BAD["media.throttle"][0], OPAQUE)["media"]["rate"] == pytest.approx(32_000)
    media = judged(BAD["media.cutoff"][1], OPAQUE)["media"]
    assert (media["cutoff_packet"], media["cutoff_time"], media["direction"]) == (250, 5.0, "both")


@pytest.mark.parametrize(
    ("mechanism", "words"),
    [
        ("media.loss", "get lost: 27 to 36 of 100."),
        ("media.cutoff", "stop after 5 seconds"),
        ("media.throttle", "slowed down to 32 kbit/s"),
        ("media.jitter", "come too late: 32 to 49 of 100."),
        ("media.silence", "disappear between this network and our test helper"),
    ],
)
def test_sentence_has_the_figures(mechanism: str, words: str) -> None:
    flow = BAD[mechanism][1 if mechanism == "media.cutoff" else 0]
    assert words in plain_sentence(judged(flow, OPAQUE), {"title": "Signal"})


def test_engines_agree() -> None:
    lines = [call(flow, OPAQUE) for flows in BAD.values() for flow in flows] + [call(*three(True, True, False))]
    located = [("a", 1, line) for line in lines]
    with DuckDBEngine() as engine:
        here, there = ([list(map(to_json, each)) for _, each in judge_each(located, by)] for by in (None, engine))
    assert here == there and all(here)


@pytest.mark.parametrize(
    "broken",
    [
        {"late": "x"},
        {"forth": [1, 2]},
        {"back": [True] * 500},
        {"interval": 0},
        {"size": None},
        {"forth": list(range(10_000))},
        {"pair": "x", "shape": 3},
        {"interval": 1e300, "late": [10**8] * 500},
        {"back": [10**12] * 500},
    ],
)
def test_broken_entry_accuses_nothing(broken: dict[str, Any]) -> None:
    record = judged(BAD["media.loss"][0] | broken, OPAQUE)
    assert record["state"] == "ok"
    json.dumps(record, allow_nan=False)


# -- flows of any shape that stop -------------------------------------------------------------------------------------

FROZEN = {"same_port_answered": False, "new_port_answered": True}


def stopped(shape: str, first: int = 250, **answered: bool) -> Entry:
    """Return a flow of which nothing comes back from a packet on."""
    return entry(shape, forth=partial(le, first), **answered)


def test_flows_of_both_shapes_that_freeze_are_noted() -> None:
    record = judged(stopped("rtp", **FROZEN), stopped("opaque", 255, **FROZEN))
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], ["flow.freeze"])
    assert record["rule_id"] == "service_datagram_flows_freeze"
    assert "after 5 seconds" in plain_sentence(record) and "firewall" in plain_sentence(record)


@pytest.mark.parametrize(
    "flows",
    [
        (stopped("rtp"), stopped("opaque")),  # of an older probe, which did not ask
        (stopped("rtp", **FROZEN), OPAQUE),
        (stopped("rtp", **FROZEN), stopped("opaque", **FROZEN | {"same_port_answered": True})),  # a router forgot one
        (stopped("rtp", **FROZEN | {"new_port_answered": False}), stopped("opaque", **FROZEN)),  # an outage
        (stopped("rtp", 100, **FROZEN), stopped("opaque", 300, **FROZEN)),  # at different times
    ],
)
def test_other_flows_that_stop_are_not_noted(flows: tuple[Entry, Entry]) -> None:
    assert "flow.freeze" not in judged(*flows)["anomalies"]


def test_half_of_the_pairs_is_too_few() -> None:
    frozen = (stopped("rtp", **FROZEN), stopped("opaque", **FROZEN))
    whole = (entry("rtp", pair=1), entry("opaque", pair=1))
    assert judged(*frozen, *whole)["anomalies"] == []

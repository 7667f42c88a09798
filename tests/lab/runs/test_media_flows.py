"""Test that figures of media flows contain what the lab does to their packets, and that the lab keeps their pace."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from probe.analysis.statistics.flow_cutoff import permanent_gap, plateau
from probe.analysis.statistics.media_flow import MediaFlow, delay_change, jitter, longest_gap, loss
from probe.analysis.statistics.recorded_flow import Directions, directions
from tests.support.lab.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

BITS = 8 * 188  # of an IPv4 packet of a flow
CHANCE = 0.01  # of opaque packets that look like RTP, at most
STEADY = 0.015  # seconds of jitter that a busy computer may cause
SHAPES = ("rtp", "opaque")


def of(name: str) -> Any:
    """Return a mark that makes `outcome` the outcome of a scenario."""
    return pytest.mark.lab_run(name)


def keys_of(outcome: LabOutcome) -> dict[str, Any]:
    """Return the test keys of the only measurement."""
    (line,) = [line for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    keys: dict[str, Any] = json.loads(line)["test_keys"]
    return keys


def entries_of(outcome: LabOutcome) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the media entries by shape and number of the pair."""
    keys = keys_of(outcome)
    assert keys["x_run"]["media"] == "measured"
    return {(entry["shape"], entry["pair"]): entry for entry in keys["x_followups"]["media"]}


def flows_of(outcome: LabOutcome, pair: int = 0) -> tuple[Directions, Directions]:
    """Return the flow of the app's shape and the opaque one."""
    entries = entries_of(outcome)
    rtp, opaque = (
        directions(entry["late"], entry["forth"], entry["back"], entry["interval"])
        for entry in (entries[shape, pair] for shape in SHAPES)
    )
    return rtp, opaque


def contain(flows: Iterable[MediaFlow], share: float) -> list[bool]:
    return [found.low <= share <= found.high for found in map(loss, flows)]


@of("media-clean")
def test_lab_loses_and_delays_no_packet_by_itself(outcome: LabOutcome) -> None:
    for flow in (one for shape in flows_of(outcome) for one in (shape.forth, shape.back)):
        assert len(flow.sent) == 500 and flow.lost == 0
        assert jitter(flow) < STEADY
        change = delay_change(flow)
        assert change is not None and abs(change.value) < 0.02


@of("media-wifi")
def test_losses_of_all_packets_are_in_both_flows(outcome: LabOutcome) -> None:
    for shape in flows_of(outcome):
        assert 0.03 < loss(shape.forth).value < 0.19 and 0.03 < loss(shape.back).value < 0.19
        gap = longest_gap(shape.both)
        assert gap is not None and gap.packets > 2, "in bursts"


@of("media-lossy")
def test_intervals_of_both_flows_contain_the_share_of_all(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    assert sum(contain((rtp.forth, rtp.back, opaque.forth, opaque.back), 0.1)) >= 3


@of("media-outage")
def test_outage_of_the_line_is_in_both_flows(outcome: LabOutcome) -> None:
    for shape in flows_of(outcome):
        gap = longest_gap(shape.both)
        assert gap is not None and 190 < gap.first < 202 and 2.9 < gap.seconds < 3.3
        assert permanent_gap(shape.both) is None


@of("media-nat")
def test_new_mapping_cuts_both_flows(outcome: LabOutcome) -> None:
    for shape in flows_of(outcome):
        gap = permanent_gap(shape.both)
        assert gap is not None and 180 < gap.first < 202


@of("media-tariff")
def test_limit_of_all_packets_is_shared_by_both_flows(outcome: LabOutcome) -> None:
    both = [plateau(shape.forth, BITS) for shape in flows_of(outcome)]
    rates = [rate for rate in both if rate is not None]
    assert len(rates) == 2 and sum(rate.low for rate in rates) <= 64_000
    assert sum(rate.value for rate in rates) > 45_000


@of("media-delays")
def test_delays_of_all_packets_are_in_both_flows(outcome: LabOutcome) -> None:
    for flow in (one for shape in flows_of(outcome) for one in (shape.forth, shape.back)):
        assert flow.lost == 0 and 0.01 < jitter(flow) < 0.06


@of("media-busy")
def test_busy_helper_is_named(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)
    assert keys["x_run"]["media"] == "helper_busy"
    assert not any(entry["established"] for entry in keys["x_followups"]["media"])


@of("media-one-place")
def test_helper_with_one_place_is_named_and_takes_one_flow(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)
    assert keys["x_run"]["media"] == "helper_busy"
    assert sum(entry["established"] for entry in keys["x_followups"]["media"]) == 1


@of("media-hotel")
def test_line_without_udp_gets_no_flow(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)
    assert keys["x_run"]["media"] == "no_udp" and not keys["x_followups"].get("media")


@of("media-one-burst")
def test_one_burst_is_a_gap_of_one_flow(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    gap = longest_gap(rtp.forth)
    assert gap is not None and (gap.first, gap.packets) == (200, 25)
    other = longest_gap(opaque.forth)
    assert other is None or other.packets < 3

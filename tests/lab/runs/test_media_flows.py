"""Test that figures of media flows contain what the lab does to their packets, and that the lab keeps their pace."""

from itertools import pairwise
from statistics import median

import pytest

from probe.analysis.statistics.flow_limits import permanent_gap, plateau
from probe.analysis.statistics.media_flow import MediaFlow, delay_change, longest_gap, loss
from probe.formats.exchanges.media import LOST
from tests.support.lab.media_outcome import BITS, CHANCE, contain, entries_of, flows_of, keys_of, of
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

STEADY = 0.01  # seconds between successive delays that a busy computer may add, in the median
SHAPES = ("rtp", "opaque")


def usual_jitter(flow: MediaFlow) -> float:
    """Return the median difference of successive delays in seconds.

    The interarrival jitter of RFC 3550 depends on the last packets, which a busy computer may delay.
    """
    return median(abs(flow.delay(other) - flow.delay(one)) for one, other in pairwise(flow.order))


@of("media-clean")
def test_lab_loses_and_delays_no_packet_by_itself(outcome: LabOutcome) -> None:
    for flow in (one for shape in flows_of(outcome) for one in (shape.forth, shape.back)):
        assert len(flow.sent) == 500 and flow.lost == 0
        assert usual_jitter(flow) < STEADY
        change = delay_change(flow)
        assert change is not None and abs(change.value) < 0.02


@of("media-wifi")
def test_losses_of_all_packets_are_in_both_flows(outcome: LabOutcome) -> None:
    for shape in flows_of(outcome):
        assert 0.02 < loss(shape.forth).value < 0.25 and 0.02 < loss(shape.back).value < 0.25
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
        assert gap is not None and 170 < gap.first < 202 and 2.9 < gap.seconds < 3.3
        assert permanent_gap(shape.both) is None


@of("media-nat")
def test_new_mapping_cuts_both_flows(outcome: LabOutcome) -> None:
    for shape in flows_of(outcome):
        gap = permanent_gap(shape.both)
        assert gap is not None and 170 < gap.first < 202


@of("media-tariff")
def test_limit_of_all_packets_is_shared_by_both_flows(outcome: LabOutcome) -> None:
    both = [plateau(shape.forth, BITS) for shape in flows_of(outcome)]
    rates = [rate for rate in both if rate is not None]
    assert len(rates) == 2 and sum(rate.low for rate in rates) <= 64_000
    assert sum(rate.value for rate in rates) > 45_000


@of("media-delays")
def test_delays_of_all_packets_are_in_both_flows(outcome: LabOutcome) -> None:
    for flow in (one for shape in flows_of(outcome) for one in (shape.forth, shape.back)):
        assert flow.lost == 0 and 0.004 < usual_jitter(flow) < 0.06  # a steady line has 0.0001


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


@of("media-loss")
def test_intervals_contain_the_share_that_a_censor_drops(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    assert contain((rtp.forth, rtp.back), 0.3) == [True, True]
    assert loss(opaque.forth).value < CHANCE and loss(opaque.back).value < CHANCE


@of("media-loss-back")
def test_loss_of_one_direction_is_in_that_direction(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    assert contain([rtp.back], 0.25) == [True]
    assert rtp.forth.lost == opaque.forth.lost == 0


@of("media-loss-deep")
def test_each_pair_of_a_deep_run_contains_the_share(outcome: LabOutcome) -> None:
    pairs = [flows_of(outcome, pair)[0] for pair in range(3)]
    assert sum(contain((flow for rtp in pairs for flow in (rtp.forth, rtp.back)), 0.3)) >= 5


@of("media-cutoff")
def test_cutoff_is_at_the_packet_of_the_censor(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    gap = permanent_gap(rtp.both)
    assert gap is not None and gap.first == 200
    assert 3.9 < rtp.both.sent[gap.first] - rtp.both.sent[0] < 4.1
    assert permanent_gap(opaque.both) is None


@of("media-cutoff-back")
def test_cutoff_is_at_the_second_of_the_censor(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    gap = permanent_gap(rtp.both)
    assert gap is not None and 4.9 < rtp.both.sent[gap.first] - rtp.both.sent[0] < 5.1
    assert permanent_gap(opaque.both) is None


@of("media-throttle")
def test_plateau_contains_the_rate_of_the_policer(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    rate = plateau(rtp.forth, BITS)
    assert rate is not None and rate.low <= 32_500 and rate.high >= 31_500
    assert plateau(opaque.forth, BITS) is None


@of("media-shaper")
def test_queue_of_the_shaper_is_in_the_delay(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    change, other = delay_change(rtp.forth), delay_change(opaque.forth)
    assert change is not None and 2.0 < change.value < 3.05
    assert other is not None and abs(other.value) < 0.05


@of("media-jitter")
def test_delays_of_one_shape_are_its_jitter(outcome: LabOutcome) -> None:
    rtp, opaque = flows_of(outcome)
    assert usual_jitter(rtp.forth) > 3 * usual_jitter(opaque.forth)
    assert rtp.forth.lost == 0


@of("media-silence")
def test_silence_of_the_shape_begins_behind_the_handshake(outcome: LabOutcome) -> None:
    entries = entries_of(outcome)
    rtp, opaque = (entries[shape, 0] for shape in SHAPES)
    assert (rtp["established"], rtp["sent"], rtp["returned"]) == (True, 500, 0)
    assert opaque["forth"].count(LOST) + opaque["back"].count(LOST) < 2 * CHANCE * 500


@of("media-handshake")
def test_silence_of_the_handshake_sends_no_packet(outcome: LabOutcome) -> None:
    entries = entries_of(outcome)
    assert (entries["rtp", 0]["established"], entries["rtp", 0]["sent"]) == (False, 0)
    assert entries["opaque", 0]["returned"] == 500

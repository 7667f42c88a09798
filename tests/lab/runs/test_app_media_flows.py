"""Test that figures of media flows shaped like WhatsApp and Telegram contain what the lab does to their packets."""

import json
from typing import Any

import pytest

from probe.analysis.statistics.flow_limits import permanent_gap, plateau
from probe.analysis.statistics.media_flow import longest_gap, loss
from tests.support.lab.media_outcome import BITS, CHANCE, contain, entries_in, entries_of, flows_in, flows_of, of
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OF_APPS = ("whatsapp", "reflector")


def of_apps(*names: str) -> Any:
    """Return a mark that makes `outcome` the outcome of each scenario, with its shape."""
    cases = [(shape, f"media-{shape}-{name}") for shape in OF_APPS for name in names]
    return pytest.mark.parametrize("shape", [pytest.param(shape, marks=of(name), id=name) for shape, name in cases])


@of_apps("loss")
def test_intervals_of_an_apps_shape_contain_the_share(outcome: LabOutcome, shape: str) -> None:
    flow, opaque = flows_of(outcome, shape=shape)
    assert contain((flow.forth, flow.back), 0.3) == [True, True]
    assert loss(opaque.forth).value < CHANCE and loss(opaque.back).value < CHANCE


@of_apps("throttle")
def test_plateau_of_an_apps_shape_contains_the_rate(outcome: LabOutcome, shape: str) -> None:
    flow, opaque = flows_of(outcome, shape=shape)
    rate = plateau(flow.forth, BITS)
    assert rate is not None and rate.low <= 32_500 and rate.high >= 31_500
    assert plateau(opaque.forth, BITS) is None


@of("media-whatsapp-cutoff")
def test_cutoff_of_whatsapps_shape_is_at_the_packet(outcome: LabOutcome) -> None:
    flow, opaque = flows_of(outcome, shape="whatsapp")
    gap = permanent_gap(flow.both)
    assert gap is not None and gap.first == 200 and permanent_gap(opaque.both) is None


@of("media-reflector-cutoff")
def test_cutoff_of_frames_is_at_the_second(outcome: LabOutcome) -> None:
    """Check the time since the first frame, which is a request before the packets."""
    flow, opaque = flows_of(outcome, shape="reflector")
    gap = permanent_gap(flow.both)
    assert gap is not None and 4.7 < flow.both.sent[gap.first] - flow.both.sent[0] < 5.1
    assert permanent_gap(opaque.both) is None


@of_apps("silence")
def test_silence_of_an_apps_shape_sends_no_packet(outcome: LabOutcome, shape: str) -> None:
    """Check that the requests of both shapes are what their censors recognise."""
    entries = entries_of(outcome)
    assert (entries[shape, 0]["established"], entries[shape, 0]["sent"]) == (False, 0)
    assert entries["opaque", 0]["returned"] == 500


@of("media-reflector-registered")
def test_frames_are_dropped_where_relays_answer_no_stranger(outcome: LabOutcome) -> None:
    entries = entries_of(outcome)
    assert not entries["reflector", 0]["established"] and entries["opaque", 0]["returned"] == 500


@of("media-reflector-unproven")
def test_lab_loses_no_frame_by_itself(outcome: LabOutcome) -> None:
    for flow in flows_of(outcome, shape="reflector"):
        assert len(flow.both.sent) == 500 and flow.both.lost == 0


@of("media-whatsapp-wifi")
def test_losses_of_all_packets_are_in_whatsapps_shape_and_beside_it(outcome: LabOutcome) -> None:
    for flow in flows_of(outcome, shape="whatsapp"):
        for found in (loss(flow.forth), loss(flow.back)):  # losses come in bursts, so the share of 10 s varies
            assert found.value > CHANCE and found.high > 0.03 and found.low < 0.25


@of("media-reflector-outage")
def test_outage_of_the_line_is_in_frames_and_beside_them(outcome: LabOutcome) -> None:
    for flow in flows_of(outcome, shape="reflector"):
        gap = longest_gap(flow.both)
        assert gap is not None and 170 < gap.first < 202 and 2.9 < gap.seconds < 3.3


@pytest.mark.parametrize(
    ("dropped", "app"),
    [
        pytest.param("whatsapp", "whatsapp", marks=of("media-shapes-whatsapp")),
        pytest.param("rtp", "signal", marks=of("media-shapes-webrtc")),
    ],
)
def test_pair_of_each_shape_is_in_its_own_app_alone(outcome: LabOutcome, dropped: str, app: str) -> None:
    lines = [json.loads(line) for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    by_app = {line["test_keys"]["x_target"]["name"]: entries_in(line["test_keys"]) for line in lines}
    shapes = {"signal": "rtp", "whatsapp": "whatsapp"}
    pairs = {name: sorted(pair for shape, pair in by_app[name] if shape == shapes[name]) for name in shapes}
    assert len(pairs["signal"] + pairs["whatsapp"]) == 3 and all(pairs.values())
    for name, shape in shapes.items():
        assert {found for found, _ in by_app[name]} == {shape, "opaque"} and len(by_app[name]) == 2 * len(pairs[name])
        flows = [flows_in(by_app[name], pair, shape) for pair in pairs[name]]
        if shape == dropped:
            directions_of_it = [way for flow, _ in flows for way in (flow.forth, flow.back)]
            assert name == app and sum(contain(directions_of_it, 0.3)) >= len(directions_of_it) - 1
        else:
            assert all(loss(flow.forth).value < CHANCE for flow, _ in flows)

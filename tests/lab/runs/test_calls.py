"""Test the figures of calls to the lab's helper, and that a failed call says how far it came."""

import json
from typing import Any

import pytest

from probe.formats import failures as f
from tests.support.lab.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

PACKETS = 150
RING = 0.2  # seconds for which the helper lets a call ring
ROUND_TRIP = 0.02  # of the lab's path
BUSY = 1.0  # seconds that a busy computer may add


def of(name: str) -> Any:
    """Return a mark that makes `outcome` the outcome of a scenario."""
    return pytest.mark.lab_run(name)


def keys_of(outcome: LabOutcome) -> dict[str, dict[str, Any]]:
    """Return the test keys of each measurement by its target, whose verdicts are all as expected."""
    assert outcome.finished.differences == []
    lines = [line for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    every = [json.loads(line)["test_keys"] for line in lines]
    return {keys["x_target"]["name"]: keys for keys in every}


def call_of(keys: dict[str, Any], name: str) -> dict[str, Any]:
    (entry,) = keys["x_followups"][name]
    found: dict[str, Any] = entry
    return found


@of("call-clean")
def test_both_calls_have_the_figures_of_the_lab(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)
    assert (keys["sip"]["x_run"]["calls"], keys["signal"]["x_run"]["calls"]) == (
        {"sip": "measured"},
        {"webrtc": "measured"},
    )
    sip, webrtc = call_of(keys["sip"], "sip_calls"), call_of(keys["signal"], "webrtc_calls")
    for entry in (sip, webrtc):
        assert (entry["failure"], entry["sent"], entry["returned"], entry["received"]) == (None, PACKETS, PACKETS, 0)
        assert ROUND_TRIP < entry["round_trip"] < ROUND_TRIP + 0.05 and entry["longest_gap"] < BUSY
    assert (sip["code"], sip["provisional"], sip["bye_code"], sip["encoding"]) == (200, [180], 200, "opus")
    assert sip["rang"] > ROUND_TRIP and RING + ROUND_TRIP < sip["answered"] < RING + ROUND_TRIP + BUSY
    assert all(ROUND_TRIP < webrtc[step] < BUSY for step in ("signalled", "connected", "secured"))


@of("call-clean")
def test_calls_follow_the_media_flows_and_each_other(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)["signal"]
    pairs = keys["x_followups"]["media"]
    assert keys["x_run"]["media"] == "measured" and len(pairs) == 6
    webrtc = call_of(keys, "webrtc_calls")
    assert max(flow["t"] for flow in pairs) + PACKETS * 0.02 < webrtc["t0"]  # the voice over SIP was between them


@of("call-sip-silent")
def test_dropped_invites_are_a_failed_call_and_accuse_nothing(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)["sip"]
    entry = call_of(keys, "sip_calls")
    assert keys["x_run"]["calls"] == {"sip": "failed"}
    assert (entry["failure"], entry["code"], entry["provisional"], entry["sent"]) == (f.TIMEOUT, 0, [], 0)
    assert entry["invites"] > 3 and entry["t"] - entry["t0"] < 8.0 + BUSY


@of("call-webrtc-no-dtls")
def test_dropped_dtls_is_a_failed_call_behind_the_checks_of_ice(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)["signal"]
    entry = call_of(keys, "webrtc_calls")
    assert keys["x_run"]["calls"] == {"webrtc": "failed"} and entry["failure"] == f.TIMEOUT
    assert entry["signalled"] is not None and entry["connected"] is not None
    assert (entry.get("secured"), entry["sent"]) == (None, 0)


@of("call-not-offered")
def test_helper_that_takes_no_such_call_is_named(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)["sip"]
    assert keys["x_run"]["calls"] == {"sip": "not_offered"}
    assert not {"sip_calls", "webrtc_calls"} & keys["x_followups"].keys()

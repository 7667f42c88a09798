"""Test the figures of calls to the lab's helper, and that a failed call says how far it came."""

import ipaddress
import json
from typing import Any

import pytest

from probe.formats import failures as f
from probe.lab.net.fabric import FabricConfig
from probe.lab.net.packets import Packet
from probe.lab.run import MEDIA_PORT, SIP_PORT
from probe.lab.world.hosts import HELPER_V4
from probe.targets.cost import CALL_BYTES
from tests.support.lab.on_the_wire import packets
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

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
    assert keys["x_run"]["media"] == "measured" and len(pairs) in {6, 8}  # a busy computer repeats a pair
    webrtc = call_of(keys, "webrtc_calls")
    assert max(flow["t"] for flow in pairs) + PACKETS * 0.02 < webrtc["t0"]  # the voice over SIP was between them


def datagrams_of(outcome: LabOutcome) -> dict[str, list[Packet]]:
    """Return the datagrams between the home router and the helper, by the protocol of their call."""
    found: dict[str, list[Packet]] = {"sip": [], "webrtc": [], "media": []}
    of_port = dict.fromkeys((int(SIP_PORT), int(SIP_PORT) + 2), "sip") | {int(MEDIA_PORT): "media"}
    for packet in packets(outcome.folder / "home.pcap"):
        if packet.is_udp and HELPER_V4 in {packet.src, packet.dst}:
            found[of_port.get(packet.dport if packet.dst == HELPER_V4 else packet.sport, "webrtc")].append(packet)
    return found


@of("call-clean")
def test_calls_move_nearly_what_the_user_is_told(outcome: LabOutcome) -> None:
    for protocol, told in CALL_BYTES.items():
        moved = sum(len(packet.payload) + 28 for packet in datagrams_of(outcome)[protocol])
        assert 0.9 * told < moved <= told, (protocol, moved)


@of("call-clean")
def test_no_datagram_of_a_call_holds_an_address_of_the_user(outcome: LabOutcome) -> None:
    ours = [FabricConfig.home_public_v4, FabricConfig.home_v6]
    hidden = [*(address.encode() for address in ours), *(ipaddress.ip_address(address).packed for address in ours)]
    calls = datagrams_of(outcome)
    for packet in (*calls["sip"], *calls["webrtc"]):
        if packet.src != HELPER_V4:
            assert not any(form in packet.payload for form in (*hidden, b"192.168.")), packet.payload


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


@of("call-helper-busy")
def test_busy_helper_is_named_and_accuses_nothing(outcome: LabOutcome) -> None:
    keys = keys_of(outcome)["sip"]
    entry = call_of(keys, "sip_calls")
    assert keys["x_run"]["calls"] == {"sip": "helper_busy"}
    assert (entry["failure"], entry["code"], entry["sent"]) == (f.HELPER_BUSY, 486, 0)

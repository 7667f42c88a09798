"""Test in the lab that lost large packets are recognised and avoided, and that dropped handshakes are no such loss."""

import json
from typing import Any

import pytest

from probe.lab.net.fabric import FabricConfig
from probe.run.network.segment_size import SMALL
from probe.targets.target_files import bundled_targets, load_target
from tests.support.lab.on_the_wire import packets
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOME = {FabricConfig.home_public_v4, FabricConfig.home_v6}
WITH_HEADERS = SMALL + 60  # bytes: the largest IP packet with a small segment


def keys_of(outcome: LabOutcome) -> list[dict[str, Any]]:
    files = outcome.folder.rglob("*.jsonl")
    return [json.loads(line)["test_keys"] for path in files for line in path.read_text().splitlines()]


@pytest.mark.lab_run("large-packets-lost")
def test_lost_large_packets_are_recorded_and_the_helper_answers(outcome: LabOutcome) -> None:
    assert outcome.finished.code == 0
    for keys in keys_of(outcome):
        facts = keys["x_run"]["preflight"]
        assert facts["mtu"] == {"ipv4": SMALL, "ipv6": SMALL, "refused": []}
        assert facts["network"] is True and facts["ipv4_proven"] is True and facts["ipv6_proven"] is True
        assert {host.get("segment_size") for host in facts["neutral"] if not host.get("connect_only")} == {SMALL}
        assert keys["x_control"]["failure"] is None, "its answers are large too"


@pytest.mark.lab_run("large-packets-lost")
def test_run_sends_no_large_segment_after_the_preflight(outcome: LabOutcome) -> None:
    facts = keys_of(outcome)[0]["x_run"]["preflight"]
    resolvers = load_target(bundled_targets() / "resolvers.toml").endpoints()
    contacted = {host["address"] for host in facts["neutral"]} | {one.host for _, one in resolvers if one.is_literal}
    sent = [packet for packet in packets(outcome.folder / "home.pcap") if packet.src in HOME and packet.is_tcp]
    long_ones = {packet.dst for packet in sent if len(packet.raw) > WITH_HEADERS}
    assert long_ones, "the preflight tries the usual size"
    assert long_ones <= contacted
    assert {packet.dst for packet in sent} - contacted, "the targets were contacted"


@pytest.mark.lab_run("tls-dropped-over-ipv6")
def test_dropped_handshakes_are_no_lost_large_packets(outcome: LabOutcome) -> None:
    for keys in keys_of(outcome):
        facts = keys["x_run"]["preflight"]
        assert "mtu" not in facts and facts["ipv6"] is True and facts["ipv6_proven"] is False
        assert all("segment_size" not in host for host in facts["neutral"])

"""Test that packets of a blocked flow are in the measurement, and in a pcapng file without user data."""

import json
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from probe.cli.run.consent import VERSION
from probe.lab.net.fabric import FabricConfig
from probe.lab.net.layout import _home_address
from probe.lab.run import run_command
from probe.lab.scenario.scenario import find_scenario, load_scenario
from probe.targets.target_files import bundled_targets

pytestmark = [pytest.mark.lab, pytest.mark.root]  # raw packets


def test_resets_of_a_censor_are_recorded(tmp_path: Path) -> None:
    scenario = load_scenario(find_scenario("sni-reset"))
    lines, packets = tmp_path / "run.jsonl", tmp_path / "run.pcapng"
    command = [sys.executable, "-m", "probe", "run", "telegram", "--pcap", "--output", str(lines)]
    assert run_command(scenario, bundled_targets(), command, consent=VERSION) == 0
    keys = json.loads(lines.read_text())["test_keys"]
    blocked = {record["transaction_id"] for record in keys["x_transactions"] if record["failure"] == "connection_reset"}
    forged = [packet for packet in keys["x_packets"] if packet["kind"] == "rst" and packet["direction"] == "in"]
    assert blocked
    assert blocked <= {packet["transaction_id"] for packet in forged}
    assert not [packet for packet in forged if packet.get("ipid") is not None]  # some censors code the address in it
    assert {packet["dont_fragment"] for packet in forged if ":" not in packet["address"]} == {True}
    greetings = {packet["ttl"] for packet in keys["x_packets"] if packet["kind"] == "synack"}
    assert not {packet["ttl"] for packet in forged} & greetings  # the censor is nearer than the server
    raw = packets.read_bytes()
    assert len(raw) > 10_000
    for home in (_home_address(0), FabricConfig.home_public_v4, FabricConfig.home_v6):
        assert ip_address(home).packed not in raw
    assert packets.stat().st_mode & 0o777 == 0o600

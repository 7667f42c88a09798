"""Test on the lab's wire which SIP packets a measurement sends."""

from collections import defaultdict
from pathlib import Path

import pytest

from probe.lab.net.fabric import FabricConfig
from probe.lab.net.packets import Packet
from probe.wire.sip.sip_message import SIPMessage, is_sip, read_message
from tests.lab.runs.test_scenarios import check, lines_below
from tests.support.lab.on_the_wire import packets
from tests.support.lab_runs.side_by_side import LabOutcome

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOME = {FabricConfig.home_public_v4, FabricConfig.home_v6}
HELPER = {FabricConfig.helper_v4, FabricConfig.helper_v6}


def requests(pcap: Path) -> list[tuple[Packet, SIPMessage]]:
    """Return the plain SIP requests that the user sent: datagrams, and the first segments of streams."""
    sent = [packet for packet in packets(pcap) if packet.src in HOME and (packet.is_udp or packet.is_tcp)]
    return [(packet, read_message(packet.payload)) for packet in sent if is_sip(packet.payload)]


@pytest.mark.lab_run("sip-silent")
def test_each_provider_gets_one_request_and_a_silent_one_two(outcome: LabOutcome) -> None:
    check(outcome.finished)
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for packet, message in requests(outcome.folder / "home.pcap"):
        assert message.method == "OPTIONS"
        assert not any(address.encode() in packet.payload for address in HOME) and b"192.168." not in packet.payload
        if packet.dst not in HELPER:  # the helper's echo gets echo pairs
            asked[message.uri, message.vias[0].transport].add(message.vias[0].branch)
    silent = asked.pop(("sip:sip.voipfone.net", "UDP"))
    assert len(silent) == 2
    assert len(asked) >= 5 and {len(branches) for branches in asked.values()} == {1}
    counted = [line["test_keys"]["x_run"]["triggers"] for line in lines_below(outcome.folder)]  # type: ignore[index]
    assert all(isinstance(count, int) and count >= len(silent) + len(asked) for count in counted)


@pytest.mark.lab_run("sip-alg")
def test_address_from_a_gateway_is_in_no_file(outcome: LabOutcome) -> None:
    """Test a scenario that writes the user's public address into every Via of the answers."""
    check(outcome.finished)
    back = [packet for packet in packets(outcome.folder / "home.pcap") if packet.dst in HOME and is_sip(packet.payload)]
    assert any(read_message(packet.payload).vias[0].host in HOME for packet in back), "it was really there"
    written = "".join(path.read_text() for path in outcome.folder.rglob("*.jsonl"))
    assert '"rewritten":["via"]' in written.replace(" ", "")
    assert not any(address in written for address in HOME)

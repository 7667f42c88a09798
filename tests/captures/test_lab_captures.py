"""Test captures that were made in the lab, of the probe's own runs behind emulated censors and without one."""

import json
from pathlib import Path

import pytest

from probe.captures.capture_measurements import measurements_of
from probe.captures.captured_set import read_captures
from probe.captures.recorded_side import RecordedSide
from probe.packets.pcapng import USER_ADDRESS
from tests.support.made_captures import accusations, verdicts

FOLDER = Path(__file__).parents[1] / "fixtures" / "captures"
BLOCKED_NAMES = ("web.telegram.org", "v.whatsapp.net", "web.whatsapp.com")


def capture(name: str) -> Path:
    (path,) = FOLDER.glob(f"{name}.pcap*.zst")
    return path


@pytest.mark.parametrize("name", ["sni-reset", "own-sni-reset"])
def test_reset_names_are_accused(name: str) -> None:
    """Test a capture of all packets, and the packets that `probe run --pcap` wrote, without most payloads."""
    found = accusations(capture(name))
    assert set(found) <= {f"tls://{each}:443" for each in BLOCKED_NAMES}
    assert all(mechanisms == ["tls.reset.sni"] for _, mechanisms in found.values())
    assert f"tls://{BLOCKED_NAMES[0]}:443" in found


def test_forged_answers_are_accused() -> None:
    path = capture("dns-injection")
    accused = [record for record in verdicts(path) if record["state"] in {"blocked", "likely_blocked"}]
    assert {each["service"] for each in accused} == {"capture/dns"}
    assert {each["mechanisms"][0] for each in accused} == {"dns.injection.bogon"}
    named = {str(each.document["input"]) for each in measurements_of(read_captures([path]))}
    assert "web.telegram.org" in named


@pytest.mark.parametrize("name", ["quic-drop", "ip-blackhole"])
def test_silence_without_a_control_accuses_nothing(name: str) -> None:
    """Test silent addresses, and a device after whose trigger no other name passes at the server either."""
    found = verdicts(capture(name))
    assert accusations(capture(name)) == {}
    assert any(record["state"] == "impaired" and record["way"] is None for record in found)


@pytest.mark.parametrize("name", ["clean", "lossy", "first-connections-reset"])
def test_networks_without_interference_are_not_accused(name: str) -> None:
    assert accusations(capture(name)) == {}
    assert len(verdicts(capture(name))) > 20


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_no_address_of_the_user_is_written(path: Path) -> None:
    reading = read_captures([path])
    users = RecordedSide(reading.flows)
    clients = {flow.ends[1] for flow in reading.flows if users.is_own(flow.ends[1])}
    assert clients
    text = json.dumps([each.document for each in measurements_of(reading)]) + json.dumps(verdicts(path))
    assert not [address for address in clients | set(USER_ADDRESS.values()) if f'"{address}"' in text]

"""Test that flows of a capture have a limit of memory, and that flows with data keep their places."""

import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from probe.captures import flow_table
from probe.captures.capture_file import CapturedFrame
from probe.captures.captured_flow import MOST_EVENTS, MOST_LAST, MOST_STREAM
from probe.captures.captured_set import read_captures
from probe.captures.flow_table import CapturedFlows
from probe.captures.web_reading import usable_name
from tests.support.made_captures import MadeCapture

MOST_MEMORY = 300  # MB, docs/contract.md
FLOWS = int(os.environ.get("CAPTURE_FLOWS", "200000"))  # a million takes a minute


def syns(count: int) -> bytes:
    """Return a capture of SYNs, each of another flow."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)]
    head = bytes.fromhex("4500002800000000400600000a000001")
    tcp = struct.pack("!HHIIHHHH", 40000, 443, 1, 0, 0x5002, 64240, 0, 0)
    for number in range(count):
        raw = head + struct.pack("!I", 0x08000000 + number) + tcp
        parts += [struct.pack("<IIII", 1_790_000_000 + number // 1000, 0, 40, 40), raw]
    return b"".join(parts)


def test_many_flows_need_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(syns(FLOWS))
    program = (
        "import re, sys; from pathlib import Path\n"
        "from probe.captures.captured_set import read_captures\n"
        "from probe.captures.capture_measurements import measurements_of\n"
        "reading = read_captures([Path(sys.argv[1])]); list(measurements_of(reading))\n"
        "most = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())\n"  # of this program alone
        "print(reading.left_out, int(most[1]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    left_out, memory = map(int, done.stdout.split())
    assert left_out == FLOWS - flow_table.MOST_FLOWS
    assert memory < MOST_MEMORY


def test_flow_with_data_survives_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "MOST_FLOWS", 50)
    made = MadeCapture(pause=0.001)
    made.tls("first.example.com")
    for port in range(1, 200):
        made.refused("149.154.167.99", port)
    made.tls("last.example.com")
    reading = read_captures([made.write(tmp_path / "a.pcap")])
    assert {each.name for each in reading.conversations} >= {"first.example.com", "last.example.com"}
    assert len(reading.flows) <= 50


def test_long_flow_keeps_its_first_and_last_packets() -> None:
    table, frames = CapturedFlows(), []
    made = MadeCapture()
    made.tls("www.example.com")
    data = made.packets[3][1]
    for number in range(5000):
        frames.append(
            CapturedFrame(1_790_000_100.0 + number, 101, data[:24] + struct.pack("!I", number * 1000) + data[28:])
        )
    table.read([*(CapturedFrame(when, 101, raw) for when, raw in made.packets), *frames])
    (flow, *_) = table.flows
    assert len(flow.kept) == MOST_EVENTS + MOST_LAST
    assert len(flow.sent.head) <= MOST_STREAM
    assert flow.left_out > 4000


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("<script>alert(1)</script>", ""),
        ("a" * 64 + ".example", ""),
        ("a" * 300, ""),
        ("192.0.2.1", ""),
        ("a..b", ""),
        (None, ""),
    ],
)
def test_names_of_strangers_are_checked(written: str | None, name: str) -> None:
    assert usable_name(written) == name


def test_a_long_name_takes_no_time() -> None:
    """Test against names on which a regular expression with nested repetitions works for minutes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert usable_name("a" * 250 + "!") == ""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 1

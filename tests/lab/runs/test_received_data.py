"""Test what a full run costs on a metered line, and what it reports: the lab's pages have the size of real ones."""

import pytest

from probe.lab.net.fabric import FabricConfig
from tests.lab.runs.test_scenarios import lines_below
from tests.support.lab.on_the_wire import packets
from tests.support.lab_runs.side_by_side import LabOutcome

MOST_READ = 3_000_000  # bytes that a clean run of all targets reads
MOST_RECEIVED = 6_500_000  # bytes that come over the line meanwhile. The servers would send 15 MB.
HOME = {FabricConfig.home_public_v4, FabricConfig.home_v6}

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.mark.lab_run("clean")
def test_clean_run_reads_at_most_three_megabytes(outcome: LabOutcome) -> None:
    keys = [line["test_keys"] for line in lines_below(outcome.folder / "lab")]
    read = sum((one.get("stream") or {}).get("bytes_received", 0) for each in keys for one in each["x_transactions"])
    pages = [
        request["response"]
        for each in keys
        for request in each.get("requests") or ()
        if request["response"]["code"] == 200
    ]
    assert 1_000_000 < read <= MOST_READ
    assert len(pages) > 40 and all(page["body_is_truncated"] for page in pages)  # each was longer than what was read


@pytest.mark.lab_run("clean")
def test_servers_stop_soon_after_what_is_read(outcome: LabOutcome) -> None:
    """Show that the small buffer and the reset at the limit of a page stop a server in its second flight."""
    assert bytes_over_the_line(outcome) <= MOST_RECEIVED


def bytes_over_the_line(outcome: LabOutcome) -> int:
    """Return the payload of all packets that reached the home router from outside."""
    return sum(len(packet.payload) for packet in packets(outcome.folder / "home.pcap") if packet.dst in HOME)


@pytest.mark.lab_run("clean")
def test_run_reports_the_bytes_that_came_over_the_line(outcome: LabOutcome) -> None:
    """Count also what servers had sent when the probe closed the connection."""
    reported = max(line["test_keys"]["x_run"]["bytes_received"] for line in lines_below(outcome.folder / "lab"))
    came = bytes_over_the_line(outcome)
    assert 0.85 * came < reported < 1.02 * came  # some comes after the close

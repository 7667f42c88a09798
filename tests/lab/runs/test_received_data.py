"""Test what a full run costs on a metered line, and what it reports: the lab's pages have the size of real ones.

A busy computer reads a page slowly, and then the run compares it with others. What these comparisons cost is added to
the limits, so that only they may cost more.
"""

from typing import Any

import pytest

from probe.lab.net.fabric import FabricConfig
from probe.lab.world.hosts import Host
from tests.lab.runs.test_scenarios import lines_below
from tests.support.lab.on_the_wire import packets
from tests.support.lab_runs.side_by_side import LabOutcome

MOST_READ = 4_000_000  # bytes that a clean run of all targets reads
MOST_RECEIVED = 8_500_000  # bytes that come over the line meanwhile, slowly read. The servers would send 15 MB.
PAGE = Host.page_bytes
SHORT = 4000  # bytes of an answer without a page: a TLS handshake with its certificates
HOME = {FabricConfig.home_public_v4, FabricConfig.home_v6}

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.mark.lab_run("clean")
def test_clean_run_reads_at_most_four_megabytes(outcome: LabOutcome) -> None:
    keys = [line["test_keys"] for line in lines_below(outcome.folder / "lab")]
    read = sum(map(bytes_read, transactions(outcome))) - sum(map(bytes_read, comparisons(outcome)))
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
    compared = PAGE * len(comparisons(outcome))
    assert bytes_over_the_line(outcome) <= MOST_RECEIVED + compared


def transactions(outcome: LabOutcome) -> list[dict[str, Any]]:
    return [one for line in lines_below(outcome.folder / "lab") for one in line["test_keys"]["x_transactions"]]


def bytes_read(transaction: dict[str, Any]) -> int:
    return int((transaction.get("stream") or {}).get("bytes_received", 0))


def comparisons(outcome: LabOutcome) -> list[dict[str, Any]]:
    """Return the flows that read part of a page once more, and not the short ones of other follow-ups."""
    return [one for one in transactions(outcome) if one.get("followup") and bytes_read(one) > SHORT]


def bytes_over_the_line(outcome: LabOutcome) -> int:
    """Return the payload of all packets that reached the home router from outside."""
    return sum(len(packet.payload) for packet in packets(outcome.folder / "home.pcap") if packet.dst in HOME)


@pytest.mark.lab_run("clean")
def test_run_reports_the_bytes_that_came_over_the_line(outcome: LabOutcome) -> None:
    """Count also what servers had sent when the probe closed the connection."""
    reported = max(line["test_keys"]["x_run"]["bytes_received"] for line in lines_below(outcome.folder / "lab"))
    came = bytes_over_the_line(outcome)
    assert 0.85 * came < reported < 1.02 * came  # some comes after the close

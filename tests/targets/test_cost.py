"""Test that the planned cost of connections that are kept open is what the lab's runs moved and took."""

import gzip
import json
from math import ceil
from typing import Any

import pytest

from probe.cli.run.run_time import cost_of
from probe.lab.recordings import RECORDED
from probe.signatures.parallel_hellos import COOL_DOWN
from probe.targets import cost
from probe.targets.target_files import bundled_targets, pick_targets

HEADERS = 60  # bytes of a packet: IPv6 and TCP, without options
ENDED, LASTED = "cutoff-name", "cutoff-slow-server"  # recordings in which connections were cut off, and were not


def kept(scenario: str) -> list[list[dict[str, Any]]]:
    """Return the transactions of each measurement that kept connections open."""
    lines = gzip.decompress((RECORDED / f"{scenario}.jsonl.gz").read_bytes()).decode().splitlines()
    records = [json.loads(line)["test_keys"].get("x_transactions", []) for line in lines]
    found = [[each for each in one if each["followup"].startswith("kept_connection")] for one in records]
    return [each for each in found if each]


def moved(transactions: list[dict[str, Any]]) -> int:
    ends = [each["stream"] for each in transactions if each.get("stream")]
    packets = sum(end["segments_in"] + end["segments_out"] for end in ends)
    return int(sum(end["bytes_received"] + end["bytes_sent"] for end in ends) + HEADERS * packets)


@pytest.mark.parametrize("scenario", [ENDED, LASTED])
def test_planned_bytes_and_seconds_are_those_of_recorded_connections(scenario: str) -> None:
    for transactions in kept(scenario):
        ended = any(each["followup"] == "kept_connection_name_neutral" for each in transactions)
        most = cost.KEPT_SECONDS + (cost.KEPT_AGAIN_SECONDS if ended else 0.0)
        took = max(each["t"] for each in transactions) - min(each["t0"] for each in transactions)
        assert most - 3.0 < took < most + 0.5
        assert 0.5 * cost.KEPT_BYTES < moved(transactions) <= cost.KEPT_BYTES


def test_recordings_have_both_cases() -> None:
    sizes = {len(each) for each in kept(ENDED)} | {len(each) for each in kept(LASTED)}
    assert sizes == {4, 7}


def test_deep_run_counts_connections_that_are_kept_open() -> None:
    targets = pick_targets(bundled_targets(), ["telegram", "whatsapp", "signal", "stun"])
    standard, deep = cost_of(targets), cost_of(targets, depth="deep")
    servers = cost.kept_servers(targets)
    assert 0 < servers < len(targets)  # STUN has no page
    assert (standard.kept_seconds, standard.kept_moved) == (0, 0)
    assert deep.kept_moved == servers * cost.KEPT_BYTES
    alone, nothing = (cost_of(targets, depth="deep", helper=False, followups=each) for each in (True, False))
    assert alone.most_moved - nothing.most_moved == deep.kept_moved
    assert deep.transfers_moved - standard.transfers_moved == cost.UPLOAD_PAIRS * cost.TRANSFER_BYTES
    assert deep.seconds - standard.seconds == deep.kept_seconds == ceil(cost.KEPT_SECONDS * -(-servers // 3))
    assert deep.seconds_if_blocked - standard.seconds_if_blocked >= deep.kept_seconds + 2 * COOL_DOWN
    assert cost_of(targets, depth="deep", followups=False).kept_seconds == 0
    twice = cost_of(targets, 2, "deep")
    assert twice.kept_moved == 2 * deep.kept_moved and twice.kept_seconds >= 2 * deep.kept_seconds - 1


def test_few_hellos_need_no_cool_down() -> None:
    (stun,) = pick_targets(bundled_targets(), ["stun"])
    hellos = sum("tls" in endpoint.facts.layers for _, endpoint in stun.endpoints())
    assert cost.cool_down_seconds([]) == 0.0
    assert cost.cool_down_seconds([stun] * 4) == (2 * COOL_DOWN if 4 * hellos > 3 else 0.0)

"""Test that a sender that is killed at any point loses no measurement and publishes none twice."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from probe.ooni.submission.outcomes import Protocol
from tests.ooni.submission.killed_sender import MEASUREMENTS
from tests.ooni.submission.runs import content_key, lines
from tests.support.ooni.collector import Collector, serving


def killed(folder: Path, collector: Collector, protocol: Protocol, points: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.ooni.submission.killed_sender", folder, collector.address, protocol, points],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(found: dict[str, Any], stored: Counter[str]) -> Counter[str]:
    """Check one point, and return the counts of the states that remain."""
    copies = [stored[content_key(line.raw)] for line in lines(MEASUREMENTS, probe_network_name=found["name"])]
    assert len(found["between"]) in {0, MEASUREMENTS} and len(found["after"]) == MEASUREMENTS, found
    assert max(copies) == 1 or set(copies) == {0}, (found, copies)
    for state, count in zip(found["after"], copies, strict=True):
        assert state in {"sent", "uncertain"} and count <= 1, (found, copies)
        assert state == "uncertain" or count == 1, (found, copies)
    return Counter(found["after"])


@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_statement_of_the_queue_can_be_the_last(protocol: Protocol, tmp_path: Path) -> None:
    with serving(Collector()) as collector:
        points = killed(tmp_path, collector, protocol, "statements")
    assert len(points) > 15 and [point["killed"] for point in points] == [True] * (len(points) - 1) + [False]
    left = [check(point, collector.stored) for point in points]
    assert {count["uncertain"] for count in left} == {0, 1}
    uncertain = sum(count["uncertain"] for count in left)
    assert uncertain == MEASUREMENTS, "only the statements after the answers"


@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_moment_can_be_the_last(protocol: Protocol, tmp_path: Path) -> None:
    with serving(Collector(delay=0.03)) as collector:
        points = killed(tmp_path, collector, protocol, "moments")
    left = [check(point, collector.stored) for point in points]
    assert len({tuple(point["between"]) for point in points}) > 2, "the moments are at different points"
    assert max(count["uncertain"] for count in left) <= 1

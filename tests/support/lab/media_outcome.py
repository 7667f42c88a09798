"""Read the media flows that a scenario's measurements have."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from probe.analysis.statistics.media_flow import MediaFlow, loss
from probe.analysis.statistics.recorded_flow import Directions, directions
from probe.signatures.call_packets import was_late
from tests.support.lab_runs.side_by_side import LabOutcome

BITS = 8 * 188  # of an IPv4 packet of a flow
CHANCE = 0.01  # of opaque packets that look like those of a call, at most


def of(name: str) -> Any:
    """Return a mark that makes `outcome` the outcome of a scenario."""
    return pytest.mark.lab_run(name)


def keys_of(outcome: LabOutcome) -> dict[str, Any]:
    (line,) = [line for path in outcome.folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    keys: dict[str, Any] = json.loads(line)["test_keys"]
    return keys


def entries_of(outcome: LabOutcome) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the media entries by shape and number of the pair."""
    return entries_in(keys_of(outcome))


def entries_in(keys: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the same of the pairs that this computer did not disturb. Such a pair was repeated."""
    assert keys["x_run"]["media"] == "measured", keys["x_run"]["media"]
    entries = keys["x_followups"]["media"]
    late = {entry["pair"] for entry in entries if was_late(entry["late"])}
    numbers = {pair: number for number, pair in enumerate(sorted({entry["pair"] for entry in entries} - late))}
    return {(entry["shape"], numbers[entry["pair"]]): entry for entry in entries if entry["pair"] in numbers}


def flows_of(outcome: LabOutcome, pair: int = 0, shape: str = "rtp") -> tuple[Directions, Directions]:
    """Return the flow of the app's shape and the opaque one."""
    return flows_in(entries_of(outcome), pair, shape)


def flows_in(entries: dict[tuple[str, int], dict[str, Any]], pair: int, shape: str) -> tuple[Directions, Directions]:
    one, opaque = (
        directions(entry["late"], entry["forth"], entry["back"], entry["interval"])
        for entry in (entries[name, pair] for name in (shape, "opaque"))
    )
    return one, opaque


def contain(flows: Iterable[MediaFlow], share: float) -> list[bool]:
    return [found.low <= share <= found.high for found in map(loss, flows)]

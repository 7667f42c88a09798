"""Test that the verdicts that a run shows are those that it would compute from its file."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.verdicts import verdicts
from probe.analysis.verdicts.verdicts import judge_measurements
from probe.cli.run.progress import KnownVerdicts, progress
from probe.lab.recordings import recording_of
from probe.results import Problem, read_lines
from probe.targets.target_files import bundled_targets, load_target

Located = list[tuple[str, int, dict[str, Any]]]


@pytest.fixture(scope="module")
def written() -> Located:
    path = recording_of("great-firewall")
    assert isinstance(path, Path)
    found = [("run.jsonl", number, line) for number, line in read_lines(path) if not isinstance(line, Problem)]
    assert len(found) > 3
    return found


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    numbers, judge = list[int](), verdicts.judge_measurements

    def counted(measurements: Located) -> Iterator[dict[str, Any]]:
        measurements = list(measurements)
        numbers.extend(number for _, number, _ in measurements)
        return judge(measurements)

    monkeypatch.setattr(verdicts, "judge_measurements", counted)
    yield numbers


def shown(measurements: Located) -> KnownVerdicts:
    """Let a screen show each measurement as a finished target."""
    known = KnownVerdicts()
    with progress(len(measurements), io.StringIO(), plain=True, known=known) as watch:
        for _, _, line in measurements:
            name = line["test_keys"]["x_target"]["name"]
            watch.finished(load_target(bundled_targets() / f"{name}.toml"), [line], 1.0)
    return known


def test_shown_verdicts_are_those_of_the_file(written: Located, computed: list[int]) -> None:
    known = shown(written)
    assert list(known.judge(written)) == list(judge_measurements(written))
    assert computed == []


def test_other_measurements_are_judged(written: Located, computed: list[int]) -> None:
    """Test it with one that was not shown, and one of which the file has another text."""
    changed = written[1][2] | {"probe_cc": "YY"}
    known, files = shown(written[1:]), [written[0], ("run.jsonl", written[1][1], changed), *written[2:]]
    assert list(known.judge(files)) == list(judge_measurements(files))
    assert computed == [written[0][1], written[1][1]]


def test_without_a_screen_all_are_judged_together(written: Located, computed: list[int]) -> None:
    assert list(KnownVerdicts().judge(written)) == list(judge_measurements(written))
    assert computed == [number for _, number, _ in written]

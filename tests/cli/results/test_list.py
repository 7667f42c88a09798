"""Test `probe list`: runs have numbers and say what they found."""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from probe.cli.found_words import counts_of, found_words
from probe.cli.results.list import USUAL, runs
from probe.cli.results.run_summary import summarize
from probe.cli.results.show import show
from probe.lab.recordings import recording_of

NAMES = ("2026-11-23/XX-AS1/090000-aa", "2026-11-24/XX-AS1/080000-bb")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with an older run in the clean lab, and a newer one with a censor."""
    for second, (name, scenario) in enumerate(zip(NAMES, ("clean", "great-firewall"), strict=True)):
        path, recorded = tmp_path / f"{name}.jsonl.gz", recording_of(scenario)
        assert recorded is not None
        path.parent.mkdir(parents=True)
        shutil.copy(recorded, path)
        os.utime(path, (1000 + second, 1000 + second))
    return tmp_path


def test_list_says_what_runs_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(results=root)
    newer, older = capsys.readouterr().out.split("\n  2  ")
    assert newer.startswith("  1  2026-") and "LAB great-firewall" in newer and "LAB clean" in older
    words = " ".join(newer.split())
    assert "7 of 12 apps blocked: " in words and ", WhatsApp" in words and "calls blocked: " in words
    assert "No app is blocked | 12 work\n" in older


def test_numbers_of_the_list_are_those_of_show(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in ((1, NAMES[1]), (2, NAMES[0])):
        show(str(number), results=root)
        assert f"{root}/{name}.jsonl.gz" in capsys.readouterr().err.replace("\n", "")


def test_counts_are_those_of_the_verdicts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(results=root, json=True)
    newer, older = map(json.loads, capsys.readouterr().out.splitlines())
    assert (newer["number"], older["number"]) == (1, 2)
    assert sum(newer["found"].values()) > 50 < sum(older["found"].values())
    assert set(older["found"]) == {"ok"} and newer["found"]["blocked"] > 10
    assert asdict(summarize(Path(newer["path"])))["apps"] == newer["apps"]


def test_only_the_newest_runs_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for second in range(USUAL + 2):
        path = tmp_path / "2026-11-24" / "XX-AS1" / f"0900{second:02}-aa.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
    runs(results=tmp_path)
    shown = capsys.readouterr()
    assert shown.out.count("-aa.jsonl") == USUAL and "2 older runs are not shown. Use --most 12" in shown.err
    runs(results=tmp_path, json=True)
    assert len(capsys.readouterr().out.splitlines()) == USUAL + 2
    runs(results=tmp_path, most=1)
    assert capsys.readouterr().out.count("-aa.jsonl") == 1


def test_counts_are_in_words_the_worst_first() -> None:
    records = (
        [{"state": "ok"}] * 6 + [{"state": "blocked"}] * 5 + [{"state": "degraded"}, {"state": None, "valid": False}]
    )
    assert found_words(counts_of(records)) == "5 blocked, 1 works badly, 6 ok, 1 cannot be used"
    assert found_words({"new_state": 2}) == "2 new_state" and found_words({}) == ""

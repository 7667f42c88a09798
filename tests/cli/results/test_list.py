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
from probe.ooni.submission.outcomes import Outcome, Protocol, State
from probe.ooni.submission.queue_file import QUEUE, open_queue
from tests.ooni.submission.runs import lines, write
from tests.support.zstd import compress

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


# -- what was published ------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return a folder with a run of which one measurement was sent, one that was not submitted, and one of the lab."""
    for hour, changed in (("13", {}), ("14", {"test_name": "signal"}), ("15", {"annotations": {"lab": "clean"}})):
        path = write(tmp_path / "2026-11-24" / "IT-AS30722" / f"{hour}0500-4f2a.jsonl", 3, **changed)
        os.utime(path, (int(hour), int(hour)))
    with open_queue(tmp_path) as queue:
        queue.add("https://a.example", Protocol.SUBMIT, "2026-11-24/IT-AS30722/130500-4f2a.jsonl", lines(3))
        queue.settle(1, Outcome(State.SENT, "", "report", "uid"))
        queue.settle(2, Outcome(State.UNCERTAIN, "why"))
    return tmp_path


def test_list_says_what_was_published(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(results=published)
    lab, unsent, partly = capsys.readouterr().out.split("jsonl\n")[:3]
    assert "Publication: waiting: 1, sent: 1, uncertain: 1\n" in partly and "Publication: not sent\n" in unsent
    assert "Publication" not in lab
    runs(results=published, json=True)
    found = [json.loads(line)["submission"] for line in capsys.readouterr().out.splitlines()]
    assert found == [{}, {}, {"waiting": 1, "sent": 1, "uncertain": 1}]


def test_packed_run_keeps_what_was_published(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = published.glob("*/*/13*.jsonl")
    run.with_name(run.name + ".zst").write_bytes(compress(run.read_bytes()))
    run.unlink()
    runs(results=published)
    assert "Publication: waiting: 1, sent: 1, uncertain: 1\n" in capsys.readouterr().out


def test_folder_without_a_queue_gets_none(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in published.glob(f"{QUEUE}*"):
        path.unlink()
    runs(results=published)
    assert "Publication" not in capsys.readouterr().out and not list(published.glob(f"{QUEUE}*"))


def test_damaged_queue_does_not_hide_the_runs(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in published.glob(f"{QUEUE}*"):
        path.unlink()
    (published / QUEUE).write_bytes(b"no database" * 1000)
    runs(results=published)
    printed = capsys.readouterr()
    assert printed.out.count(".jsonl\n") == 3 and "cannot be used" in " ".join(printed.err.split())

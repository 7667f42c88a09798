"""Test `probe list`: runs have numbers and say what they found."""

import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from probe.cli.found_words import counts_of, found_words
from probe.cli.results.list import USUAL, runs
from probe.cli.results.run_summary import summarize
from probe.cli.results.show import show
from probe.cli.summary.headline import short_headline
from probe.cli.summary.table_layout import wrap
from probe.lab.recordings import recording_of
from probe.ooni.submission.outcomes import Protocol, SubmissionOutcome, SubmissionState
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
    runs(results=root, verbose=True)
    newer, older = capsys.readouterr().out.split("\n  2  ")
    assert newer.startswith("  1  2026-") and "LAB great-firewall" in newer and "LAB clean" in older
    words = " ".join(newer.split())
    assert "7 of 9 apps do not work: WhatsApp, " in words and "calls blocked or bad: " in words
    assert "9 of 9 apps work\n" in older


@pytest.mark.parametrize(("columns", "most"), [(80, 3), (40, 3)])
def test_each_run_has_one_row(
    columns: int, most: int, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test both forms of a row. On a narrow screen two lines stand below time and network."""
    monkeypatch.setenv("COLUMNS", str(columns))
    runs(results=root)
    head, newer, older = re.split(r"^(?=\d)", capsys.readouterr().out, flags=re.MULTILINE)
    assert all(len(line) < columns for part in (head, newer, older) for line in part.splitlines())
    assert len(newer.splitlines()) <= most and len(older.splitlines()) == (1 if columns == 80 else 2)
    words = " ".join(newer.split())
    assert re.match(r"1 \d{4}-\d\d-\d\d \d\d:\d\d LAB ", words) and "7 of 9 apps do not work: WhatsApp, " in words
    assert older.startswith("2 ") and "9 of 9 apps work\n" in older
    assert bool(head) == (columns == 80) and "jsonl" not in newer + older


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("width", [20, 34, 40, 60])
def test_row_begins_with_what_is_worst(root: Path, width: int, most: int) -> None:
    """Test that only the last words are left out, and that an ellipsis stands for them."""
    apps = summarize(root / f"{NAMES[1]}.jsonl.gz").apps
    short = short_headline(apps, ["unfinished"], width, most, unicode=False)
    assert short.startswith("unfinished | 7 of 9 apps do not work: WhatsApp")
    assert (
        len(wrap(short, width)) <= most
        or short == "unfinished | 7 of 9 apps do not work: WhatsApp, ... are blocked | ..."
    )


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
    runs(results=tmp_path, verbose=True)
    shown = capsys.readouterr()
    assert shown.out.count("-aa.jsonl") == USUAL and "2 older runs are not shown. Use --most 12" in shown.err
    runs(results=tmp_path, json=True)
    assert len(capsys.readouterr().out.splitlines()) == USUAL + 2
    runs(results=tmp_path, most=1, verbose=True)
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
        queue.settle(1, SubmissionOutcome(SubmissionState.SENT, "", "report", "uid"))
        queue.settle(2, SubmissionOutcome(SubmissionState.UNCERTAIN, "why"))
    return tmp_path


def test_list_says_what_was_published(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(results=published, verbose=True)
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
    runs(results=published, verbose=True)
    assert "Publication: waiting: 1, sent: 1, uncertain: 1\n" in capsys.readouterr().out


def test_folder_without_a_queue_gets_none(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in published.glob(f"{QUEUE}*"):
        path.unlink()
    runs(results=published, verbose=True)
    assert "Publication" not in capsys.readouterr().out and not list(published.glob(f"{QUEUE}*"))


def test_damaged_queue_does_not_hide_the_runs(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in published.glob(f"{QUEUE}*"):
        path.unlink()
    (published / QUEUE).write_bytes(b"no database" * 1000)
    runs(results=published, verbose=True)
    printed = capsys.readouterr()
    assert printed.out.count(".jsonl\n") == 3 and "cannot be used" in " ".join(printed.err.split())

"""Test that every view of an unfinished run begins with what is missing, and that no comparison is misled by it."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.run_result.run_differences import differences, missing
from probe.analysis.run_result.run_sentences import round_sentences
from probe.analysis.run_result.unfinished_runs import ENDINGS, SENTENCES, ending_of, later
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.cli.results.kept_summaries import summary_of
from probe.cli.results.list import runs
from probe.cli.results.run_summary import RunSummary
from probe.cli.results.show import show
from probe.cli.sharing.share import inspected, text_of
from probe.run_page.run_page import run_content
from probe.run_page.run_page_data import page_data
from tests.analysis.verdicts.test_apps import RECORDED, TARGETS, record
from tests.support.measurements.recorded_runs import recorded_run, run_of

STOPPED = "This run was stopped before its end, so a part of it is missing."
NOT_CLOSED = "This run is still going on, or its end was cut off, so a part of it is missing."
OVER = "The time limit ended this run, so a part of it is missing."


def run_file(folder: Path, recording: str, suffix: str = "jsonl") -> Path:
    path = folder / "2026-11-24" / "XX-AS64500" / f"130500-7d2292709fa5a563.{suffix}"
    path.parent.mkdir(parents=True)
    with gzip.open(RECORDED / f"{recording}.jsonl.gz") as lines, path.open("wb") as file:
        shutil.copyfileobj(lines, file)
    return path


def verdict(**states: str) -> AppVerdict:
    (app,) = judge_apps([record(role, state) for role, state in states.items()], TARGETS)
    return app


# -- views -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recording", "sentence"), [("interrupted", STOPPED), ("slower-line", OVER), ("clean", None)])
@pytest.mark.parametrize("verbose", [False, True])
def test_screen_begins_with_what_is_missing(
    recording: str, sentence: str | None, verbose: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    show(str(RECORDED / f"{recording}.jsonl.gz"), verbose=verbose)
    words = " ".join(capsys.readouterr().out.split())
    if sentence is None:
        assert "is missing" not in words
    else:
        assert words.startswith(f"{sentence} Not tested to their end: ")


def test_screen_of_a_file_that_was_not_closed_begins_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(str(run_file(tmp_path, "clean", "jsonl.part")))
    assert " ".join(capsys.readouterr().out.split()).startswith(NOT_CLOSED)


@pytest.mark.parametrize(
    ("recording", "suffix", "sentence"),
    [("interrupted", "jsonl", STOPPED), ("clean", "jsonl.part", NOT_CLOSED), ("clean", "jsonl", None)],
)
def test_list_begins_with_what_is_missing(
    recording: str, suffix: str, sentence: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_file(tmp_path, recording, suffix)
    for _ in range(2):  # the second time from the kept summary, if the run is closed
        summary = summary_of(path)
        found = " ".join(summary.found_lines(100, unicode=True))
        assert found.startswith(sentence) if sentence else "is missing" not in found
    runs(results=tmp_path, verbose=True)
    below = " ".join(capsys.readouterr().out.split("\n", 1)[1].split())
    assert below.startswith(sentence or "9 of 9 apps work")
    runs(results=tmp_path)
    _, row = capsys.readouterr().out.split("\n", 1)
    assert ("unfinished |" in row) == bool(sentence) and ("  unfinished | " in row or "  9 of 9 apps work" in row)


def test_kept_ending_that_is_unknown_says_nothing() -> None:
    summary = RunSummary.of({"ending": "nonsense", "apps": []})
    assert summary.found_lines(80, unicode=True) == []


def test_page_begins_with_what_is_missing() -> None:
    content = run_content(recorded_run("interrupted"))
    assert 0 < content.index(STOPPED) < content.index("headline")
    assert page_data(recorded_run("clean"))["missing"] == ""


def test_text_to_paste_begins_with_it(tmp_path: Path) -> None:
    whole = text_of(inspected(run_file(tmp_path / "a", "clean"), lab=True))
    assert "Unfinished" not in whole
    stopped = text_of(inspected(run_file(tmp_path / "b", "interrupted"), lab=True))
    assert stopped.startswith("Unfinished run, a part is missing\n")


# -- comparisons -------------------------------------------------------------------------------------------------------


def test_comparison_reports_no_change_that_missing_tests_explain() -> None:
    clean, stopped = recorded_run("clean"), recorded_run("interrupted")
    for before, after in ((clean, stopped), (stopped, clean)):
        assert differences(before, after) == []
        *_, left_out = missing(before, after)
        assert left_out.startswith("Not compared, because one run did not test enough of them: ")
        assert all(title in left_out for title in ("Telegram", "Facebook", " X", "SIP"))
    assert missing(clean, stopped)[0].startswith(f"Second run: {STOPPED}")


def test_comparison_still_reports_what_was_tested() -> None:
    before = run_of([record("chat", "ok"), record("calls", "ok")], dict(TARGETS))
    blocked = run_of([record("chat", "blocked"), record("calls", "insufficient")], dict(TARGETS))
    assert [change.after[0] for change in differences(before, blocked)] == ["blocked"]
    assert missing(before, blocked) == []


def test_part_that_was_not_tested_again_has_not_become_better() -> None:
    before = run_of([record("chat", "ok"), record("calls", "blocked")], dict(TARGETS))
    after = run_of([record("chat", "ok"), record("calls", "insufficient")], dict(TARGETS))
    assert differences(before, after) == []
    assert missing(before, after) == ["Not compared, because one run did not test enough of them: WhatsApp."]


def test_app_that_only_an_unfinished_run_lacks_has_not_changed() -> None:
    both = [record("chat", "ok"), record("web", "ok", target="x", service="x/web")]
    before, after = run_of(both, dict(TARGETS)), run_of(both[:1], dict(TARGETS))
    assert differences(before, after) == []
    assert missing(before, after) == ["Tested in the first run only: x."]  # it was not chosen
    after.measured_ending = "interrupted"
    assert differences(before, after) == []
    assert not any("run only" in sentence for sentence in missing(before, after))  # the end of the run is the reason


def test_rounds_do_not_differ_by_what_one_did_not_test() -> None:
    rounds = [verdict(chat="insufficient"), {**verdict(chat="ok"), "round": 2}]
    assert len(list(round_sentences(rounds, rounds[1:]))) == 1
    rounds = [verdict(chat="blocked"), {**verdict(chat="ok"), "round": 2}]
    assert len(list(round_sentences(rounds, rounds[1:]))) == 2


# -- endings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "ending"),
    [
        ({"interrupted": False}, ""),
        ({"interrupted": True}, "interrupted"),
        ({"interrupted": True, "out_of_time": True}, "out_of_time"),
        ({"interrupted": "yes"}, ""),
        (None, ""),
    ],
)
def test_measurement_says_how_its_run_ended(run: Any, ending: str) -> None:
    assert ending_of({"test_keys": {"x_run": run}}) == ending


def test_gravest_ending_is_told() -> None:
    assert later("", "out_of_time") == "out_of_time" and later("interrupted", "out_of_time") == "interrupted"
    assert set(SENTENCES) == set(ENDINGS) - {""}

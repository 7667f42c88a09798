"""Test that runs are numbered from the newest, and that `last` is number 1."""

import os
from pathlib import Path

import pytest

from probe.results import ResultsError, is_run, newest_first, numbered_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for second, name in enumerate(("2026-11-24/080000-aa", "2026-11-23/090000-bb", "2026-11-24/090000-cc")):
        date, _, file = name.partition("/")
        path = tmp_path / date / "XX-AS1" / f"{file}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
        os.utime(path, (1000 + second, 1000 + second))
    return tmp_path


def test_run_that_was_written_last_is_number_1(root: Path) -> None:
    assert [path.stem[-2:] for path in newest_first(root)] == ["cc", "bb", "aa"]
    assert numbered_run("last", root) == numbered_run("1", root) == newest_first(root)[0]
    assert numbered_run("3", root).stem.endswith("aa")


def test_equal_times_are_ordered_by_date_and_name(root: Path) -> None:
    for path in root.rglob("*.jsonl"):
        os.utime(path, (1000, 1000))
    assert [path.stem[-2:] for path in newest_first(root)] == ["cc", "aa", "bb"]


@pytest.mark.parametrize("word", ["0", "4", "99999999999999999999"])
def test_number_of_no_run_is_refused(root: Path, word: str) -> None:
    with pytest.raises(ResultsError, match=rf"no run {word}\. There are 3 runs"):
        numbered_run(word, root)


@pytest.mark.parametrize("folder", ["", "missing"])
def test_empty_folder_has_no_last_run(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ResultsError, match="no runs in"):
        numbered_run("last", tmp_path / folder)


def test_words_for_runs_are_no_files() -> None:
    assert is_run("last") and is_run("2")
    assert not any(map(is_run, ("./2", "2.jsonl", "²", "")))

"""Test which files `make test` takes as changed: on a branch, on main, with edits, and without git."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.changes import MOST_FILES, Changes, changes, number_of_the_commit

Commit = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Make a repository with a commit on main. The function runs git there and returns what it prints."""
    monkeypatch.delenv("PROBE_TEST_BASE", raising=False)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def run(*words: str) -> str:
        return subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture
def commit(git: Callable[..., str], tmp_path: Path) -> Commit:
    """Return a function that writes files with their name as text, commits all and returns the commit's id."""

    def made(*names: str) -> str:
        for name in names:
            (tmp_path / name).write_text(name)
        git("add", "--all")
        git("commit", "--quiet", "--message=x")
        return git("rev-parse", "HEAD")

    made("first")
    return made


def test_on_main_the_newest_commit_changed_something(commit: Commit, tmp_path: Path) -> None:
    old = commit("second")
    new = commit("third", "fourth")
    assert changes(tmp_path) == Changes(old[:12], ("fourth", "third"))
    assert number_of_the_commit(tmp_path) == number_of_the_commit(tmp_path) != 0
    commit("fifth")
    assert new and changes(tmp_path).files == ("fifth",)


def test_branch_is_compared_with_where_it_left_main(git: Callable[..., str], commit: Commit, tmp_path: Path) -> None:
    fork = commit("second")
    git("switch", "--quiet", "--create", "work")
    commit("third")
    commit("fourth")
    assert changes(tmp_path) == Changes(fork[:12], ("fourth", "third"))
    git("switch", "--quiet", "main")
    commit("fifth")
    git("switch", "--quiet", "work")
    assert changes(tmp_path).files == ("fourth", "third")


def test_edits_and_new_files_count_and_moves_do_not(git: Callable[..., str], commit: Commit, tmp_path: Path) -> None:
    commit("second")
    commit("third")
    git("mv", "second", "moved")
    git("rm", "--quiet", "first")
    (tmp_path / "third").write_text("edited")
    (tmp_path / "new").touch()
    assert changes(tmp_path).files == ("first", "new", "third")


def test_no_test_is_chosen_by_a_change_of_very_many_files(commit: Commit, tmp_path: Path) -> None:
    base = commit(*(f"{number}" for number in range(MOST_FILES)))
    commit(*(f"new-{number}" for number in range(MOST_FILES)))
    assert len(changes(tmp_path).files) == MOST_FILES
    (tmp_path / "one-more").touch()
    assert changes(tmp_path) == Changes(base[:12], too_many=MOST_FILES + 1)


def test_base_can_be_named(commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = commit("second")
    commit("third")
    commit("fourth")
    monkeypatch.setenv("PROBE_TEST_BASE", base)
    assert changes(tmp_path) == Changes(base[:12], ("fourth", "third"))
    monkeypatch.setenv("PROBE_TEST_BASE", "nothing")
    with pytest.raises(ValueError, match="PROBE_TEST_BASE=nothing"):
        changes(tmp_path)


@pytest.mark.usefixtures("commit")
def test_first_commit_has_no_base_but_edits(tmp_path: Path) -> None:
    assert changes(tmp_path).files == ()
    (tmp_path / "new").touch()
    assert changes(tmp_path).files == ("new",)


def test_without_git_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROBE_TEST_BASE", raising=False)
    assert (changes(tmp_path), number_of_the_commit(tmp_path)) == (Changes(), 0)


def test_folder_or_file_is_touched() -> None:
    changed = Changes("base", ("probe/steps/tls/tls.py",))
    assert changed.touch("tests/real/", "probe/steps/tls/")
    assert not changed.touch("probe/steps/quic/") and not changed.touch()

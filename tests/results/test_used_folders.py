"""Test the list of results folders: what is noted, who may read it, and that it neither grows nor breaks."""

import stat
import sys
from pathlib import Path

import pytest

from probe.results import default_root, list_file, remember, used_folders


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def made(tmp_path: Path, *names: str) -> list[Path]:
    for name in names:
        (tmp_path / name).mkdir()
    return [tmp_path / name for name in names]


def test_folders_are_noted_once_in_order_for_this_user_only(tmp_path: Path) -> None:
    one, two = made(tmp_path, "one", "zwei \u00fc")
    for folder in (one, two, one):
        remember(folder)
    assert used_folders() == [one, two]
    assert stat.S_IMODE(list_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(list_file().parent.stat().st_mode) == 0o700
    assert [path.name for path in list_file().parent.iterdir()] == [list_file().name]


def test_default_folder_is_not_noted() -> None:
    remember(default_root())
    assert not list_file().parent.exists()


def test_relative_folder_is_noted_as_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder,) = made(tmp_path, "here")
    monkeypatch.chdir(tmp_path)
    remember(Path("here"))
    assert used_folders() == [folder]


def test_folders_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    one, two = made(tmp_path, "one", "two")
    remember(one)
    one.rmdir()
    remember(two)
    assert list_file().read_text() == f"{two}\n"


def test_list_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["probe.results.used_folders"], "MOST", 3)
    folders = made(tmp_path, *"abcde")
    for folder in folders:
        remember(folder)
    assert used_folders() == folders[-3:]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"relative\n", b"\xff\x00\n"])
def test_damaged_list_is_read(text: bytes) -> None:
    list_file().parent.mkdir(parents=True)
    list_file().write_bytes(text)
    assert used_folders() == []


def test_name_with_a_line_break_is_not_noted(tmp_path: Path) -> None:
    (folder,) = made(tmp_path, "a\nb")
    remember(folder)
    assert used_folders() == []

"""Test `probe targets`: list, show and check."""

import json
import shutil
from pathlib import Path

import pytest
import typer

from probe.cli.screen import UsageError
from probe.cli.targets import check, list_all, show
from probe.targets.target_files import bundled_targets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(bundled_targets(), tmp_path / "targets")
    return tmp_path / "targets"


def checked(folder: Path, capsys: pytest.CaptureFixture[str], *, sources: bool = False) -> str:
    with pytest.raises(typer.Exit) as caught:
        check(folder, sources)
    assert caught.value.exit_code == 6
    return capsys.readouterr().err


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    list_all()
    assert "telegram" in capsys.readouterr().out
    show("telegram", json=True)
    assert "dc_pool" in json.loads(capsys.readouterr().out)["services"]
    show("signal", json=True)
    services = json.loads(capsys.readouterr().out)["services"]
    assert services["calls"]["media"] == "rtp" and "media" not in services["chat"]
    show("telegram")
    assert "https://web.telegram.org:443/" in capsys.readouterr().out


def test_unknown_target_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'telegram'") as caught:
        show("telegrm")
    assert caught.value.exit_code == 2


def test_bundled_files_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    check(None, sources=True)
    assert "are valid" in capsys.readouterr().out


def test_new_service_needs_a_file_and_no_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "chat.toml").write_text(
        'nettest = "endpoint_reachability"\ntitle = "Chat"\nsource = "https://chat.example/"\nreviewed = 2026-11-24\n'
        '[services.web]\nendpoints = ["https://chat.example:443/"]\n'
    )
    list_all(targets=folder)
    assert "Chat: web" in capsys.readouterr().out
    check(folder, sources=True)


def test_every_bad_file_is_named_with_its_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.toml").write_text("titel = 1\n")
    (folder / "b.toml").write_text("= 1\n")
    (folder / "neutral.toml").unlink()
    said = checked(folder, capsys)
    assert said.count("probe: ") == 3 and "a.toml" in said and "b.toml" in said and "neutral.toml" in said


def test_missing_source_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "chat.toml").write_text(
        'nettest = "endpoint_reachability"\ntitle = "Chat"\nsource = "a friend"\nreviewed = 2026-11-24\n'
        '[services.web]\nendpoints = ["https://chat.example:443/"]\n'
    )
    assert "chat.toml: source: 'a friend' is no URL" in checked(folder, capsys, sources=True)

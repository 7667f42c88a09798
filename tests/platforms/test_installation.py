"""Test that hints name a command for the way in which the program was installed, and never our package in an index."""

import sys
from pathlib import Path

import pytest

from probe.platforms import installation
from probe.platforms.installation import command_for, command_for_library, installed_by, own_command

EXTRAS = ("quic", "fingerprint", "analysis", "cluster", "share", "calls", "mmdb")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/a folder/bin/python")
    monkeypatch.setattr(sys, "argv", ["probe"])
    return tmp_path


def test_environment_of_pip_or_checkout_gets_its_own_python(environment: Path) -> None:
    assert installed_by() == "pip"
    assert command_for("share") == "'/a folder/bin/python' -m pip install 'pyrage<2,>=1.3' 'segno>=1.6'"


def test_pipx_and_uv_are_known_by_the_files_that_they_leave(environment: Path) -> None:
    (environment / "uv-receipt.toml").touch()
    assert command_for("quic") == "uv pip install --python '/a folder/bin/python' 'aioquic<2,>=1.3'"
    (environment / "pipx_metadata.json").touch()
    assert command_for("quic") == "pipx inject censorprobe 'aioquic<2,>=1.3'"


def test_one_file_names_a_checkout(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/u/probe.pyz"])
    assert command_for("analysis") == "pipx install '.[analysis]'"


@pytest.mark.parametrize("way", ["pipx", "uv", "pip", "one_file"])
@pytest.mark.parametrize("extra", EXTRAS)
def test_no_command_asks_an_index_for_our_package(way: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "installed_by", lambda: way)
    command = command_for(extra)
    assert "install censorprobe" not in command and "censorprobe[" not in command


def test_folder_of_pyinstaller_starts_its_own_file(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_command() == ["/a folder/bin/python", "-P", "-m", "probe"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command() == ["/a folder/bin/python"] and installed_by() == "one_file"
    assert command_for("quic") == "pipx install '.[quic]'"


def test_missing_library_is_installed_where_it_is_offered(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_for_library("OpenSSL") == "'/a folder/bin/python' -m pip install pyopenssl"
    monkeypatch.setattr(installation, "is_android", lambda: True)
    assert command_for_library("cryptography") == "pkg install python-cryptography"
    assert command_for_library("aiohttp") == "'/a folder/bin/python' -m pip install aiohttp"

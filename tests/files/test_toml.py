"""Test reading TOML files: their errors, and the time for keys of many parts."""

import time
import tomllib
from pathlib import Path

import pytest

from probe.files import read_toml
from tests.support.hostile.settings import TOML

READABLE = {"not-a-number", "escapes-in-keys", "escapes-in-values", "u0000", "broad", "wrong-types", "empty"}


@pytest.mark.parametrize("name", TOML)
def test_hostile_file_gives_a_documented_exception(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(TOML[name])
    began = time.process_time()
    try:
        read_toml(tmp_path / "x.toml")
        read = True
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        read = False
    assert read == (name in READABLE)
    assert time.process_time() - began < 3


def test_address_lists_and_99_parts_are_read(tmp_path: Path) -> None:
    key = ".".join(["a"] * 99)
    addresses = ", ".join(f'"https://{number}.web.telegram.org:443/"' for number in range(500))
    (tmp_path / "x.toml").write_text(f"{key} = 1\nendpoints = [{addresses}]\n")
    assert len(read_toml(tmp_path / "x.toml")[1]["endpoints"]) == 500

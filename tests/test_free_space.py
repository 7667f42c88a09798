"""Test that a disk with too little space is named before the tests begin."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.free_space import NEEDED, complaints


def test_disk_with_too_little_space_is_named_once() -> None:
    free = {Path("/work"): NEEDED, Path("/tmp"): NEEDED - 1_300_000_000}.__getitem__
    assert list(complaints([Path("/work"), Path("/tmp"), Path("/tmp")], free)) == [
        "Only 3.7 GB are free in /tmp, and the tests need 5 GB. "
        "Free some space, or set TMPDIR to a folder on another disk."
    ]


def test_space_is_that_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = {tmp_path: SimpleNamespace(free=NEEDED - 1)}
    monkeypatch.setattr("shutil.disk_usage", usage.__getitem__)
    assert list(complaints([tmp_path]))
    usage[tmp_path].free += 1
    assert not list(complaints([tmp_path]))

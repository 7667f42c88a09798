"""Test opening files: regular ones only, and never more bytes than the limit."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.files import open_regular, read_regular
from tests.support.hostile.settings import device, folder, loop, pipe


@pytest.mark.parametrize(
    ("make", "reason"), [(pipe, "named pipe"), (device, "device"), (folder, "folder"), (loop, "symbolic links")]
)
def test_other_than_a_regular_file_is_refused_with_the_reason(
    make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "x")
    with pytest.raises(OSError) as refused:
        open_regular(tmp_path / "x")
    assert reason in refused.value.strerror


def test_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    (tmp_path / "link").symlink_to("x")
    assert read_regular(tmp_path / "link", 7) == b"content"
    with pytest.raises(OSError, match="larger than 6 bytes"):
        read_regular(tmp_path / "link", 6)


def test_pipe_of_the_shell_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"content")
    os.close(writer)
    try:
        assert read_regular(Path(f"/dev/fd/{reader}"), 99) == b"content"
    finally:
        os.close(reader)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(OSError, match="no file can have this name"):
        open_regular(Path(name))


def test_file_that_became_a_pipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").touch()
    regular = os.stat(tmp_path / "x")
    (tmp_path / "x").unlink()
    pipe(tmp_path / "x")
    monkeypatch.setattr(os, "stat", lambda path: regular)
    with pytest.raises(OSError, match="named pipe"):
        open_regular(tmp_path / "x")

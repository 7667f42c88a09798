"""Test files on systems that lack calls: reads at an offset, syncing, locks, limits, accounts."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from probe.platforms import descriptors, durability, processes


@pytest.mark.parametrize("whole", [True, False])
def test_bytes_are_read_at_an_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    if not whole:
        monkeypatch.delattr(os, "pread")
    (tmp_path / "file").write_bytes(b"0123456789")
    with (tmp_path / "file").open("rb") as file:
        assert descriptors.read_at(file, 3, 4) == b"456"
        assert descriptors.read_at(file, 30, 8) == b"89"
        assert descriptors.read_at(file, 3, 40) == b""


def test_limit_of_descriptors_without_the_call_is_that_of_select(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "system_module", lambda name: None)
    assert descriptors.raise_descriptor_limit(8192) == 512


def test_everything_is_synced_one_by_one_without_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("one", "folder/two"):
        (tmp_path / name).write_bytes(b"text")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.delattr(os, "sync")
    durability.sync_all(tmp_path)
    assert len(synced) == 2


def test_folder_is_synced_where_the_system_opens_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    durability.sync_folder(tmp_path)
    assert len(synced) == 1
    monkeypatch.delattr(os, "O_DIRECTORY")
    durability.sync_folder(tmp_path)
    assert len(synced) == 1


def test_error_of_the_disk_is_raised_and_that_of_a_pipe_is_not() -> None:
    reading, writing = os.pipe()
    durability.sync(writing)
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError) as raised:
        durability.sync(writing)
    assert raised.value.errno == errno.EBADF


@pytest.mark.parametrize("by_call", [True, False])
def test_space_is_reserved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_call: bool) -> None:
    if not by_call:
        monkeypatch.delattr(os, "posix_fallocate")
    with (tmp_path / "file").open("wb") as file:
        durability.reserve(file.fileno(), 3_000_000)
    assert (tmp_path / "file").stat().st_size == 3_000_000


class Locking:
    """Represent msvcrt: one process at a time has a file's first byte."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.held: set[int] = set()

    def locking(self, descriptor: int, mode: int, size: int) -> None:
        file = os.fstat(descriptor).st_ino
        if file in self.held:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.held.add(file)


@pytest.mark.parametrize("windows", [False, True])
def test_lock_is_refused_to_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: bool) -> None:
    if windows:
        modules: dict[str, Any] = {"msvcrt": Locking()}
        monkeypatch.setattr(descriptors, "system_module", modules.get)
    first, second = descriptors.open_lock_of(tmp_path), descriptors.open_lock_of(tmp_path)
    descriptors.try_lock(first)
    with pytest.raises(BlockingIOError):
        descriptors.try_lock(second)
    assert bool(list(tmp_path.iterdir())) is windows
    os.close(first)
    os.close(second)


@pytest.mark.parametrize("windows", [False, True])
def test_lock_of_a_missing_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: bool) -> None:
    if windows:
        monkeypatch.setattr(descriptors, "system_module", lambda name: None)
    with pytest.raises(FileNotFoundError):
        descriptors.open_lock_of(tmp_path / "missing")


def test_process_without_calls_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "system_module", lambda name: None)
    monkeypatch.delattr(os, "nice")
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "geteuid")
    processes.lower_priority(5)
    mask = os.umask(0o022)
    processes.keep_private()
    assert os.umask(mask) == 0o077
    assert processes.available_cores() == os.cpu_count()
    assert processes.is_own(0) and processes.account() is None


def test_memory_is_not_limited_where_it_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int | str) -> list[int]:
        raise FileNotFoundError(pid)

    monkeypatch.setattr(processes, "_statm", missing)
    processes.limit_memory(10**9)
    assert processes.held_bytes(os.getpid()) == 0


def test_account_without_name_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.account() is not None
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert processes.account() is None


def test_windows_opens_files_as_bytes() -> None:
    """Check the flags in a process whose `os` has those of Windows."""
    program = (
        "import os\nfor name in ('O_CLOEXEC', 'O_NONBLOCK', 'O_NOCTTY', 'O_DIRECTORY', 'O_NOFOLLOW'):\n"
        " delattr(os, name)\n"
        "os.O_BINARY, os.O_NOINHERIT = 0x8000, 0x80\n"
        "from probe.platforms import descriptors\nprint(hex(descriptors.PRIVATE), descriptors._FOLDER)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "0x8080 0\n"


def test_owner_is_compared_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "os", SimpleNamespace(geteuid=lambda: 1000))
    assert processes.is_own(1000) and not processes.is_own(0)

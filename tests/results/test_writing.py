"""Test writing results: folders, modes, `.part`, a full disk."""

import errno
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.results import (
    STDIN,
    Problem,
    ResultsError,
    ResultsFile,
    check_writable,
    find_files,
    folders,
    read_lines,
    results_root,
    writing,
)

START = datetime(2026, 11, 24, 13, 5, 0, tzinfo=UTC)


def opened(root: Path, *, lab: bool = False) -> ResultsFile:
    return ResultsFile.in_folder(root, "XX", "AS64500", "4f2a", START, lab)


def documents(path: Path) -> list[dict[str, Any]]:
    return [line for _, line in read_lines(path) if not isinstance(line, Problem)]


def test_run_file_is_named_by_date_and_network_and_is_part_until_closed(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.append({"a": 1})
    part = tmp_path / "2026-11-24" / "XX-AS64500" / "130500-4f2a.jsonl.part"
    assert file.path == part and part.read_text() == '{"a":1}\n'
    assert file.close() == part.with_suffix("")
    assert not part.exists() and documents(part.with_suffix("")) == [{"a": 1}]


def test_lab_run_has_a_separate_folder(tmp_path: Path) -> None:
    assert opened(tmp_path, lab=True).close() == tmp_path / "lab/2026-11-24/XX-AS64500/130500-4f2a.jsonl"


def test_files_are_readable_by_this_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = opened(tmp_path / "deep" / "results").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folders = [folder for folder in path.parents if tmp_path in folder.parents]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_every_measurement_is_one_write_and_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, write, sync = opened(tmp_path), os.write, os.fsync
    calls: list[str] = []

    def counted_write(fd: int, data: bytes) -> int:
        calls.append("write")
        return write(fd, data)

    def counted_sync(fd: int) -> None:
        calls.append("sync")
        sync(fd)

    monkeypatch.setattr(os, "write", counted_write)
    monkeypatch.setattr(os, "fsync", counted_sync)
    file.append({"text": "x" * 100_000})
    file.append({"a": 2})
    assert calls == ["write", "sync", "write", "sync"]
    file.close()


def test_two_runs_in_one_second_have_separate_files(tmp_path: Path) -> None:
    one = ResultsFile.in_folder(tmp_path, "XX", "AS1", "aaaa", START, False)
    two = ResultsFile.in_folder(tmp_path, "XX", "AS1", "bbbb", START, False)
    one.append({"run": 1})
    two.append({"run": 2})
    assert documents(one.close()) == [{"run": 1}] and documents(two.close()) == [{"run": 2}]
    with pytest.raises(ResultsError, match="File exists"):
        opened(tmp_path)
        opened(tmp_path)


def test_named_file_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text("mine\n")
    with pytest.raises(ResultsError, match="not changed"):
        ResultsFile.to_file(kept)
    assert kept.read_text() == "mine\n"


def test_full_disk_keeps_the_earlier_measurements(tmp_path: Path) -> None:
    """Write to a tmpfs of 64 kB in a separate mount namespace."""
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from probe.results import *\n"
        f"root = Path({str(tmp_path)!r})\n"
        "file = ResultsFile.in_folder(root, 'XX', 'AS1', 'aa', datetime.now(UTC), False)\n"
        "file.append({'n': 1}); file.append({'n': 2})\n"
        "try:\n    file.append({'n': 'x' * 200_000})\n"
        "except ResultsError as error:\n    print(error)\n"
        "path = file.close(); print([line for _, line in read_lines(path)], path.read_bytes()[-1:])\n"
    )
    mount = f'mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c "$CODE"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mount],
        env={**os.environ, "CODE": code, "PYTHONPATH": str(Path(folders.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said, kept = done.stdout.splitlines()
    assert "(disk full). 2 earlier results are kept." in said
    assert kept == "[{'n': 1}, {'n': 2}] b'\\n'"


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="--results DIR"):
        check_writable(tmp_path / "file" / "results")


def test_write_check_leaves_no_file(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_results_folder_is_chosen_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROBE_RESULTS", raising=False)
    assert results_root(tmp_path) == tmp_path
    assert results_root() == Path(folders.__file__).parents[2] / "results"
    monkeypatch.setenv("PROBE_RESULTS", str(tmp_path / "named"))
    assert results_root() == tmp_path / "named"
    monkeypatch.delenv("PROBE_RESULTS")
    monkeypatch.setattr(folders, "__file__", str(tmp_path / "site-packages" / "probe" / "results" / "folders.py"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert results_root() == tmp_path / "data" / "censorprobe" / "results"


def test_folders_are_searched_and_missing_files_reported(tmp_path: Path) -> None:
    path = opened(tmp_path).close()
    (tmp_path / "README.md").write_text("not a run")
    assert find_files([tmp_path, "-"]) == ([path, Path("-")], [])
    with pytest.raises(ResultsError, match="no file or folder"):
        find_files([tmp_path / "nowhere"])


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.text() | st.integers(-(2**53), 2**53), st.lists)))
def test_written_measurements_are_read(document: dict[str, Any]) -> None:
    read, write = os.pipe()
    file = ResultsFile(write, STDIN)
    if len(json.dumps(document)) < 30_000:
        file.append(document)
    file.close()
    with os.fdopen(read, "rb") as stream:
        raw = stream.read()
    assert raw == b"" or json.loads(raw) == document


def test_file_that_cannot_be_synced_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(folder: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    where = (tmp_path, "XX", "AS64500", "4f2a", datetime(2026, 11, 24, tzinfo=UTC), False)
    monkeypatch.setattr(writing, "sync_folder", none_left)
    with pytest.raises(ResultsError) as told:
        ResultsFile.in_folder(*where)
    assert told.value.number == errno.EMFILE
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    ResultsFile.in_folder(*where).close()  # a second try meets no half-made file

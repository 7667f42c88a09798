"""Test packed results: readers take both forms, and a kill at any moment leaves one whole file."""

import json
import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from probe.cli.results.run_summary import summarize
from probe.results import (
    Problem,
    ResultsError,
    ResultsFile,
    find_files,
    packets_file,
    packing,
    read_lines,
    run_files,
    unpacking,
)
from tests.support.zstd import decompress

START = datetime(2026, 11, 24, 13, 5, 0, tzinfo=UTC)
DOCUMENTS = [{"number": number, "text": "x" * 5000} for number in range(20)]


def written(root: Path, packed: bool = True) -> ResultsFile:
    file = ResultsFile.in_folder(root, "XX", "AS1", "4f2a", START, False, packed)
    for document in DOCUMENTS:
        file.append(document)
    return file


def read(path: Path) -> list[dict[str, Any]]:
    found = [line for _, line in read_lines(path)]
    assert not any(isinstance(line, Problem) for line in found)
    return found  # type: ignore[return-value]


def test_run_is_packed_when_it_is_closed(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert file.path.name == "130500-4f2a.jsonl.part" and read(file.path) == DOCUMENTS
    path = file.close()
    assert path == file.path == tmp_path / "2026-11-24" / "XX-AS1" / "130500-4f2a.jsonl.zst"
    assert list(path.parent.iterdir()) == [path] and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path) == DOCUMENTS and path.stat().st_size < 5000


def test_packed_bytes_are_those_of_the_file_that_is_not_packed(tmp_path: Path) -> None:
    plain, packed = written(tmp_path / "a", packed=False).close(), written(tmp_path / "b").close()
    assert decompress(packed.read_bytes()) == plain.read_bytes()


def test_readers_find_a_packed_run_once(tmp_path: Path) -> None:
    path = written(tmp_path).close()
    assert find_files([tmp_path]).files == run_files(tmp_path) == [path]
    assert summarize(path).problems == 0


@pytest.mark.parametrize("name", ["130500-4f2a.jsonl", "130500-4f2a.jsonl.zst"])
def test_packets_have_one_name_beside_both_forms(name: str) -> None:
    assert packets_file(Path("a.b") / name) == Path("a.b/130500-4f2a.pcapng")


def killed_at(line: int, path: Path) -> bool:
    """Pack a file in a process that is killed at the given line of the module. Return False if it ended before."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    left = line

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != packing.__file__:
            return None
        left -= event == "line"
        if left == 0:
            os._exit(9)
        return trace

    sys.settrace(trace)
    try:
        packing.pack(path)
    finally:
        os._exit(0)


def test_kill_at_any_line_leaves_one_whole_file(tmp_path: Path) -> None:
    names, line = set[str](), 1
    while True:
        root = tmp_path / str(line)
        path = written(root, packed=False).close()
        killed = killed_at(line, path)
        (found,) = run_files(root)
        assert find_files([root]).files == [found] and read(found) == DOCUMENTS
        names.add(found.name)
        if not killed:
            break
        line += 1
    assert line > 25 and names == {"130500-4f2a.jsonl", "130500-4f2a.jsonl.zst"}
    assert list(path.parent.iterdir()) == [found]


def test_original_beside_its_packed_file_is_left_out(tmp_path: Path) -> None:
    packed = written(tmp_path).close()
    packed.with_suffix("").write_bytes(decompress(packed.read_bytes()))
    assert find_files([tmp_path]).files == run_files(tmp_path) == [packed]


def test_files_of_others_are_never_left_out(tmp_path: Path) -> None:
    for name in ("mine.jsonl", "mine.jsonl.zst"):
        (tmp_path / name).write_bytes(b"{}\n")
    assert len(find_files([tmp_path]).files) == 2


def test_file_that_cannot_be_packed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, part: Path) -> str:
        raise OSError(28, "No space left on device")

    file = written(tmp_path)
    monkeypatch.setattr(packing, "_write", full)
    path = file.close()
    assert path.name == "130500-4f2a.jsonl" and read(path) == DOCUMENTS and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", [packing.zstd_module().compress(b"{}\n"), b"", b"\x28\xb5\x2f\xfd\0", b"text"])
def test_packed_file_that_is_not_whole_does_not_replace_the_original(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write = written(tmp_path), packing._write

    def damaged(source: Path, part: Path) -> str:
        digest = write(source, part)
        part.write_bytes(content)
        return digest

    monkeypatch.setattr(packing, "_write", damaged)
    path = file.close()
    assert read(path) == DOCUMENTS and path.name.endswith(".jsonl") and list(path.parent.iterdir()) == [path]


def test_file_that_has_the_name_is_not_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path, packed=False).close()
    other = path.with_name(path.name + ".zst")
    other.write_bytes(b"other")
    with pytest.raises(FileExistsError):
        packing.pack(path)
    assert other.read_bytes() == b"other" and path.exists()


def test_run_stays_unpacked_without_zstd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ZSTD_MODULES", ())
    assert not packing.can_pack()
    assert written(tmp_path).close().name == "130500-4f2a.jsonl"
    with pytest.raises(ResultsError, match="zstd needs Python"):
        ResultsFile.to_file(tmp_path / "mine.jsonl.zst")


# -- files that the user names -----------------------------------------------------------------------------------------


def test_output_is_packed_only_if_its_name_says_so(tmp_path: Path) -> None:
    for name, start in (("a.jsonl", b"{"), ("b.jsonl.zst", b"\x28\xb5\x2f\xfd"), ("c.zst", b"\x28\xb5\x2f\xfd")):
        file = ResultsFile.to_file(tmp_path / name)
        file.append({"a": 1})
        assert file.close() == tmp_path / name
        assert (tmp_path / name).read_bytes().startswith(start) and read(tmp_path / name) == [{"a": 1}]
    assert len(list(tmp_path.iterdir())) == 3


def test_measurements_of_an_interrupted_output_are_beside_it(tmp_path: Path) -> None:
    file = ResultsFile.to_file(tmp_path / "b.jsonl.zst")
    file.append({"a": 1})
    assert json.loads((tmp_path / "b.jsonl.part").read_text()) == {"a": 1}


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.part", "b.jsonl.zst"])
def test_output_never_replaces_a_file_with_content(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ResultsError, match="is not empty and was not changed"):
        ResultsFile.to_file(tmp_path / "b.jsonl.zst")
    assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_empty_files_of_a_run_that_measured_nothing_are_replaced(tmp_path: Path) -> None:
    ResultsFile.to_file(tmp_path / "b.jsonl.zst")
    assert ResultsFile.to_file(tmp_path / "b.jsonl.zst").close() == tmp_path / "b.jsonl.zst"

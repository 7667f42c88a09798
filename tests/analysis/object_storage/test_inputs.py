"""Test that results files in buckets are read once, as streams, and under their address."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.object_storage import bucket_inputs, objects_of
from probe.analysis.store.manifest import rejected_lines
from probe.analysis.store.writing.ingest import ingest
from probe.cli import main
from probe.results import Problem, ResultsError, read_lines
from tests.support.servers.object_storage import Server
from tests.support.store.stores import rows_of, some_lines, taken, write

pytestmark = pytest.mark.timeout(900)  # the server's start takes minutes on a busy disk


def packed(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def printed(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Return the exit code of `probe`, and its output."""
    monkeypatch.setattr(sys, "argv", ["probe", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


def test_objects_give_the_rows_of_files(server: Server, bucket: str, tmp_path: Path) -> None:
    lines = some_lines(9)
    server.put(f"{bucket}/raw/a.jsonl", packed(lines[:4]))
    server.put(f"{bucket}/raw/deep/b.jsonl.gz", gzip.compress(packed(lines[4:])))
    server.put(f"{bucket}/raw/notes.txt", b"no results file")
    assert taken(ingest(objects_of(f"s3://{bucket}/raw"), tmp_path / "far")) == (9, 9, 0, 0)
    write(tmp_path / "raw" / "a.jsonl", lines[:4])
    assert taken(ingest([tmp_path / "raw" / "a.jsonl", write(tmp_path / "b.jsonl", lines[4:])], tmp_path / "near"))
    names = {row["measurement_file"] for row in rows_of(tmp_path / "far", "measurements")}
    assert names == {f"s3://{bucket}/raw/a.jsonl", f"s3://{bucket}/raw/deep/b.jsonl.gz"}
    assert without_file(rows_of(tmp_path / "far", "verdicts")) == without_file(rows_of(tmp_path / "near", "verdicts"))


def without_file(rows: list[dict[str, Any]]) -> list[str]:
    left_out = ("measurement_file", "measurement_line", "ingested")
    return sorted(str({key: row[key] for key in row if key not in left_out}) for row in rows)


def test_only_new_and_changed_objects_are_read(server: Server, bucket: str, tmp_path: Path) -> None:
    lines, store = some_lines(6), tmp_path / "store"
    server.put(f"{bucket}/a.jsonl", packed(lines[:2]) + b"{\n")
    server.put(f"{bucket}/b.jsonl", packed(lines[2:4]))
    assert taken(ingest(objects_of(f"s3://{bucket}"), store)) == (5, 4, 0, 1)
    server.put(f"{bucket}/c.jsonl", packed(lines[4:5]))
    server.put(f"{bucket}/b.jsonl", packed(lines[3:4]) + packed(lines[5:6]))  # the same size
    before = read_keys(server, bucket)
    assert taken(ingest(objects_of(f"s3://{bucket}"), store)) == (6, 2, 3, 1)
    assert read_keys(server, bucket)[len(before) :] == ["b.jsonl", "c.jsonl"]
    assert len(rejected_lines(store)) == 1


def read_keys(server: Server, bucket: str) -> list[str]:
    paths = server.requests("GET")
    return [path.removeprefix(f"/{bucket}/") for path in paths if path.startswith(f"/{bucket}/") and "?" not in path]


def test_copy_on_disk_of_an_object_is_known(server: Server, bucket: str, tmp_path: Path) -> None:
    server.put(f"{bucket}/a.jsonl", packed(some_lines(2)))
    ingest(objects_of(f"s3://{bucket}/a.jsonl"), tmp_path / "store")
    report = ingest([write(tmp_path / "copy.jsonl", some_lines(2))], tmp_path / "store")
    assert (report.lines, report.duplicates) == (2, 2)


def test_object_that_changes_is_reported_and_read_again(
    server: Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(f"{bucket}/a.jsonl", packed(some_lines(2)))
    (source,) = objects_of(f"s3://{bucket}/a.jsonl")
    server.put(f"{bucket}/a.jsonl", packed(some_lines(3)))
    *_, (_, last) = read_lines(source)
    assert isinstance(last, Problem)
    assert f"s3://{bucket}/a.jsonl was changed while it was read." in last.sentence
    assert taken(ingest([source], tmp_path / "store")) == (4, 3, 0, 1)
    assert taken(ingest(objects_of(f"s3://{bucket}/a.jsonl"), tmp_path / "store")) == (3, 0, 3, 0)
    assert rejected_lines(tmp_path / "store") == []


def test_large_object_is_not_held_in_memory(server: Server, bucket: str) -> None:
    server.put(f"{bucket}/large.jsonl", b"x" * 72_000_000)
    server.put(f"{bucket}/small.jsonl", b"x" * 9_000_000)
    code = (
        "import resource; from probe.analysis.object_storage import objects_of\n"
        "def most(name):\n"
        f"  (file,) = objects_of('s3://{bucket}/' + name)\n"
        "  with file.open() as stream:\n"
        "    count = sum(map(len, iter(lambda: stream.read(1 << 16), b'')))\n"
        "  return count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "print(*most('small.jsonl'), *most('large.jsonl'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    few, before, many, after = map(int, done.stdout.split())
    assert (few, many) == (9_000_000, 72_000_000)
    assert after - before < 40  # MB


def test_judge_and_compare_read_objects(
    server: Server, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(f"{bucket}/raw/a.jsonl", packed(some_lines(3)))
    near = str(write(tmp_path / "a.jsonl", some_lines(3)))
    for words in (["judge", "--json"], ["compare", "--json"]):
        code, expected = printed([*words, near], capsys, monkeypatch)
        found = printed([*words, f"s3://{bucket}/raw"], capsys, monkeypatch)
        assert found[0] == code == 0
        assert found[1].replace(f"s3://{bucket}/raw/a.jsonl", "a.jsonl") == expected
    code, steps = printed(["judge", "--explain", f"s3://{bucket}/raw/a.jsonl:2"], capsys, monkeypatch)
    assert (code, steps.splitlines()[0]) == (0, f"s3://{bucket}/raw/a.jsonl, line 2")


@pytest.mark.parametrize(
    ("address", "environment", "code", "sentence"),
    [
        ("s3://no-such-bucket/x", {}, 6, "There is no bucket for s3://no-such-bucket/x."),
        ("s3://BUCKET/none", {}, 6, "There are no results files in s3://BUCKET/none."),
        ("s3://BUCKET/", {"AWS_SECRET_ACCESS_KEY": "wrong"}, 6, "The server refuses access to s3://BUCKET."),
        ("s3://BUCKET/", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 4, "The server of s3://BUCKET cannot be reached."),
        ("s3://key:secret@bucket/x", {}, 6, "An address of an object has no user and no password."),
        ("s3:///x", {}, 6, "s3:///x names no bucket."),
    ],
)
def test_errors_are_one_sentence(
    address: str,
    environment: dict[str, str],
    code: int,
    sentence: str,
    server: Server,
    bucket: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    words = ["ingest", address.replace("BUCKET", bucket), "--store", str(tmp_path / "store")]
    ended, said = printed(words, capsys, monkeypatch)
    assert ended == code
    assert sentence.replace("BUCKET", bucket) in " ".join(said.split())
    assert "secret" not in said


def test_object_that_is_gone_is_a_problem(server: Server, bucket: str) -> None:
    server.put(f"{bucket}/a.jsonl", packed(some_lines(1)))
    (source,) = objects_of(f"s3://{bucket}/a.jsonl")
    server.files().delete_file(f"{bucket}/a.jsonl")
    ((_, problem),) = read_lines(source)
    assert isinstance(problem, Problem)
    with pytest.raises(ResultsError, match="cannot be used"):
        bucket_inputs.ObjectFile(source._folder, bucket_inputs.Entry("", 1))  # type: ignore[attr-defined]

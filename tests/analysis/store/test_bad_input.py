"""Test that invalid input is counted and rejected with a reason, and never ends an ingest."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.store.manifest import rejected_lines
from probe.analysis.store.views import Store
from probe.analysis.store.writing.ingest import ingest
from probe.results.unpacking import zstd_module
from tests.support.store.stores import rows_of, some_lines, taken, write

LINE = some_lines(1)[0]
TOMORROW = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d %H:%M:%S}"
NASTY = "'); DROP TABLE verdicts; --<script>alert(1)</script>\x1b[31m"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"measurement_start_time": TOMORROW}, "in the future"),
        ({"measurement_start_time": "1970-01-01 00:00:00"}, "before December 2012"),
        ({"measurement_start_time": "2026-02-30 00:00:00"}, "no time"),
        ({"measurement_start_time": 7}, "no time"),
        ({"probe_cc": "de"}, "no country"),
        ({"probe_cc": "../../etc"}, "no country"),
        ({"probe_cc": None}, "no country"),
        ({"probe_asn": "AS1'; DROP"}, "no network"),
        ({"probe_asn": 3320}, "no network"),
        ({"test_keys": []}, "no test_keys"),
    ],
)
def test_measurement_without_place_or_time_is_rejected(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    file = write(tmp_path / "a.jsonl", [LINE | change, LINE])
    assert taken(ingest([file], tmp_path / "store")) == (2, 1, 0, 1)
    ((_, _, number, sentence),) = rejected_lines(tmp_path / "store")
    assert (number, reason in sentence) == (1, True)


RAW: dict[str, bytes] = {
    "no JSON": b"{ nonsense",
    "a list": b"[]",
    "a number": b"7",
    "no UTF-8": b'{"a": "\xff"}',
    "not a number": b'{"a": NaN}',
    "deep nesting": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long integer": b'{"a": ' + b"9" * 10_000 + b"}",
    "zeros": b"\0" * 100,
    "a lone surrogate in its bytes": b'{"a": "\xed\xa0\x80"}',
    "a number beyond all": b'{"a": 1e999}',
    "two objects": b"{} {}",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
def test_invalid_lines_are_rejected_and_others_added(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(raw + b"\n" + json.dumps(LINE).encode() + b'\n{"torn')
    assert taken(ingest([file], tmp_path / "store")) == (3, 1, 0, 2)
    assert len(rows_of(tmp_path / "store", "verdicts")) == 1


def test_hostile_strings_are_kept_as_text(tmp_path: Path) -> None:
    line = LINE | {"probe_network_name": NASTY, "software_name": NASTY, "report_id": "\ud800", "input": NASTY}
    file = write(tmp_path / "'; DROP TABLE lines; --.jsonl", [line])
    assert taken(ingest([file], tmp_path / "store")) == (1, 1, 0, 0)
    (row,) = rows_of(tmp_path / "store", "measurements")
    assert (row["network"], row["report_id"], row["measurement_file"]) == (NASTY, "?", file.name)
    with Store(tmp_path / "store") as store:
        assert store.sql("SELECT network FROM verdicts").to_pylist() == [{"network": NASTY}]


WRONG: dict[str, Any] = {
    "null": None,
    "a bool": True,
    "a number": 7,
    "a huge number": 10**30,
    "a text": NASTY,
    "a lone surrogate": "\udfff",
    "a list of lists": [[[]]],
    "a mixed list": [None, 7, "x", {}, []],
    "a nested object": {NASTY: {"x": [NASTY]}},
    "deep": json.loads("[" * 300 + "]" * 300),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_types_reject_only_their_line(tmp_path: Path, wrong: Any) -> None:
    """Iterate over measurements with an invalid value in place of each key."""
    lines = [line for path in places(LINE, 4) if (line := spoilt(path, wrong)) != LINE]
    assert len(lines) > 50
    report = ingest([write(tmp_path / "a.jsonl", [*lines, LINE])], tmp_path / "store")
    assert report.lines == report.accepted + report.duplicates + report.rejected == len(lines) + 1
    assert not any("bug in the probe" in reason for *_, reason in rejected_lines(tmp_path / "store"))
    (kept,) = [row for row in rows_of(tmp_path / "store", "verdicts") if row["measurement_line"] == len(lines) + 1]
    assert kept["state"] == "blocked"


def places(value: Any, depth: int) -> Iterator[tuple[Any, ...]]:
    """Iterate over paths in a measurement to that depth, with the first item of each list only."""
    if depth:
        items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
        for key, inner in items:
            yield (key,)
            yield from ((key, *path) for path in places(inner, depth - 1))


def spoilt(path: tuple[Any, ...], wrong: Any) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(json.dumps(LINE))
    holder: Any = line
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = wrong
    return line


@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 1010, 1020, 1030, 5000])
def test_deep_nesting_is_rejected(tmp_path: Path, depth: int) -> None:
    deep = json.dumps(LINE).replace('"x_target": {', '"x_target": {"deep": ' + "[" * depth + "]" * depth + ", ")
    file = tmp_path / "a.jsonl"
    file.write_text(f"{deep}\n{json.dumps(LINE)}\n")
    report = ingest([file], tmp_path / "store")
    assert (report.lines, report.accepted + report.rejected, report.accepted >= 1) == (2, 2, True)


def test_equal_report_ids_are_two_measurements(tmp_path: Path) -> None:
    lines = [LINE | {"report_id": "same"}, LINE | {"report_id": "same", "probe_cc": "FR"}]
    assert taken(ingest([write(tmp_path / "a.jsonl", lines)], tmp_path / "store")) == (2, 2, 0, 0)


def test_truncated_archive_gives_its_readable_lines(tmp_path: Path) -> None:
    text = "".join(json.dumps(line) + "\n" for line in some_lines(30)).encode()
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(text)[:-200])
    lines, accepted, duplicates, rejected = taken(ingest([file], tmp_path / "store"))
    assert (accepted > 0, duplicates, rejected >= 1) == (True, 0, True)
    assert any("cannot be read further" in reason for *_, reason in rejected_lines(tmp_path / "store"))
    assert taken(ingest([file], tmp_path / "store")) == (lines, 0, accepted, rejected)


MEMORY_OF = """
import resource, sys
from pathlib import Path
from probe.analysis.store.writing.ingest import ingest
if __name__ == "__main__":
    report = ingest([Path(sys.argv[1])], Path(sys.argv[2]))
    print(report.accepted, report.rejected, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def memory(tmp_path: Path, file: Path) -> list[int]:
    """Return accepted, rejected, and the largest memory in MB of an ingest in its own process."""
    command = [sys.executable, "-c", MEMORY_OF, str(file), str(tmp_path / f"store-{file.name}")]
    return [int(word) for word in subprocess.run(command, check=True, capture_output=True, timeout=500).stdout.split()]


@pytest.mark.timeout(600)  # for machines with other load
def test_compression_bomb_takes_little_memory(tmp_path: Path) -> None:
    small = write(tmp_path / "small.jsonl", [LINE])
    long, bomb, packed = (tmp_path / name for name in ("long.jsonl.gz", "bomb.jsonl.gz", "bomb.jsonl.zst"))
    with gzip.open(long, "wb", 1) as stream:
        for _ in range(40):  # unlike a bomb it is packed badly
            stream.write(random.Random(1).randbytes(500_000).hex().encode())
        stream.write(b"\n" + json.dumps(LINE).encode() + b"\n")
    with gzip.open(bomb, "wb", 9) as stream:
        for _ in range(400):
            stream.write(bytes(1_000_000))
    with zstd_module().ZstdFile(packed, "w") as stream:
        for _ in range(400):
            stream.write(bytes(1_000_000))
    usual = memory(tmp_path, small)[2]
    accepted, rejected, most = memory(tmp_path, long)
    assert (accepted, rejected, most < usual + 120) == (1, 1, True)
    for file in (bomb, packed):
        accepted, rejected, most = memory(tmp_path, file)
        assert (accepted, rejected, most < usual + 120) == (0, 1, True)

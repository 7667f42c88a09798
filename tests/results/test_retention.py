"""Test which runs are removed for --keep and --max-disk, and what always stays."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.results.retention import closed_runs, remove, runs_beyond

DAY = "2026-11-{:02}/QX-AS64500/130500-{:02x}.{}"


def kept_file(root: Path, name: str, size: int = 1000) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def a_run(root: Path, day: int, size: int = 1000, suffix: str = "jsonl", under: str = "") -> Path:
    return kept_file(root, under + DAY.format(day, day, suffix), size)


def left(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink()}


def cleaned(root: Path, oldest: int | None = None, most: int | None = None, written: Path | None = None) -> set[str]:
    """Remove what is beyond the limits, and return what is left."""
    moment = None if oldest is None else datetime(2026, 11, oldest, tzinfo=UTC)
    for run in runs_beyond(closed_runs(root), moment, most, written):
        assert remove(run, root)
    return left(root)


def test_runs_that_began_earlier_are_removed_with_their_folders(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        a_run(tmp_path, day)
    assert cleaned(tmp_path, oldest=3) == {DAY.format(3, 3, "jsonl")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-11-03"]


def test_oldest_runs_are_removed_until_the_rest_fits(tmp_path: Path) -> None:
    for day in (5, 1, 3):
        a_run(tmp_path, day)
    a_run(tmp_path, 4, under="lab/")
    assert cleaned(tmp_path, most=2500) == {"lab/" + DAY.format(4, 4, "jsonl"), DAY.format(5, 5, "jsonl")}


def test_order_is_that_of_time_over_all_networks(tmp_path: Path) -> None:
    names = [
        "2026-11-02/AA-AS1/090000-aa.jsonl",
        "2026-11-02/ZZ-AS9/080000-bb.jsonl",
        "2026-11-02/BB-AS5/100000-cc.jsonl",
    ]
    for name in names:
        kept_file(tmp_path, name)
    assert cleaned(tmp_path, most=2000) == {names[0], names[2]}


def test_run_just_written_stays_although_it_is_beyond_both_limits(tmp_path: Path) -> None:
    a_run(tmp_path, 1)
    written = a_run(tmp_path, 2, size=5000)
    assert cleaned(tmp_path, oldest=28, most=10, written=written) == {DAY.format(2, 2, "jsonl")}


def test_packets_summary_and_packed_file_belong_to_their_run(tmp_path: Path) -> None:
    a_run(tmp_path, 1, suffix="jsonl.zst")
    a_run(tmp_path, 1, suffix="pcapng", size=8000)
    a_run(tmp_path, 1, suffix="summary.json")
    a_run(tmp_path, 2)
    assert [run.size for run in closed_runs(tmp_path)] == [10_000, 1000]
    assert cleaned(tmp_path, most=1000) == {DAY.format(2, 2, "jsonl")}


OTHERS = (
    DAY.format(1, 1, "jsonl.part"),
    "2026-11-01/QX-AS64500/diary.jsonl",
    "2026-11-01/QX-AS64500/130500-zz.jsonl",
    "2026-11-01/notes/130500-aa.jsonl",
    "2026-11-01/QX-AS64500/deeper/130500-aa.jsonl",
    "2026-11-01/QX-AS64500/130500-aa.jsonl.bak",
    "2026-11-01/QX-AS64500/130500-ab.pcapng",
    "2026-13-45/QX-AS64500/130500-aa.jsonl",
    f"received/2026-11-01/QX-AS64500/{'0' * 64}.jsonl.zst",
    "received/2026-11-01/QX-AS64500/130500-aa.jsonl",
    "shared/0123456789abcdef.censorprobe.zst",
    "130500-aa.jsonl",
    "observations/a.parquet",
)


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_stay(name: str, tmp_path: Path) -> None:
    kept_file(tmp_path, name)
    assert cleaned(tmp_path, oldest=30, most=1) == {name}


def test_packets_of_a_run_that_goes_on_stay(tmp_path: Path) -> None:
    a_run(tmp_path, 1, suffix="jsonl.part")
    a_run(tmp_path, 1, suffix="pcapng")
    assert len(cleaned(tmp_path, oldest=30, most=1)) == 2


def test_links_are_neither_followed_nor_removed(tmp_path: Path) -> None:
    outside = kept_file(tmp_path, "outside/2026-11-01/QX-AS64500/130500-aa.jsonl")
    root = tmp_path / "results"
    a_run(root, 1)
    (root / "2026-11-01" / "QX-AS64500" / "130500-bb.jsonl").symlink_to(outside)
    (root / "2026-11-02").symlink_to(outside.parents[1], target_is_directory=True)
    assert cleaned(root, oldest=30) == {"2026-11-01/QX-AS64500/130500-bb.jsonl", "2026-11-02"}
    assert outside.exists() and (root / "2026-11-02").is_symlink()


def test_missing_folder_has_no_runs(tmp_path: Path) -> None:
    assert closed_runs(tmp_path / "nowhere") == []

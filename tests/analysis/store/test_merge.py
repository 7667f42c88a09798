"""Test that many small files become one, in all tables or in none, without lost or repeated rows."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import REPLACED, table_files
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.writing import merge as merging
from probe.analysis.store.writing.ingest import ingest
from probe.analysis.store.writing.merge import MB, Part, packed
from probe.analysis.store.writing.moves import HOLDING, open_for_writing
from probe.analysis.store.writing.workers import workers
from tests.support.store.kills import PARTS, kill_everywhere
from tests.support.store.stores import Rows, everything, rows_of, some_lines, taken, write


def loaded(folder: Path, lines: Rows) -> Path:
    """Return a store after three loads without a merge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "TIERS", ((merging.LEAST_BYTES, 4),))
        share = len(lines) // 3
        for part in range(3):
            ingest([write(folder / f"{part}.jsonl", lines[part * share :][:share])], folder / "store")
    return folder / "store"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with three files per month, which no test changes."""
    return loaded(tmp_path_factory.mktemp("crowded"), some_lines(54))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with three files of one month, which no test changes."""
    return loaded(tmp_path_factory.mktemp("small"), of_one_month(6))


def of_one_month(count: int) -> Rows:
    return [line | {"measurement_start_time": f"2026-01-11 13:00:{n:02}"} for n, line in enumerate(some_lines(count))]


@pytest.fixture
def copied(crowded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(crowded, tmp_path / "store")


def merge(store: Path, jobs: int = 1) -> None:
    with open_for_writing(store) as manifest, workers(jobs) as pool:
        merging.Merger(store, manifest, pool).merge_crowded()


def files_held(store: Path) -> set[int]:
    """Return the numbers of files in the months of all tables."""
    held = Counter(file.parent for name in HOLDING for file in (store / name).rglob("*") if file.is_file())
    return set(held.values())


@pytest.mark.parametrize("jobs", [1, 2])
def test_merge_changes_only_number_of_files(copied: Path, jobs: int) -> None:
    before = everything(copied)
    assert files_held(copied) == {3}
    merge(copied, jobs)
    assert files_held(copied) == {1}
    assert everything(copied) == before
    assert not (copied / REPLACED).exists()
    made = table_files(copied, "verdicts")
    merge(copied, jobs)
    assert table_files(copied, "verdicts") == made  # a second merge changes nothing


def test_merged_store_can_be_rejudged(copied: Path) -> None:
    before = everything(copied)
    merge(copied)
    rejudge(copied)
    assert everything(copied) == before
    assert files_held(copied) == {1}


def test_ingest_merges_in_its_background(tmp_path: Path, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every batch be a load. Later batches come while a merge is under way."""
    monkeypatch.setattr("probe.analysis.store.writing.ingest.BATCH_LINES", 3)
    monkeypatch.setattr("probe.analysis.store.writing.ingest.LOAD_BYTES", 1)
    new = [line | {"report_id": "new", "probe_network_name": "new"} for line in some_lines(9)]
    assert taken(ingest([write(tmp_path / "new.jsonl", new)], copied, jobs=2)) == (9, 9, 0, 0)
    assert files_held(copied) == {1}
    assert len(rows_of(copied, "measurements")) == 63


@pytest.mark.parametrize("part", PARTS)
def test_merge_that_is_killed_at_any_step_is_undone(small: Path, tmp_path: Path, part: int) -> None:
    """Kill before each move of a file, and around each record in the database."""
    kill_everywhere(small, tmp_path, merge, open_and_close, least=3 + 4 * len(HOLDING), part=part)


@pytest.mark.parametrize("part", PARTS)
def test_ingest_that_is_killed_at_any_step_is_continued(small: Path, tmp_path: Path, part: int) -> None:
    file = write(tmp_path / "more.jsonl", of_one_month(8)[6:])
    steps = 4 + len(HOLDING) + 3 + 5 * len(HOLDING)  # the load, and then the merge of four files
    kill_everywhere(small, tmp_path, lambda store: ingest([file], store), open_and_close, least=steps, part=part)


def open_and_close(store: Path) -> None:
    with open_for_writing(store):
        pass


def part(size: int) -> Part:
    return Part("2026-01", {}, size)


def test_merged_files_are_neither_small_nor_large() -> None:
    parts = [part(size * MB) for size in (1, 5, 7, 20, 30, 50, 55, 60, 60, 60, 62, 63)]
    sizes = [sum(one.size for one in group) for group in packed(parts)]
    assert sum(sizes) == sum(one.size for one in parts)
    assert all(merging.LEAST_BYTES <= size <= merging.MOST_BYTES for size in sizes)
    assert packed([part(3 * MB)]) == []


def test_large_files_stay_as_they_are(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "LEAST_BYTES", 1)
    monkeypatch.setattr(merging, "TIERS", ((1, 2),))
    assert merging.crowded(copied) == []
    assert {len(table_files(copied, table)) for table in TABLES} == {9}

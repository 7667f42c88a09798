"""Test that many small files become one, in all tables or in none, without lost or repeated rows."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import REPLACED, table_files
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.rejudge import rejudge
from probe.analysis.store.writing import merge as merging
from probe.analysis.store.writing.ingest import ingest, open_for_writing
from probe.analysis.store.writing.workers import workers
from tests.support.store.stores import everything, rows_of, some_lines, taken, write

PARTITIONS = 9  # three countries and three days, in three tables


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store after three loads, which no test changes."""
    folder, lines = tmp_path_factory.mktemp("loaded"), some_lines(54)
    for part in range(3):
        ingest([write(folder / f"{part}.jsonl", lines[18 * part : 18 * part + 18])], folder / "store")
    return folder / "store"


@pytest.fixture
def crowded(loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that store, with one file per partition more than allowed."""
    monkeypatch.setattr(merging, "MOST_FILES", 2)
    return shutil.copytree(loaded, tmp_path / "store")


def merge(store: Path, jobs: int = 1) -> None:
    with open_for_writing(store) as manifest, workers(jobs) as pool:
        merging.merge(store, manifest, pool)


def files_held(store: Path) -> set[int]:
    """Return the numbers of files in the partitions of all tables."""
    return set(Counter(file.parent for table in TABLES for file in table_files(store, table)).values())


@pytest.mark.parametrize("jobs", [1, 2])
def test_merge_changes_only_number_of_files(crowded: Path, jobs: int) -> None:
    before = everything(crowded)
    assert files_held(crowded) == {3}
    merge(crowded, jobs)
    assert files_held(crowded) == {1}
    assert everything(crowded) == before
    assert not (crowded / REPLACED).exists()
    made = table_files(crowded, "verdicts")
    merge(crowded, jobs)
    assert table_files(crowded, "verdicts") == made  # a second merge changes nothing


def test_merged_store_can_be_rejudged(crowded: Path) -> None:
    before = everything(crowded)
    merge(crowded)
    rejudge(crowded)
    assert everything(crowded) == before
    assert files_held(crowded) == {1}


def test_ingest_merges_crowded_partitions(tmp_path: Path, crowded: Path) -> None:
    new = [line | {"report_id": "new"} for line in some_lines(9)]
    assert taken(ingest([write(tmp_path / "new.jsonl", new)], crowded, jobs=2)) == (9, 9, 0, 0)
    assert files_held(crowded) == {1}
    assert len(rows_of(crowded, "measurements")) == 63


def renaming(times: int) -> Callable[[Path, Path], None]:
    """Return a rename function that fails after so many calls."""
    left = [times]

    def rename(source: Path, place: Path) -> None:
        if not left[0]:
            raise InterruptedError("the power went")
        left[0] -= 1
        os.replace(source, place)

    return rename


@pytest.mark.parametrize(("renames", "missing"), [(0, 0), (1, 6), (2, 0), (7, 6), (2 * 3 * PARTITIONS - 1, 0)])
def test_interrupted_merge_is_undone(
    crowded: Path, monkeypatch: pytest.MonkeyPatch, renames: int, missing: int
) -> None:
    """Interrupt a merge between two renames, when one partition is missing. The next ingest restores it."""
    before = everything(crowded)
    with monkeypatch.context() as patch:
        patch.setattr(merging.os, "rename", renaming(renames))
        with pytest.raises(StoreError, match="Afterwards the same command continues"):
            merge(crowded)
    found = [row["line_hash"] for row in rows_of(crowded, "measurements")]  # readable before the next ingest
    assert len(found) == len(set(found)) == 54 - missing
    rejudge(crowded)  # the next writer finds the same files in all tables
    assert everything(crowded) == before
    assert files_held(crowded) == {3}
    merge(crowded)
    assert everything(crowded) == before
    assert files_held(crowded) == {1}

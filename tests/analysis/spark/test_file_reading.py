"""Test that an ingest that reads files twice gives the same store as one that reads them once. It needs no Spark."""

from dataclasses import replace
from pathlib import Path

import pytest

from probe.analysis.spark import file_reading
from probe.analysis.store.maintenance.migrate import migrate
from probe.analysis.store.manifest import files_in, rejected_lines
from probe.analysis.store.writing import ingest as ingesting
from probe.analysis.store.writing.workers import Workers, run_here
from probe.results import find_files
from tests.support.spark.inputs import lines_of_all_kinds
from tests.support.store.earlier import EARLIER, FIXTURES, earlier_store
from tests.support.store.stores import everything

POOL = Workers(2, run_here)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    found = find_files([lines_of_all_kinds(tmp_path_factory.mktemp("lines"))]).files
    return [file for file in found if isinstance(file, Path)]


@pytest.mark.parametrize("size", [1, 10**9])
def test_second_reading_finds_the_lines_of_the_first(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Read rounds of one file each, and one round of all files. Batches end within files and beyond."""
    monkeypatch.setattr(file_reading, "ROUND_BYTES", size)
    monkeypatch.setattr(ingesting, "BATCH_LINES", 7)
    stores = (tmp_path / "twice", tmp_path / "once")
    for lab in (False, True):
        twice = file_reading.ingest(POOL, files, stores[0], lab=lab)
        once = ingesting.ingest(files, stores[1], lab=lab)
        assert replace(twice, seconds=0) == replace(once, seconds=0)
        assert once.accepted and once.duplicates and once.rejected
    assert everything(stores[0]) == everything(stores[1])
    assert rejected_lines(stores[0]) == rejected_lines(stores[1])
    read = [[(digest, *counts) for digest, _, *counts in files_in(store)] for store in stores]
    assert read[0] == read[1]  # except for the names of identical files


def test_second_reading_knows_the_lines_of_a_migrated_store(tmp_path: Path) -> None:
    """Version 1 has hashes of lines in place of some identities, and the first reading computes both."""
    stores = [earlier_store(EARLIER[0], tmp_path / name) for name in ("twice", "once")]
    for store in stores:
        migrate(store)
    lines = FIXTURES / "lines.jsonl.gz"
    twice, once = file_reading.ingest(POOL, [lines], stores[0]), ingesting.ingest([lines], stores[1])
    assert replace(twice, seconds=0) == replace(once, seconds=0)
    assert (once.accepted, once.duplicates > 8) == (0, True)


def test_vanished_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist on every machine"):
        file_reading.identify(tmp_path / "gone.jsonl", frozenset(), False, False)

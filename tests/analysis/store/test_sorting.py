"""Test that rows are sorted in ranges, for any number of rows."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from probe.analysis.store.columns import schema
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.writing import sorting
from tests.support.store.stores import everything, some_lines, store_of

FILES, ROWS, WIDE = 6, 4000, 6000  # 150 MB. Each share sorts with 128 MB.


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write staged files of wide measurements, all of one month, country, network and target."""
    return [_piece(tmp_path_factory.mktemp("pieces") / f"{number}.parquet") for number in range(FILES)]


def _piece(file: Path, short: int = 0) -> Path:
    """Write one file. The facts of its first rows are short."""
    columns = schema("measurements")
    text = {
        "day": ["2026-10-01"] * ROWS,
        "probe_cc": ["DE"] * ROWS,
        "probe_asn": ["AS1"] * ROWS,
        "target": ["x"] * ROWS,
    }
    text["line_hash"] = [os.urandom(16).hex() for _ in range(ROWS)]
    text["facts"] = [os.urandom(WIDE // 2).hex() if row >= short else "{}" for row in range(ROWS)]
    made = [pa.array(text.get(one.name, [None] * ROWS), one.type) for one in columns]
    pq.write_table(pa.Table.from_arrays(made, schema=columns), file, compression="zstd")
    return file


def rows_sorted(pieces: list[Path], folder: Path) -> list[str]:
    """Return the hashes in the order of one of four processes, which has the smallest memory limit."""
    one_of_four = sorting.Sorting("measurements", pieces, ["2026-10"], folder, "x", 4)
    found = sorting._sorted_rows(one_of_four, folder / "spill")
    return [one for _, rows in found for one in rows.column("line_hash").to_pylist()]


def test_rows_larger_than_memory_are_sorted(pieces: list[Path], tmp_path: Path) -> None:
    found = rows_sorted(pieces, tmp_path)
    assert len(found) == FILES * ROWS
    assert found == sorted(found)


def test_long_texts_behind_the_first_rows_are_counted(tmp_path: Path) -> None:
    """Estimate the size of rows from the first ones of each file, which are a twentieth as long as the others."""
    found = rows_sorted(
        [_piece(tmp_path / f"{number}.parquet", sorting._SAMPLE_ROWS - 50) for number in range(8)], tmp_path
    )
    assert len(found) == 8 * ROWS
    assert found == sorted(found)


def test_sorting_at_once_fails(pieces: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sort without ranges, so that DuckDB runs out of memory. The error is one sentence."""
    monkeypatch.setattr(sorting, "SORTED_AT_ONCE", 1000)
    with pytest.raises(StoreError, match="cannot be sorted"):
        rows_sorted(pieces, tmp_path)


def test_range_size_does_not_change_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = everything(store_of(tmp_path / "whole", some_lines(20)))
    monkeypatch.setattr(sorting, "SORTED_AT_ONCE", 1e-9)
    assert everything(store_of(tmp_path / "cut", some_lines(20))) == whole
    assert len(whole["observations"]) > 20


def test_empty_staged_files_are_loaded(tmp_path: Path) -> None:
    none = tmp_path / "none.parquet"
    pq.write_table(schema("measurements").empty_table(), none)
    assert rows_sorted([none], tmp_path) == []

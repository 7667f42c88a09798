"""Test that measurements of a store are judged again in pieces of any size, with the same verdicts."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from probe.analysis.store.files import table_files
from probe.analysis.store.maintenance import rejudge as judging
from probe.analysis.store.maintenance.rejudge import flats_in, pieces_of, rejudge
from tests.support.store.stores import Rows, some_lines, store_of


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store of 45 measurements in three months. Every fifth one has no transaction."""
    lines = some_lines(45)
    for line in lines[::5]:
        line["test_keys"] = line["test_keys"] | {"x_transactions": [], "x_control": None}
    return store_of(tmp_path, lines)


def verdicts(store: Path) -> Rows:
    return [row for file in table_files(store, "verdicts") for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("jobs", [1, 2])
def test_pieces_of_a_month_give_the_same_verdicts_in_the_same_order(
    store: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    before, files = verdicts(store), table_files(store, "verdicts")
    for file in files:
        file.unlink()
    monkeypatch.setattr(judging, "PIECE", 4)
    assert rejudge(store, jobs=jobs)["measurements"] == 45
    assert verdicts(store) == before and table_files(store, "verdicts") == files


def test_pieces_have_all_measurements_with_their_own_rows(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, *_ = (path.relative_to(store / "measurements") for path in table_files(store, "measurements"))
    (whole,) = pieces_of(store, file, 50)
    expected = list(flats_in(store, file, whole))
    monkeypatch.setattr(judging, "READ_ROWS", {"measurements": 2, "observations": 3})
    pieces = pieces_of(store, file, 2)
    assert len(pieces) == 8 and [flat for piece in pieces for flat in flats_in(store, file, piece)] == expected
    assert any(not flat.observations for flat in expected) and any(flat.observations for flat in expected)


@pytest.mark.parametrize("limit", ["MOST_MEASUREMENTS", "MOST_OBSERVATIONS"])
def test_few_are_judged_together_where_they_are_large(store: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    before = verdicts(store)
    sizes, judged = list[int](), judging.judged

    def counted(measurements, number):  # type: ignore[no-untyped-def]
        together = list(measurements)
        sizes.append(len(together))
        return judged(iter(together), number)

    monkeypatch.setattr(judging, "judged", counted)
    monkeypatch.setattr(judging, limit, 1)
    rejudge(store)
    assert sizes == [1] * 45 if limit != "MOST_OBSERVATIONS" else max(sizes) == 2
    assert verdicts(store) == before

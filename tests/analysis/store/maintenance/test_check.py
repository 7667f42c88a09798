"""Test that `check` finds every kind of damage, and none in a whole store."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from probe.analysis.compare.verdict_table import StoreError
from probe.analysis.store.files import table_files
from probe.analysis.store.identity_index import index_files
from probe.analysis.store.maintenance.check import check
from probe.analysis.store.manifest import Manifest
from tests.support.store.stores import some_lines, store_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("whole"), some_lines(18))


def remove(table: str) -> Callable[[Path], None]:
    return lambda store: table_files(store, table)[0].unlink()


def swap_rows(store: Path) -> None:
    file = table_files(store, "verdicts")[0]
    rows = pq.ParquetFile(file).read()
    pq.write_table(rows.take(list(reversed(range(rows.num_rows)))), file)


def other_month(store: Path) -> None:
    for table in ("measurements", "observations", "verdicts"):
        (store / table / "month=2026-01").rename(store / table / "month=2026-09")
    (store / "index" / "month=2026-01").rename(store / "index" / "month=2026-09")


def rows_of_others(store: Path) -> None:
    one, other = table_files(store, "verdicts")[:2]
    shutil.copy(other, one)


def damage(store: Path) -> None:
    """Overwrite a part of the values, which the metadata at the end of the file do not show."""
    file = table_files(store, "observations")[0]
    raw = bytearray(file.read_bytes())
    raw[200:1200] = b"\xff" * 1000
    file.write_bytes(raw)


def twice(store: Path) -> None:
    for table in ("measurements", "observations", "verdicts"):
        file = table_files(store, table)[0]
        shutil.copy(file, file.with_name("copy.parquet"))
    shutil.copy(index_files(store)[0], index_files(store)[0].with_name("copy.ids"))


def interrupt(store: Path) -> None:
    with closing(sqlite3.connect(store / "store.sqlite", isolation_level=None)) as database:
        database.execute("INSERT INTO moves VALUES ('x')")
    database.close()


def lose_staged(store: Path) -> None:
    with closing(sqlite3.connect(store / "store.sqlite", isolation_level=None)) as database:
        database.execute("INSERT INTO staged VALUES ('x', 1, 1)")
    database.close()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no verdicts": (remove("verdicts"), "verdicts: month 2026-01"),
    "no measurements": (remove("measurements"), "has no measurements"),
    "no identities": (lambda store: index_files(store)[0].unlink(), "identities and measurements do not agree"),
    "other identities": (
        lambda store: index_files(store)[0].write_bytes(b"x" * 72),
        "identities and measurements do not agree",
    ),
    "wrong order": (swap_rows, "rows are not in order"),
    "wrong month": (other_month, "a row has another month"),
    "rows of others": (rows_of_others, "rows belong to no measurement"),
    "damaged values": (damage, "cannot be read as a part of a store"),
    "a cut file": (lambda store: table_files(store, "measurements")[0].write_bytes(b"PAR1"), "cannot be read"),
    "measurements twice": (twice, "is stored 2 times"),
    "an interrupted move": (interrupt, "was interrupted"),
    "lost staged files": (lose_staged, "Its measurements are lost"),
}


def test_whole_store_has_no_problem(whole: Path) -> None:
    assert list(check(whole)) == []


@pytest.mark.parametrize(("harm", "sentence"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found(whole: Path, tmp_path: Path, harm: Callable[[Path], object], sentence: str) -> None:
    store = shutil.copytree(whole, tmp_path / "store")
    harm(store)
    found = list(check(store))
    assert any(sentence in problem for problem in found), found


def test_store_that_is_written_is_not_checked(whole: Path, tmp_path: Path) -> None:
    store = shutil.copytree(whole, tmp_path / "store")
    holder = Manifest(store)
    with pytest.raises(StoreError, match="Another process is writing"):
        list(check(store))
    holder.close()

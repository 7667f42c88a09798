"""Test that forgotten measurements leave nothing behind, and that all others stay."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from probe.analysis.store.columns import TABLES
from probe.analysis.store.files import REPLACED, WORK, table_files
from probe.analysis.store.maintenance.check import check
from probe.analysis.store.maintenance.forget import Selection, count, forget
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.manifest import files_in, rejected_lines
from probe.analysis.store.writing.ingest import ingest
from probe.analysis.store.writing.merge import compact
from probe.analysis.store.writing.moves import open_for_writing
from tests.support.store.kills import PARTS, kill_everywhere
from tests.support.store.stores import Rows, everything, rows_of, some_lines, store_of, taken, write

SECRET = "5ec2e7c0ffee5ec2"


def lines() -> Rows:
    """Return measurements of three countries and months, and two of another run in Iran, the last with a secret."""
    found = [line | {"test_name": "telegram"} for line in some_lines(18)]
    for number in (4, 13):
        keys = found[number]["test_keys"] | {"x_run": found[number]["test_keys"]["x_run"] | {"run_id": SECRET}}
        found[number] |= {"probe_cc": "IR", "test_keys": keys, "probe_network_name": SECRET}
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("whole"), lines())


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "store")


SELECTIONS = {
    "before": (Selection(before="2026-02-11"), lambda row: row["day"] < "2026-02-11"),
    "country": (Selection(cc="NA"), lambda row: row["probe_cc"] == "NA"),
    "run": (Selection(run=SECRET), lambda row: row["run_id"] == SECRET),
    "both": (Selection("2026-03-01", "DE"), lambda row: row["day"] < "2026-03-01" and row["probe_cc"] == "DE"),
    "all": (Selection(before="2027-01-01"), lambda row: True),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_selected_measurements_are_removed_from_every_table(store: Path, name: str) -> None:
    selection, selects = SELECTIONS[name]
    before = everything(store)
    gone = {row["line_hash"] for row in before["measurements"] if selects(row)}
    assert count(store, selection) == len(gone) > 0
    assert forget(store, selection) == len(gone)
    for table in TABLES:
        assert rows_of(store, table) == [row for row in before[table] if row["line_hash"] not in gone]
    assert list(check(store)) == []
    assert forget(store, selection) == 0
    after = everything(store)
    rejudge(store)
    assert everything(store) == after


def test_no_byte_of_a_run_stays_in_any_file(tmp_path: Path) -> None:
    """Name the results file as `probe run` does, with the run's id, and reject so many lines that pages become free."""
    file = write(tmp_path / f"130000-{SECRET}.jsonl", [*lines(), *({"test_keys": {}, "n": n} for n in range(300))])
    ingest([file], tmp_path / "store")
    assert any(SECRET.encode() in path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    gone = {row["line_hash"] for row in rows_of(tmp_path / "store", "measurements") if row["run_id"] == SECRET}
    assert forget(tmp_path / "store", Selection(run=SECRET)) == len(gone) == 2
    for path in (path for path in (tmp_path / "store").rglob("*") if path.is_file()):
        raw = path.read_bytes()
        assert not any(bytes.fromhex(identity) in raw for identity in gone), path
        if path.suffix in {".sqlite", ".ids"}:
            assert SECRET.encode() not in raw, path
    with closing(sqlite3.connect(tmp_path / "store" / "store.sqlite")) as database:
        assert database.execute("PRAGMA freelist_count").fetchone() == (0,)  # a free page can keep old bytes
    assert files_in(tmp_path / "store") == rejected_lines(tmp_path / "store") == []
    assert not any((tmp_path / "store" / name).exists() for name in (WORK, REPLACED))
    assert len(rows_of(tmp_path / "store", "measurements")) == 16


def test_forgotten_measurements_come_back_with_their_file(store: Path, whole: Path, tmp_path: Path) -> None:
    """Ingest the file again. It is read, although it was read to its end, and only the forgotten ones are added."""
    forget(store, Selection(cc="NA"))
    file = write(tmp_path / "lines.jsonl", lines())
    removed = 18 - len(rows_of(store, "measurements"))
    assert taken(ingest([file], store)) == (18, removed, 18 - removed, 0)
    assert everything(store) == everything(whole)
    assert taken(ingest([file], store)) == (18, 0, 18, 0)


@pytest.mark.parametrize("part", PARTS)
def test_forget_that_is_killed_at_any_step_is_undone_or_done(whole: Path, tmp_path: Path, part: int) -> None:
    def repair(store: Path) -> None:
        with open_for_writing(store):
            pass

    kill_everywhere(whole, tmp_path, lambda store: forget(store, Selection(run=SECRET)), repair, least=12, part=part)


@pytest.mark.parametrize("part", PARTS)
def test_compact_makes_one_file_per_month_and_changes_no_row(whole: Path, tmp_path: Path, part: int) -> None:
    def repair(store: Path) -> None:
        with open_for_writing(store):
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probe.analysis.store.writing.merge.TIERS", ((1 << 40, 99),))
        more = write(tmp_path / "more.jsonl", [line | {"probe_network_name": "x"} for line in some_lines(7)[::3]])
        store = shutil.copytree(whole, tmp_path / "store")
        ingest([more], store)
    before = everything(store)
    assert len(table_files(store, "verdicts")) == 4
    kill_everywhere(store, tmp_path, compact, repair, least=12, part=part)
    done = compact(store)
    assert everything(store) == before
    assert len(table_files(store, "verdicts")) == 3
    assert done["files"] < done["files_before"] and done["bytes"] < done["bytes_before"]

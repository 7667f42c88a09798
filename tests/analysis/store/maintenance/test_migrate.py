"""Test that stores of earlier releases are read as they are, and that a migration loses nothing."""

import gzip
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from probe.analysis.compare.verdict_table import StoreError, VerdictTable
from probe.analysis.store.columns import TABLES
from probe.analysis.store.maintenance.check import check
from probe.analysis.store.maintenance.info import info
from probe.analysis.store.maintenance.migrate import migrate
from probe.analysis.store.maintenance.rejudge import rejudge
from probe.analysis.store.manifest import files_in, rejected_lines
from probe.analysis.store.versions import VERSION, note_on_version
from probe.analysis.store.views import Store
from probe.analysis.store.writing.ingest import ingest
from tests.support.store.earlier import EARLIER, FIXTURES, earlier_store
from tests.support.store.kills import PARTS, kill_everywhere
from tests.support.store.stores import everything, rows_of, store_of, taken


@pytest.fixture(params=EARLIER, ids=lambda path: path.name.partition(".")[0])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return earlier_store(request.param, tmp_path)


def lines_of(folder: Path) -> Path:
    file = folder / "lines.jsonl"
    file.write_bytes(gzip.decompress((FIXTURES / "lines.jsonl.gz").read_bytes()))
    return file


def test_earlier_store_is_read_with_a_sentence_and_not_written(earlier: Path) -> None:
    assert len(EARLIER) == 2
    note = note_on_version(earlier)
    assert note is not None and f"probe store migrate --store {earlier}" in note
    with Store(earlier) as store:
        (counts,) = store.sql("SELECT count(*) AS n, count(tcp_syn_repeats) AS known FROM observations").to_pylist()
    assert counts["n"] == counts["known"] > 100  # a column that came later has its default
    same = "corrected_start_time = measurement_start_time"  # a column that came later has the recorded time
    assert VerdictTable.of_stores([earlier]).select(f"SELECT count(*) FROM verdicts WHERE {same}") == [(11,)]
    assert (info(earlier)["version"], info(earlier)["measurements"]) == (1, 10)
    assert list(check(earlier)) == [note]
    for write in (lambda: ingest([], earlier), lambda: rejudge(earlier)):
        with pytest.raises(StoreError, match="It can be read, and nothing can be added"):
            write()


def test_migrated_store_equals_one_that_is_made_now(earlier: Path, tmp_path: Path) -> None:
    rejected, files = rejected_lines(earlier), files_in(earlier)
    assert migrate(earlier) == {"from": 1, "to": VERSION, "measurements": 9, "duplicates": 1}
    assert note_on_version(earlier) is None
    assert list(check(earlier)) == []
    assert [line[1:] for line in rejected_lines(earlier)] == [line[1:] for line in rejected]
    assert files_in(earlier) == files
    rejudge(earlier)
    made = tmp_path / "made"
    ingest([lines_of(tmp_path)], made)
    for table, rows in everything(made).items():
        found = rows_of(earlier, table)
        assert len(found) == len(rows)
        if table == "measurements":
            names = ("measurement_start_time", "probe_cc", "run_id", "target", "input", "software_name", "bytes")
            keys = [sorted(tuple(row[name] for name in names) for row in some) for some in (found, rows)]
            assert keys[0] == keys[1]
    ours = {row["claim"] for row in rows_of(made, "measurements") if row["run_id"] == "4f2a"}
    assert len(ours) == 7
    assert all(row["claim"] == row["line_hash"] for row in rows_of(earlier, "measurements"))
    assert ours <= {row["line_hash"] for row in rows_of(earlier, "measurements")}


def test_migrated_store_knows_its_measurements(earlier: Path, tmp_path: Path) -> None:
    """Ingest the same lines in another file. OONI's are recognised by the hash of the line that version 1 kept."""
    migrate(earlier)
    file = lines_of(tmp_path)
    assert taken(ingest([file], earlier)) == (13, 0, 10, 3)  # the file is known
    file.write_bytes(file.read_bytes() + b"{}\n")
    assert taken(ingest([file], earlier)) == (14, 0, 11, 3)
    assert taken(ingest([file], earlier, lab=True)) == (14, 1, 11, 2)
    assert len([line for line in rejected_lines(earlier) if "lab" in line[3]]) == 0


@pytest.mark.timeout(600)  # for machines with other load
@pytest.mark.parametrize("part", PARTS)
def test_migration_that_is_killed_at_any_step_is_undone_or_done(tmp_path: Path, part: int) -> None:
    """Use one month of a store, because every file is a step."""
    earlier_store(EARLIER[-1], tmp_path)
    for table in TABLES:
        shutil.rmtree(tmp_path / "store" / table / "day=2026-02-11")
    assert len(rows_of(tmp_path / "store", "measurements")) == 7
    kill_everywhere(tmp_path / "store", tmp_path, migrate, migrate, least=12, part=part)


def test_staged_measurements_are_migrated(earlier: Path) -> None:
    """Make the state after a killed ingest: rows of all tables wait in staged files."""
    import duckdb

    for table in ("measurements", "observations", "verdicts"):
        (earlier / "staged" / table).mkdir(parents=True, exist_ok=True)
        files = str(earlier / table / "**" / "*.parquet")
        duckdb.sql(
            f"COPY (SELECT * FROM read_parquet('{files}', hive_partitioning = true, union_by_name = true, "
            "hive_types = {'day': VARCHAR, 'probe_cc': VARCHAR})) "
            f"TO '{earlier / 'staged' / table / 'waiting.parquet'}'"
        )
        for file in (earlier / table).rglob("*.parquet"):
            file.unlink()
    with closing(sqlite3.connect(earlier / "store.sqlite", isolation_level=None)) as database:
        database.execute("INSERT INTO pieces VALUES ('waiting', 10)")
    assert info(earlier)["waiting"] == 10
    assert migrate(earlier)["measurements"] == 9
    assert list(check(earlier)) == []
    assert not list((earlier / "staged").rglob("*.parquet"))


def test_newer_store_is_refused(tmp_path: Path) -> None:
    store = store_of(tmp_path, [])
    with closing(sqlite3.connect(store / "store.sqlite", isolation_level=None)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    for use in (note_on_version, info, migrate, lambda folder: ingest([], folder), lambda folder: list(check(folder))):
        with pytest.raises(StoreError, match="was made by a newer release"):
            use(store)
    database.close()

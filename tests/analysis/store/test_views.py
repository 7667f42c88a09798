"""Test the SQL views of a store, exports and citations."""

import csv
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.store.cite import as_text, citation
from probe.analysis.store.columns import TABLES
from probe.analysis.store.export import WRITERS, export
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.views import Store
from probe.analysis.store.writing.ingest import ingest
from tests.support.store.stores import rows_of, some_lines, store_of, write


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    (folder / "secret.csv").write_text("a\n1\n")
    return store_of(folder, [*some_lines(9), {"test_keys": None}])


def test_views_have_all_rows(store: Path) -> None:
    with Store(store) as opened:
        for table in TABLES:
            (count,) = opened.sql(f"SELECT count(*) AS n FROM {table}").to_pylist()
            assert count["n"] == len(rows_of(store, table)) > 0
        assert opened.sql("SELECT DISTINCT day FROM verdicts ORDER BY day").to_pylist()[0] == {"day": "2026-01-11"}
        (rejected,) = opened.sql("SELECT measurement_line, reason FROM rejected").to_pylist()
        assert rejected == {"measurement_line": 10, "reason": "This line is no measurement: it has no test_keys."}
        joined = opened.sql("SELECT count(*) AS n FROM verdicts JOIN measurements USING (line_hash)").to_pylist()
        assert joined == [{"n": 9}]


def test_empty_store_has_same_views(tmp_path: Path) -> None:
    ingest([write(tmp_path / "none.jsonl", [])], tmp_path / "store")
    with Store(tmp_path / "store") as opened:
        assert [opened.sql(f"SELECT * FROM {table}").num_rows for table in (*TABLES, "rejected")] == [0, 0, 0, 0]


@pytest.mark.parametrize("older", ["first", "last"])
def test_column_missing_in_old_files_is_empty_there(tmp_path: Path, older: str) -> None:
    lines = some_lines(9)
    for part in (lines[:4], lines[4:]):
        ingest([write(tmp_path / "lines.jsonl", part)], tmp_path / "store")
    files = sorted((tmp_path / "store" / "verdicts").rglob("*.parquet"))
    old = [file for file in files if file.stem == files[0 if older == "first" else -1].stem]
    for file in old:
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.drop_columns(["endpoints"]), file)
    lacking = sum(pq.read_metadata(file).num_rows for file in old)
    with Store(tmp_path / "store") as opened:
        assert opened.sql("SELECT endpoints IS NULL AS n FROM verdicts").column("n").to_pylist().count(True) == lacking
    table = VerdictTable.of_stores([tmp_path / "store"])
    assert table.select("SELECT COUNT(*) FROM verdicts WHERE endpoints = ''") == [(lacking,)]
    assert 0 < lacking < table.select("SELECT COUNT(*) FROM verdicts")[0][0]


@pytest.mark.parametrize(
    "statement",
    [
        "COPY verdicts TO '{}/out.csv'",
        "CREATE TABLE more AS SELECT 1",
        "DROP VIEW verdicts",
        "ATTACH '{}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "PRAGMA enable_profiling",
        "SELECT 1; COPY verdicts TO '{}/out.csv'",
        "SELECT * FROM read_csv('{}/secret.csv')",
        "SELECT * FROM '{}/secret.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_blob('{}/secret.csv')",
        "SELECT * FROM read_json('{}/secret.csv')",
        "SELECT * FROM sniff_csv('{}/secret.csv')",
        "SELECT * FROM parquet_metadata('{}/secret.csv')",
        "SELECT * FROM read_text('{}/store/store.sqlite')",
        "SELECT * FROM read_text('{}/store/verdicts/../../secret.csv')",
        "SELECT * FROM query('COPY verdicts TO ''{}/out.csv'' ')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "SELECT * FROM no_such_table",
        "this is no SQL",
        "",
    ],
)
def test_store_allows_only_select_and_own_files(store: Path, statement: str) -> None:
    before = sorted(store.parent.rglob("*"))
    with Store(store) as opened, pytest.raises(StoreError):
        opened.sql(statement.format(store.parent))
    with Store(store) as opened, pytest.raises(StoreError):
        list(opened.batches(statement.format(store.parent)))
    assert sorted(store.parent.rglob("*")) == before


def test_duckdb_prints_nothing_on_stdout() -> None:
    """Check DuckDB's setting, since it prints progress bars if the process runs no file."""
    asked = """
import duckdb
from probe.analysis.engines.duckdb_files import duckdb_in_memory
for connection in (duckdb.connect(":memory:"), duckdb_in_memory()):
    print(*connection.execute("SELECT current_setting('enable_progress_bar')").fetchone())
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "False"]


def test_python_variables_are_not_readable(store: Path) -> None:
    secret = pq.read_table(store / "verdicts")
    with Store(store) as opened, pytest.raises(StoreError):
        opened.sql("SELECT * FROM secret")
    assert secret.num_rows == 9


def test_folder_without_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="probe ingest"):
        Store(tmp_path)


# -- export and citation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("table", TABLES)
def test_export_has_all_rows_in_every_format(store: Path, tmp_path: Path, kind: str, table: str) -> None:
    out = tmp_path / f"x.{kind}"
    wanted = sorted(row["line_hash"] for row in rows_of(store, table))
    assert export(store, table, out, kind) == len(wanted)
    if kind == "parquet":
        found = pq.read_table(out).column("line_hash").to_pylist()
    elif kind == "csv":
        with out.open(newline="") as stream:
            found = [row["line_hash"] for row in csv.DictReader(stream)]
    elif kind == "jsonl":
        found = [json.loads(line)["line_hash"] for line in out.read_text().splitlines()]
    else:
        database = sqlite3.connect(out)
        found = [value for (value,) in database.execute(f"SELECT line_hash FROM {table}")]
        database.close()
    assert sorted(found) == wanted
    with pytest.raises(StoreError, match="is not overwritten"):
        export(store, table, out, kind)


@pytest.mark.parametrize(("table", "kind"), [("rejected", "csv"), ("verdicts", "xlsx")])
def test_impossible_export_is_refused(store: Path, tmp_path: Path, table: str, kind: str) -> None:
    with pytest.raises(StoreError, match=r"Tables: measurements, observations|Formats: parquet, csv, jsonl, sqlite"):
        export(store, table, tmp_path / "x", kind)
    assert list(tmp_path.iterdir()) == []


def test_formula_stays_text_in_csv(tmp_path: Path) -> None:
    lines = [line | {"probe_network_name": "=1+1"} for line in some_lines(1)]
    export(store_of(tmp_path, lines), "verdicts", tmp_path / "x.csv", "csv")
    with (tmp_path / "x.csv").open(newline="") as stream:
        assert [row["network"] for row in csv.DictReader(stream)] == ["'=1+1"]


def test_citation_lists_programs_rules_and_inputs(store: Path, tmp_path: Path) -> None:
    cited = citation(store)
    assert (cited["measurements"], cited["networks"], cited["countries"]) == (9, 5, 3)
    assert (cited["first_day"], cited["last_day"]) == ("2026-01-11", "2026-03-11")
    (read,) = cited["inputs"]
    assert (read["lines"], read["rejected"]) == (10, 1)
    assert cited["inputs_digest"] in as_text(cited)
    other = citation(store_of(tmp_path, some_lines(8)))
    assert other["rules_digest"] == cited["rules_digest"]
    assert other["inputs_digest"] != cited["inputs_digest"]

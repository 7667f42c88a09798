"""Test that a store or folder whose name DuckDB could read as a pattern is read alone, and not its neighbour."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.duckdb_files import duckdb_in_memory, rows_under
from probe.analysis.store.maintenance.migrate import migrate
from probe.explore.explorer import VerdictRows
from probe.explore.parameters import VerdictsParameters
from tests.cli.results.test_judge import call
from tests.support.measurements.verdict_rows import rows, store
from tests.support.store.earlier import EARLIER, earlier_store
from tests.support.store.stores import rows_of, some_lines, store_of, write

NAMES = {"s[1]": "s1", "a*b": "axxb", "q?": "qq", "[!x]": "y", "**": "of-others"}
"""Names of folders, each with a name that it would match as a pattern or that resembles it."""
SOME = ("s[1]", "a*b")  # for tests that run many commands


def lines_of(cc: str) -> list[dict[str, Any]]:
    return [line for line in some_lines(18) if line["probe_cc"] == cc]


def damaged_copy(folder: Path, neighbour: Path) -> None:
    """Put a copy of a store beside it whose files have the same names and cannot be read."""
    shutil.rmtree(neighbour, ignore_errors=True)
    shutil.copytree(folder, neighbour)
    for file in neighbour.rglob("*.parquet"):
        file.write_bytes(b"damaged")


@pytest.fixture(params=SOME)
def named(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a store of Iran's measurements beside a store of Germany's, and return its relative path."""
    monkeypatch.chdir(tmp_path)
    for name, cc in ((NAMES[request.param], "DE"), (request.param, "IR")):
        write(tmp_path / name / "results" / "lines.jsonl", lines_of(cc))
        store_of(tmp_path / name, lines_of(cc))
    return f"{request.param}/store"


def test_every_command_reads_the_named_store_only(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    number = len(lines_of("IR"))
    assert call("compare", "--json", "--by", "cc", named) == 0, capsys.readouterr().err
    assert {json.loads(cell)["vantage"]["cc"] for cell in capsys.readouterr().out.splitlines()} == {"IR"}
    assert call("sql", "--store", named, "SELECT DISTINCT probe_cc FROM observations") == 0
    assert "IR" in (shown := capsys.readouterr().out) and "DE" not in shown
    assert call("export", "--store", named, "--table", "measurements", "--out", "kept.jsonl") == 0
    assert {json.loads(line)["probe_cc"] for line in Path("kept.jsonl").read_text().splitlines()} == {"IR"}
    for words in (("series", named), ("events", named), ("store", "check", named)):
        assert call(*words) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert call("store", "info", named, "--json") == 0
    assert json.loads(capsys.readouterr().out)["measurements"] == number


def test_every_command_writes_the_named_store_only(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = [line | {"annotations": {"more": "yes"}} for line in lines_of("IR")]
    damaged_copy(Path(named), Path(NAMES[Path(named).parent.name]) / "store")
    write(Path("more.jsonl"), more)
    assert call("ingest", "more.jsonl", "--store", named, "--jobs", "1") == 0, capsys.readouterr().err
    assert call("store", "compact", named, "--jobs", "1") == 0, capsys.readouterr().err
    kept = rows_of(Path(named), "measurements")
    assert len(kept) == 2 * len(more) and {row["probe_cc"] for row in kept} == {"IR"}
    assert call("store", "forget", named, "--cc", "DE", "--yes") == 0, capsys.readouterr().err
    assert len(rows_of(Path(named), "measurements")) == len(kept)
    assert call("store", "forget", named, "--cc", "IR", "--yes") == 0, capsys.readouterr().err
    assert not rows_of(Path(named), "measurements")


def test_every_command_reads_the_named_folder_of_results_only(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(Path(named).with_name("results"))
    assert call("compare", "--json", "--by", "cc", folder) == 0, capsys.readouterr().err
    assert {json.loads(cell)["vantage"]["cc"] for cell in capsys.readouterr().out.splitlines()} == {"IR"}
    assert call("judge", "--json", folder) == 0
    judged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["probe_cc"] for record in judged} == {"IR"}
    assert call("list", "--json", "--results", folder) == 0
    (run,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert sum(run["found"].values()) == len(lines_of("IR"))


@pytest.mark.parametrize("name", NAMES)
def test_explorer_reads_the_named_store_only(name: str, tmp_path: Path) -> None:
    store(tmp_path / NAMES[name], rows(2, probe_cc="DE"))
    store(tmp_path / name, rows(3, probe_cc="IR"))
    found, _ = VerdictRows(tmp_path / name).page(VerdictsParameters(), (0, 0))
    assert [row["probe_cc"] for row in found] == ["IR"] * 3


def test_migration_reads_the_named_store_only(tmp_path: Path) -> None:
    alone = migrate(earlier_store(EARLIER[0], tmp_path / "alone"))
    named = earlier_store(EARLIER[0], tmp_path / "s[1]")
    damaged_copy(named, tmp_path / "s1" / "store")
    assert migrate(named) == alone


def test_folder_called_tilde_is_not_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store(tmp_path / "home", rows(2))
    store(tmp_path / "~", rows(1))
    source = rows_under(connection := duckdb_in_memory(), Path("~/verdicts"))
    assert connection.execute(f"SELECT count(*) FROM {source}").fetchone() == (1,)

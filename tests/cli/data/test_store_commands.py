"""Test `probe store`, and that the other commands read a store of an earlier release with a sentence."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from probe.analysis.store.files import table_files
from tests.cli.results.test_judge import call
from tests.support.store.earlier import EARLIER, earlier_store
from tests.support.store.stores import rows_of, some_lines, store_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("whole"), some_lines(9))


@pytest.fixture
def earlier(tmp_path: Path) -> str:
    return str(earlier_store(EARLIER[0], tmp_path))


def test_store_is_described_checked_and_compacted(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("store", "info", str(whole), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["measurements"], found["first_month"]) == (2, 9, "2026-01")
    assert call("store", "info", "--store", str(whole)) == 0
    assert "Version 2. Measurements: 9, from 2026-01 to 2026-03." in capsys.readouterr().out
    assert call("store", "check", str(whole)) == 0
    assert capsys.readouterr().out == f"The store {whole} is whole.\n"
    assert call("store", "compact", str(whole), "--jobs", "1", "--file-mb", "8", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == found["files"]
    assert call("store", "migrate", str(whole)) == 0
    assert capsys.readouterr().out == "The store has version 2 already.\n"


def test_damaged_store_exits_with_6(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = shutil.copytree(whole, tmp_path / "store")
    table_files(store, "verdicts")[0].unlink()
    assert call("store", "check", str(store)) == 6
    assert capsys.readouterr().err.startswith("probe: verdicts: month 2026-01, file ")


def test_forget_needs_a_selection_and_consent(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(shutil.copytree(whole, tmp_path / "store"))
    assert call("store", "forget", store, "--yes") == 2
    assert call("store", "forget", store, "--cc", "de", "--yes") == 2
    assert call("store", "forget", store, "--before", "yesterday", "--yes") == 2
    assert call("store", "forget", store, "--cc", "DE") == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[2].strip()[:20] for line in said] == [
        "Say what to remove: ",
        "--cc: 'de' is no cou",
        "--before: 'yesterday",
        "Nothing was removed,",
    ]
    assert len(rows_of(Path(store), "measurements")) == 9
    assert call("store", "forget", store, "--cc", "DE", "--yes", "--jobs", "1") == 0
    assert capsys.readouterr().out == "Removed 3 measurements.\n"
    assert {row["probe_cc"] for row in rows_of(Path(store), "measurements")} == {"IR", "NA"}


def test_earlier_store_is_read_and_then_migrated(
    earlier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ("sql", "SELECT count(*) FROM observations", "--store", earlier),
        ("export", "--store", earlier, "--out", str(tmp_path / "x.csv"), "--table", "observations"),
        ("cite", "--store", earlier),
        ("cite", "--store", earlier, "--card"),
        ("compare", earlier),
        ("series", earlier),
        ("events", earlier),
    ):
        assert call(*words) == 0
        assert f"probe store migrate --store {earlier}" in capsys.readouterr().err
    assert call("ingest", "--rejudge", "--store", earlier, "--jobs", "1") == 2
    assert "has version 1 of an earlier release" in capsys.readouterr().err
    assert call("compare", earlier, earlier) == 6  # the identities of other versions differ
    assert "has version 1 of an earlier release" in capsys.readouterr().err
    assert call("store", "migrate", earlier, "--jobs", "1") == 0
    assert capsys.readouterr().out.startswith("Version 1 became version 2. Measurements: 9.")
    assert call("compare", earlier) == 0
    assert capsys.readouterr().err == ""


def test_newer_store_is_refused_by_every_command(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(shutil.copytree(whole, tmp_path / "store"))
    with closing(sqlite3.connect(Path(store) / "store.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for words in (
        ("sql", "SELECT 1", "--store", store),
        ("export", "--store", store, "--out", str(tmp_path / "x.csv")),
        ("cite", "--store", store),
        ("compare", store),
        ("ingest", "--rejudge", "--store", store),
        *(("store", command, store) for command in ("info", "check", "compact", "migrate")),
        ("store", "forget", store, "--cc", "DE", "--yes"),
    ):
        assert call(*words) in (2, 6)
        assert "was made by a newer release: it has version 99" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "check", "compact", "migrate"])
def test_folder_that_is_no_store_gets_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert call("store", command, str(tmp_path)) == 2
    assert "cannot be read as a store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert call("store", command) == 2
    assert "Name one store" in capsys.readouterr().err

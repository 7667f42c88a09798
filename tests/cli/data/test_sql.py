"""Test `probe sql --measurement`: the tables of one measurement, and what a query cannot do."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.verdicts.measurement_tables import ask, table_meanings
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.cli.results.test_judge import call
from tests.support.dispositions import disposition
from tests.support.lab.inside_lab import ROOT

PLACE = f"{RECORDED / 'sni-reset.jsonl.gz'}:2"
ENDLESS = "SELECT * FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c)"
LARGE = "WITH RECURSIVE c(x) AS (SELECT zeroblob(9000000) UNION ALL SELECT x FROM c) SELECT * FROM c ORDER BY x"


def test_tables_of_one_measurement_are_queried(capsys: pytest.CaptureFixture[str]) -> None:
    select = "SELECT address, tls_resets FROM address_row WHERE tls_resets > 0 ORDER BY address"
    assert call("sql", "--measurement", PLACE, select) == 0
    assert capsys.readouterr().out == "address\ttls_resets\n149.154.165.217\t2\n2001:67c:4e8:f004::8772\t2\n"
    assert call("sql", "--measurement", PLACE, select, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"address": "149.154.165.217", "tls_resets": 2}


def test_tables_are_listed_with_their_meanings(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("sql", "--measurement", PLACE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step\ttable\tmeaning"
    assert "addresses\taddress_row\tThe columns that the rules about an address read." in lines
    assert call("sql", "--measurement", PLACE, "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert listed == [table._asdict() for table in table_meanings()]
    assert {each.name for each in STATEMENTS} < {table["table"] for table in listed}


@pytest.mark.parametrize("table", [each.table for each in table_meanings()])
def test_each_listed_table_can_be_shown(table: str) -> None:
    (row,) = ask(SAMPLES["web-tls-reset"], f"SELECT count(*) AS number FROM {table}")
    assert row["number"] >= 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["SELECT 1"], 2, "There is nothing to query. Give --store FOLDER or --measurement FILE:LINE."),
        (["--store", "{}"], 2, "There is no query. Give a SELECT"),
        (["--store", "{}", "--measurement", PLACE], 2, "--store and --measurement cannot be combined."),
        (["SELECT 1", "--measurement", "{}/a.jsonl"], 2, "is no line of a file."),
        (["SELECT 1", "--measurement", "{}/a.jsonl:1"], 6, "There is no file or folder"),
        (["SELECT 1", "--measurement", f"{PLACE}00"], 6, "has no line 200. Its last line is 3."),
        (["SELECT * FROM none_such", "--measurement", PLACE], 2, "no such table: none_such"),
    ],
)
def test_usage_error_gets_one_sentence(
    words: list[str], code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("sql", *(word.format(tmp_path) for word in words)) == code
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT 1; SELECT 2",
        "DELETE FROM flow",
        "INSERT INTO flow SELECT * FROM flow",
        "CREATE TABLE other (x)",
        "DROP TABLE flow",
        "BEGIN",
        "PRAGMA hard_heap_limit = 0",
        "ATTACH '{}/other.db' AS other",
        "VACUUM INTO '{}/copy.db'",
    ],
)
def test_other_statements_are_refused(statement: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("sql", statement.format(tmp_path), "--measurement", PLACE) == 2
    assert capsys.readouterr().err == (
        "probe: The tables accept one SELECT at a time, and no statement that changes something.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_functions_that_load_code_and_long_values_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("sql", "SELECT load_extension('x')", "--measurement", PLACE) == 2
    assert "not authorized to use function: load_extension" in capsys.readouterr().err
    assert call("sql", "SELECT length(zeroblob(60000000))", "--measurement", PLACE) == 2
    assert "string or blob too big" in capsys.readouterr().err


def probe_sql(statement: str) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "probe", "sql", statement, "--measurement", PLACE]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_query_that_needs_too_much_memory_is_stopped() -> None:
    with probe_sql(LARGE) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err == (
        "probe: This query needs more than 1GB of memory and was stopped. Ask for fewer or shorter values.\n"
    )


def test_endless_query_is_interrupted() -> None:
    rows = ask(SAMPLES["web-tls-reset"], f"SELECT 1 AS x UNION ALL SELECT 2 UNION ALL {ENDLESS}")
    assert next(rows) == {"x": 1}
    timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with disposition(signal.SIGINT, signal.default_int_handler), pytest.raises(KeyboardInterrupt):
        list(rows)  # Python 3.11 fetches one row ahead
    timer.join()


def test_command_line_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path))
    assert call("sql", "SELECT count(*) AS flows FROM flow", "--measurement", PLACE) == 0
    assert capsys.readouterr().out == "flows\n82\n"
    monkeypatch.setenv("PROBE_MEASUREMENT", PLACE)
    assert call("sql", "SELECT 1", "--store", str(tmp_path)) == 2
    assert "is no store" in capsys.readouterr().err

"""Test that artificial measurements are left out without --lab, and that every output marks them."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.data.test_compare import page_of
from tests.cli.results.test_judge import call
from tests.support.store.stores import some_lines, write

MARKS = {"lab": "clean", "synthetic": "unkind"}
HEADERS = {
    "lab": "LAB clean: emulated, nothing left this computer",
    "synthetic": "SYNTHETIC unkind: invented by a program, no network was measured",
}
LEFT_OUT = {
    "lab": "2 measurements were made inside the lab and are left out. The option --lab includes them.",
    "synthetic": "2 synthetic measurements are left out. The option --lab includes them.",
}
REASONS = {
    "lab": "This measurement was made inside the lab. The option --lab includes it.",
    "synthetic": "This measurement is synthetic. The option --lab includes it.",
}
mark_of = pytest.mark.parametrize("mark", MARKS)


def mixed(folder: Path, mark: str) -> Path:
    """Write three real measurements and two artificial ones of the same network."""
    lines = [line | {"annotations": {}, "probe_cc": "DE", "software_name": "censorprobe"} for line in some_lines(5)]
    artificial = [line | {"annotations": {mark: MARKS[mark]}} for line in lines[3:]]
    return write(folder / "a.jsonl", [*lines[:3], *artificial])


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


@mark_of
@pytest.mark.parametrize("command", ["compare", "series"])
def test_comparison_leaves_them_out_or_keeps_them_apart(
    tmp_path: Path, out: pytest.CaptureFixture[str], mark: str, command: str
) -> None:
    file = str(mixed(tmp_path, mark))
    assert call(command, "--json", "--by", "cc", file) == 0
    answer = out.readouterr()
    rows = [json.loads(row) for row in answer.out.splitlines()]
    assert LEFT_OUT[mark] in answer.err and all(row["vantage"] == {"cc": "DE"} for row in rows)
    assert command == "series" or sum(row["n"] for row in rows) == 3
    assert call(command, "--json", "--by", "cc", "--lab", file) == 0
    answer = out.readouterr()
    vantages = [json.loads(row)["vantage"] for row in answer.out.splitlines()]
    real = {"cc": "DE", "lab": "", "synthetic": ""}
    assert real in vantages and real | {mark: MARKS[mark]} in vantages
    assert ("2 synthetic measurements are included." in answer.err) == (mark == "synthetic")
    assert call(command, "--by", "cc", "--lab", file) == 0
    assert f"{mark.upper()} {MARKS[mark]}" in " ".join(out.readouterr().out.split())


@mark_of
def test_events_leave_them_out(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    assert call("events", str(mixed(tmp_path, mark))) == 0
    assert LEFT_OUT[mark] in out.readouterr().err


@mark_of
def test_store_rejects_them_or_has_a_column(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    file, store = str(mixed(tmp_path, mark)), str(tmp_path / "store")
    ingest = ("ingest", file, "--store", store, "--json", "--jobs", "1")
    assert call(*ingest) == 0 and json.loads(out.readouterr().out)["rejected"] == 2
    assert call("sql", "SELECT DISTINCT reason FROM rejected", "--store", store, "--json") == 0
    assert json.loads(out.readouterr().out) == {"reason": REASONS[mark]}
    assert call(*ingest, "--lab") == 0 and json.loads(out.readouterr().out)["accepted"] == 2
    for table in ("measurements", "verdicts"):
        count = f"SELECT count(DISTINCT line_hash) AS n FROM {table} WHERE {mark} = '{MARKS[mark]}'"
        assert call("sql", count, "--store", store, "--json") == 0
        assert json.loads(out.readouterr().out) == {"n": 2}
    assert call("ingest", "--rejudge", "--store", store, "--jobs", "1") == 0
    out.readouterr()
    assert call("sql", count, "--store", store, "--json") == 0
    assert json.loads(out.readouterr().out) == {"n": 2}


@mark_of
def test_exported_files_have_a_column(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    file, store = str(mixed(tmp_path, mark)), str(tmp_path / "store")
    assert call("ingest", file, "--store", store, "--lab", "--jobs", "1") == 0
    for kind in ("csv", "parquet", "jsonl"):
        export = ["export", "--store", store, "--table", "measurements", "--format", kind]
        assert call(*export, "--out", str(tmp_path / f"m.{kind}")) == 0
    with (tmp_path / "m.csv").open(newline="") as stream:
        found = [[row[mark] for row in csv.DictReader(stream)]]
    found.append([json.loads(line)[mark] for line in (tmp_path / "m.jsonl").read_text().splitlines()])
    found.append(pq.read_table(tmp_path / "m.parquet").column(mark).to_pylist())
    assert [sorted(column) for column in found] == [["", "", "", MARKS[mark], MARKS[mark]]] * 3


@mark_of
def test_citation_and_card_count_them(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    file = str(mixed(tmp_path, mark))
    assert call("cite", "--lab", file) == 0
    counts = {"lab": 0, "synthetic": 0, mark: 2}
    sentence = "Made inside the lab: {lab} measurements. Synthetic: {synthetic} measurements. Measurements: 5,"
    assert out.readouterr().out.startswith(sentence.format(**counts))
    assert call("cite", "--lab", "--json", file) == 0
    cited = json.loads(out.readouterr().out)
    assert {name: cited[name] for name in counts} == counts
    assert call("cite", "--lab", "--card", "--json", file) == 0
    assert json.loads(out.readouterr().out)["totals"][mark] == 2
    assert call("cite", file) == 0
    assert out.readouterr().out.startswith("Measurements: 3,")


@mark_of
@pytest.mark.parametrize("words", [["judge"], ["judge", "--why"], ["show"], ["show", "--why"]])
def test_screen_has_a_header(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str, words: list[str]) -> None:
    assert call(*words, str(mixed(tmp_path, mark))) == 0
    assert out.readouterr().out.count(HEADERS[mark]) == 1


@mark_of
def test_explanation_of_one_line_has_a_header(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    file = mixed(tmp_path, mark)
    for number, headers in ((1, 0), (4, 1)):
        assert call("judge", "--explain", f"{file}:{number}") == 0
        assert out.readouterr().out.count(HEADERS[mark]) == headers


@mark_of
def test_page_says_so(tmp_path: Path, mark: str) -> None:
    file, page = str(mixed(tmp_path, mark)), tmp_path / "page.html"
    for words, marked in ((["compare"], False), (["compare", "--lab"], True)):
        assert call(*words, file, "--html", str(page)) == 0
        assert (f"<strong>{mark.upper()}</strong>" in page.read_text()) == marked
        assert {name: page_of(page)[name] for name in MARKS} == {"lab": False, "synthetic": False, mark: marked}


@mark_of
def test_page_of_one_run_has_a_header(tmp_path: Path, mark: str) -> None:
    file, page = str(mixed(tmp_path, mark)), tmp_path / "page.html"
    assert call("show", file, "--html", str(page)) == 0
    assert page.read_text().count(f"<strong>{HEADERS[mark]}</strong>") == 1


@mark_of
def test_list_of_runs_names_them(tmp_path: Path, out: pytest.CaptureFixture[str], mark: str) -> None:
    run = tmp_path / "2026-11-24" / "DE-AS64500" / "080000-bb.jsonl"
    run.parent.mkdir(parents=True)
    mixed(tmp_path, mark).rename(run)
    assert call("list", "--results", str(tmp_path)) == 0
    assert f" {mark.upper()} " in out.readouterr().out  # a long name is cut
    assert call("list", "-v", "--results", str(tmp_path)) == 0
    assert f"{mark.upper()} {MARKS[mark]}" in out.readouterr().out
    assert call("list", "--results", str(tmp_path), "--json") == 0
    found = json.loads(out.readouterr().out)
    assert {name: found[name] for name in MARKS} == {"lab": None, "synthetic": None, mark: MARKS[mark]}

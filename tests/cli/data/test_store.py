"""Test `probe ingest`, `sql`, `export`, `cite` and `synth`."""

import json
from pathlib import Path

import pytest

from tests.cli.results.test_judge import call
from tests.support.store.stores import some_lines, write


def test_commands_of_a_store_work_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = str(write(tmp_path / "a.jsonl", [*some_lines(3), {}])), str(tmp_path / "store")
    assert call("ingest", file, "--store", store, "--json", "--jobs", "1") == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts.pop("seconds") >= 0
    assert counts == {"files": 1, "lines": 4, "accepted": 3, "duplicates": 0, "rejected": 1}
    assert call("sql", "SELECT state FROM verdicts ORDER BY state", "--store", store) == 0
    assert capsys.readouterr().out.splitlines() == ["state", "blocked", "degraded", "ok"]
    assert call("sql", "SELECT reason FROM rejected", "--store", store, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"reason": "This line is no measurement: it has no test_keys."}
    assert call("ingest", "--rejudge", "--store", store, "--json", "--jobs", "1") == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == 3
    assert call("export", "--store", store, "--out", str(tmp_path / "v.csv")) == 0
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 4
    assert call("cite", "--store", store, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["measurements"] == 3


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["ingest", "--store", "{}/s"], 2, "either results files or --rejudge"),
        (["ingest", "{}/none.jsonl", "--store", "{}/s"], 6, "There is no file or folder"),
        (["ingest", "{}", "--store", "{}/file"], 6, "No results files were found"),
        (["sql", "SELECT 1", "--store", "{}"], 2, "is no store"),
        (["export", "--store", "{}", "--out", "{}/x.csv"], 2, "is no store"),
        (["cite", "--store", "{}"], 2, "is no store. This makes one"),
    ],
)
def test_usage_error_gets_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    assert call(*(word.format(tmp_path) for word in words)) == code
    assert sentence in capsys.readouterr().err


def test_synth_writes_measurements_and_truth_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["synth", "--measurements", "40", "--seed", "2", "--out", str(tmp_path)]
    assert call(*words) == 0
    assert "Measurements: 40" in capsys.readouterr().out
    happens = {"events", "shutdowns", "silent_networks", "service_outages", "helper_outages"}
    assert json.loads((tmp_path / "truth.json").read_text()).keys() == {"world", "seed", "cells", *happens}
    assert call(*words) == 2
    assert "already contains measurements" in capsys.readouterr().err

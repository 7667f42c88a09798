"""Test `probe cite` on stores and on results files."""

import json
from pathlib import Path

import pytest

from probe.analysis.engines.spill_folder import PREFIX
from tests.cli.results.test_judge import call
from tests.support.store.stores import some_lines, store_of, write


@pytest.mark.parametrize("words", [["--card"], ["--card", "--json"], [], ["--json"]])
def test_files_and_their_store_have_one_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    lines = [line | {"software_name": "censorprobe"} for line in some_lines(9)]
    store, spills = store_of(tmp_path / "a", [*lines, {}]), tmp_path / "spills"
    spills.mkdir()
    monkeypatch.setenv("TMPDIR", str(spills))
    answers = []
    for source in (["--store", str(store)], [str(tmp_path / "a" / "lines.jsonl")]):
        assert call("cite", *words, *source) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] and "CC BY 4.0" in answers[0]
    assert not list(spills.glob(f"{PREFIX}*"))
    if "--json" in words:
        found = json.loads(answers[0])
        assert (found["totals"] if "--card" in words else found)["measurements"] == 9


def test_measurements_of_the_lab_need_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(write(tmp_path / "a.jsonl", [line | {"annotations": {"lab": "clean"}} for line in some_lines(2)]))
    assert call("cite", "--card", file) == 6
    assert "no measurement that a card could describe" in capsys.readouterr().err
    assert call("cite", "--card", "--lab", file) == 0
    assert "2 measurements were made inside an emulated Internet." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["cite"], 2, "either results files or --store"),
        (["cite", "{}/a.jsonl", "--store", "{}/store"], 2, "either results files or --store"),
        (["cite", "--card", "{}/none.jsonl"], 6, "There is no file or folder"),
        (["cite", "--card", "--store", "{}"], 2, "is no store. This makes one: probe ingest"),
    ],
)
def test_usage_error_gets_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    assert call(*(word.format(tmp_path) for word in words)) == code
    assert sentence in capsys.readouterr().err


def test_temporary_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "a.jsonl", some_lines(1))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    assert call("cite", "--card", str(file)) == 2
    assert f"No temporary folder can be made in {tmp_path / 'missing'}." in capsys.readouterr().err

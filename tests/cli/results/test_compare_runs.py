"""Test that two runs are compared on the screen, and that no change is reported which missing tests explain."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from probe.cli import app
from probe.cli.screen import UsageError

RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"


def call(*words: object) -> Any:
    return CliRunner().invoke(app, ["compare-runs", *map(str, words), "--plain"], env={"COLUMNS": "80"})


def run(folder: Path, name: str, **x_run: object) -> Path:
    """Write the recording of a scenario as a run, with facts of the run changed, and return its file."""
    lines = [json.loads(line) for line in gzip.decompress((RECORDED / f"{name}.jsonl.gz").read_bytes()).splitlines()]
    for line in lines:
        line["test_keys"]["x_run"] |= x_run
    path = folder / f"{name}{len(x_run)}.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


def test_apps_with_another_state_are_named(tmp_path: Path) -> None:
    done = call(run(tmp_path, "clean"), run(tmp_path, "sni-reset"))
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert ["Telegram", "WORKS", "PARTLY BLOCKED"] in [[part.strip() for part in row if part.strip()] for row in rows]
    assert "can be chance" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 80


def test_equal_runs_have_no_change(tmp_path: Path) -> None:
    first, second = run(tmp_path, "clean"), run(tmp_path, "clean", run_id="0000000000000001")
    assert "have the same state in both runs" in " ".join(call(first, second).stdout.split())
    assert "Choose two different runs" in str(call(first, first).exception)


def test_app_that_is_missing_in_a_stopped_run_is_not_called_changed(tmp_path: Path) -> None:
    whole, stopped = run(tmp_path, "clean"), run(tmp_path, "sni-reset", interrupted=True)
    said = " ".join(call(whole, stopped).stdout.split())
    assert "Second run: " in said and "run only" not in said
    assert "Signal" in said.partition("Not compared")[2].partition(".")[0]


def test_app_of_one_run_only_is_named_and_not_called_changed(tmp_path: Path) -> None:
    all_apps, signal, again = (run(tmp_path, name) for name in ("clean", "media-loss", "media-jitter"))
    for first, second, which in ((all_apps, signal, "first"), (signal, all_apps, "second")):
        said = call(first, second).stdout
        only = " ".join(said.partition(f"Tested in the {which} run only: ")[2].partition(".")[0].split())
        assert only.startswith("Facebook and Messenger, Gmail, ") and "Signal" not in only
        table = said.partition("another state:")[2]
        assert "Signal" in table and "Gmail" not in table and said.count("run only") == 1
    assert "run only" not in call(signal, again).stdout


def test_runs_without_a_common_app_are_not_called_equal(tmp_path: Path) -> None:
    said = " ".join(call(run(tmp_path, "media-loss"), run(tmp_path, "calls-cut")).stdout.split())
    assert "Tested in the first run only: Signal." in said and "Tested in the second run only: " in said
    assert "No app was tested in both runs" in said and "same state" not in said


@pytest.mark.parametrize("content", ["", "{}\n"])
def test_file_without_measurements_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "empty.jsonl").write_text(content)
    done = call(run(tmp_path, "clean"), tmp_path / "empty.jsonl")
    assert isinstance(done.exception, UsageError) and done.exception.exit_code == 6


def test_numbers_name_runs(tmp_path: Path) -> None:
    assert "There are no runs" in str(call("--results", tmp_path).exception)

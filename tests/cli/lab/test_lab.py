"""Test `probe lab list`, the errors of `probe lab run`, and its output where the lab cannot run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import probe.lab.recordings
import probe.lab.run
from probe.cli.lab.lab import app
from probe.cli.screen import UsageError
from probe.lab.censors import CLASSES
from probe.lab.sandbox.unsupported import LabUnavailable, check_system
from probe.lab.scenario.bundled_scenarios import FOLDER, scenario_names
from probe.lab.scenario.faults import KINDS
from tests.lab.record import keep_recording

REMEDY = "Operation not permitted. Run it with sudo."


def call(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_list_has_every_scenario_in_80_columns() -> None:
    printed = call("list").stdout
    assert all(name in printed for name in scenario_names())
    assert max(map(len, printed.splitlines())) <= 80
    names = [json.loads(line)["name"] for line in call("list", "--json").stdout.splitlines()]
    assert names == scenario_names()


def test_classes_have_every_key() -> None:
    documents = [json.loads(line) for line in call("list", "--classes", "--json").stdout.splitlines()]
    assert {document["name"] for document in documents} == {*CLASSES, *KINDS}
    reset = next(document for document in documents if document["name"] == "TLSReset")
    assert {"hop", "on_path", "names", "ttl", "count", "residual"} <= set(reset["keys"])
    assert not [document["name"] for document in documents if re.search(r"\s\s|\n", document["title"])]
    assert '[[censor]] class = "TLSReset"' in call("list", "--classes").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "graet-firewall"], "Did you mean 'great-firewall'"),
        (["run", "/nowhere/mine.toml"], "cannot be read"),
        (["run", "clean", "--targets", "/nowhere"], "/nowhere"),
        (["shell", "nothing-like-it"], "There is no scenario"),
        (["run", "clean", "--results", "/dev/null/here"], "Results cannot be written to /dev/null/here"),
    ],
)
def test_wrong_argument_exits_with_2(words: list[str], sentence: str) -> None:
    refused = call(*words).exception
    assert isinstance(refused, UsageError)
    assert refused.exit_code == 2
    assert sentence in refused.sentence


@pytest.fixture
def unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Emulate a computer without namespaces, and return an empty folder for recordings."""

    def refuse(*_: Any, **__: Any) -> int:
        raise LabUnavailable(REMEDY)

    monkeypatch.setattr(probe.lab.run, "run_in_lab", refuse)
    monkeypatch.setattr(probe.lab.recordings, "RECORDED", tmp_path)
    return tmp_path


def test_command_without_the_lab_prints_the_remedy(unavailable: Path) -> None:
    refused = call("run", "clean", "--", "true").exception
    assert isinstance(refused, UsageError)
    assert REMEDY in refused.sentence
    assert refused.exit_code == 1


def test_run_of_an_own_scenario_without_the_lab_is_an_error(unavailable: Path) -> None:
    own = unavailable / "own.toml"
    own.write_text((FOLDER / "clean.toml").read_text())
    refused = call("run", str(own)).exception
    assert isinstance(refused, UsageError)
    assert "scenario own has no recording" in refused.sentence


def test_run_without_the_lab_names_the_package_of_the_recordings(unavailable: Path) -> None:
    refused = call("run", "clean").exception
    assert isinstance(refused, UsageError)
    assert refused.exit_code == 1
    assert REMEDY in refused.sentence
    assert "scenario clean is in the package censorprobe-lab, which is not installed" in refused.sentence


def test_run_without_the_lab_prints_recorded_verdicts(unavailable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"annotations": {"lab": "clean"}, "measurement_start_time": "2026-11-25 10:11:12"}
    keep_recording("clean", [line], unavailable)
    seen: list[Any] = []

    def judged(lines: Any) -> list[dict[str, Any]]:
        seen.extend(lines)
        return [{"target": "telegram", "service": "telegram/web", "state": "ok", "valid": True}]

    monkeypatch.setattr("probe.analysis.verdicts.verdicts.judge_measurements", judged)
    done = call("run", "clean")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == [
        "RECORDED on 2026-11-25, the lab cannot run here",
        "LAB clean: emulated, nothing left this computer",
    ]
    assert "telegram  PARTLY TESTED" in done.stdout
    assert f"The lab cannot run on this computer: {REMEDY}" in done.stderr
    assert "verdicts come from a recorded run of the same scenario" in done.stderr
    assert seen == [("clean.jsonl.gz", 1, line)]


@pytest.mark.parametrize("system", ["darwin", "win32", "termux"])
def test_run_on_another_system_replays_the_recording(system: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.systems", system, "lab", "run", "great-firewall"]
    done = subprocess.run([*command, "--results", str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "RECORDED on " in done.stdout and re.search(r"Telegram +LIKELY BLOCKED", done.stdout)
    assert "It needs Linux" in done.stderr and "bug in probe" not in done.stderr
    done = subprocess.run([*command, "--", "true"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "It needs Linux" in done.stderr


def test_lab_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroute2", None)
    with pytest.raises(LabUnavailable, match="pyroute2"):
        check_system()


@pytest.mark.lab
def test_command_finds_probe_without_an_activated_environment() -> None:
    command = [sys.executable, "-m", "probe", "lab", "run", "clean", "--", "probe", "--version"]
    environment = os.environ | {"PATH": os.defpath}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["censorprobe"]), done.stderr


@pytest.mark.lab
def test_results_are_written_to_a_new_folder(tmp_path: Path) -> None:
    """Test a new folder below /tmp, although the lab has its own /tmp."""
    folder = tmp_path / "new" / "folder"
    command = [sys.executable, "-m", "probe", "lab", "run", "sni-reset", "--results", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (lines,) = folder.rglob("*.jsonl")
    assert f"saved {lines}" in done.stdout + done.stderr


@pytest.mark.lab
@pytest.mark.root  # raw packets
def test_run_leaves_nothing_in_a_fresh_home_but_its_note(tmp_path: Path) -> None:
    """Test that no library writes a cache, although raw packets are read."""
    results, home = tmp_path / "results", tmp_path / "home"
    home.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    command = [sys.executable, "-m", "probe", "lab", "run", "clean", "--results", str(results)]
    environment = inherited | {"HOME": str(home)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (lines,) = results.rglob("*.jsonl")
    assert any(json.loads(line)["test_keys"]["x_packets"] for line in lines.read_text().splitlines())
    written = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert written == [".local/state/censorprobe/results-folders"]
    assert not (home / ".cache").exists() and not (home / ".config").exists()

"""Test what the shells complete: targets, scenarios, runs and topics, through the variables that the shells set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from probe.targets.target_files import bundled_targets, target_names
from tests.cli.test_main import HEAVY, ROOT

SHELLS = ("bash", "zsh", "fish")


def completed(shell: str, *words: str, **env: str) -> list[str]:
    """Return the words that the program offers for the last of `words`, without their descriptions."""
    line = " ".join(("probe", *words))
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words))},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    code = "import sys; sys.argv = ['probe']; from probe.cli import app; app(prog_name='probe')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "_PROBE_COMPLETE": f"complete_{shell}", **asked, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    if shell == "zsh":
        return re.findall(r'^(?:_arguments .*\(\()?"([^"]*)"', done.stdout, re.MULTILINE)
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number, name in enumerate(("2026-11-23/XX-AS1/090000-aa.jsonl", "2026-11-24/XX-AS1/080000-bb.jsonl")):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("{}\n")
        os.utime(path, (1000 + number, 1000 + number))
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_targets_are_completed(shell: str) -> None:
    assert completed(shell, "run", "wh") == ["whatsapp"]
    assert completed(shell, "run", "--plain", "telegram,s") == [
        f"telegram,{name}" for name in ("signal", "sip", "skype", "snapchat", "stun")
    ]
    assert completed(shell, "targets", "show", "tu") == ["turn"]


@pytest.mark.parametrize("shell", SHELLS)
def test_scenarios_are_completed(shell: str) -> None:
    assert completed(shell, "lab", "run", "great") == ["great-firewall"]
    assert completed(shell, "lab", "shell", "sni-reset-r") == ["sni-reset-residual"]


@pytest.mark.parametrize("shell", SHELLS)
def test_runs_are_completed(shell: str, results: Path) -> None:
    assert completed(shell, "show", "l", PROBE_RESULTS=str(results)) == ["last"]
    assert completed(shell, "show", "1", PROBE_RESULTS=str(results)) == ["1"]


def test_empty_word_completes_to_everything(results: Path) -> None:
    assert completed("bash", "run", "") == [*target_names(bundled_targets()), "all"]
    assert completed("bash", "show", "", PROBE_RESULTS=str(results)) == ["last", "1", "2"]
    assert completed("bash", "help", "exit") == ["exit-codes"]


def test_run_is_described_by_its_date_and_network(results: Path) -> None:
    asked = {"_PROBE_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    environment = {**os.environ, **asked, "_TYPER_COMPLETE_ARGS": "probe show 2", "PROBE_RESULTS": str(results)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['probe']; from probe.cli import app; app(prog_name='probe')"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2026-11-23 09:00 XX-AS1" in done.stdout


def test_folder_that_cannot_be_used_completes_nothing() -> None:
    assert completed("bash", "run", "--targets", "/nowhere", "wh") == []


@pytest.mark.parametrize("words", ["run wh", "lab run great", "show l", "help e"])
def test_completing_loads_no_library_that_is_slow(words: str) -> None:
    code = (
        "import sys; sys.argv = ['probe']; from probe.cli import app\n"
        "try:\n    app(prog_name='probe')\n"
        "except SystemExit:\n    print('\\nMODULES', *sys.modules)"
    )
    asked = {"_PROBE_COMPLETE": "complete_bash", "COMP_WORDS": f"probe {words}", "COMP_CWORD": str(len(words.split()))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    loaded = done.stdout.partition("MODULES")[2].split()
    assert "probe.cli.completions" in loaded
    slow = HEAVY - {"pydantic"} | {"dns", "probe.session", "probe.lab.censors"}  # typer itself loads pydantic
    assert not slow & set(loaded)

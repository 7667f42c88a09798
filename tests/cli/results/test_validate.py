"""Test `probe validate`."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.formats.__main__ import FIXTURE, fixture_lines
from tests.cli.results.test_judge import call

OONIS: dict[str, Any] = {"software_name": "ooniprobe-android", "software_version": "3.8.2", "test_name": "whatsapp"}


@pytest.fixture
def line() -> dict[str, Any]:
    return next(fixture_lines())


def put(folder: Path, *lines: dict[str, Any], name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_fixture_fits_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("validate", str(FIXTURE)) == 0
    count = len(list(fixture_lines()))
    assert capsys.readouterr() == (f"{FIXTURE.name}: {count} of {count} lines fit the schema.\n", "")


def test_problem_is_printed_once_with_count(
    tmp_path: Path, line: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {**line, "probe_cc": "\x1b[31m"}
    assert call("validate", str(put(tmp_path, line, bad, bad))) == 6
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "a.jsonl: 1 of 3 lines fit the schema." and len(out) == 2
    assert out[1].startswith("  probe_cc: ") and "2 times, first in line 2" in out[1] and "\x1b" not in out[1]


def test_measurements_of_other_software_are_counted(
    tmp_path: Path, line: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("validate", str(put(tmp_path, line, OONIS))) == 0
    assert "a.jsonl: 1 line is from other software (ooniprobe-android 3.8.2)" in capsys.readouterr().out
    assert call("validate", str(put(tmp_path, OONIS))) == 6
    assert "Nothing was checked" in capsys.readouterr().err


def test_folder_with_packed_files_as_json(
    tmp_path: Path, line: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(put(tmp_path, line, {**line, "x_mine": 1}).read_bytes() + b"{torn"))
    assert call("validate", "--json", str(tmp_path)) == 6
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["file"], first["lines"], first["fitting"], first["unreadable"]) == ("a.jsonl", 2, 1, 0)
    assert (second["file"], second["lines"], second["fitting"], second["unreadable"]) == ("b.jsonl.gz", 3, 1, 1)
    assert [problem["place"] for problem in second["problems"]] == ["x_mine", ""]


def test_missing_file_exits_with_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("validate", str(tmp_path / "missing")) == 6 and call("validate", str(tmp_path)) == 6
    assert "Traceback" not in capsys.readouterr().err


def test_missing_library_names_extra(tmp_path: Path, line: dict[str, Any]) -> None:
    (tmp_path / "jsonschema_rs.py").write_text("raise ModuleNotFoundError(name='jsonschema_rs')")
    done = subprocess.run(
        [sys.executable, "-m", "probe", "validate", put(tmp_path, line)],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "jsonschema-rs" in done.stderr and "Traceback" not in done.stderr


def test_run_and_judge_load_no_validator() -> None:
    modules = "probe.cli.run.run, probe.run.runner, probe.cli.run.running, probe.analysis.verdicts.verdicts"
    asked = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert "probe.run.runner" in loaded
    assert not {
        "jsonschema_rs",
        "probe.results.validation",
        "probe.formats.schema.schema",
        "probe.formats.schema.dictionary",
    } & set(loaded)

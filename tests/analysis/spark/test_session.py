"""What keeps Spark from working is told in one sentence, with the exit code that fits, before any Java starts."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.spark import session
from tests.cli.results.test_judge import call
from tests.support.measurements.verdict_rows import rows, store

QUESTIONS = ("compare", "series", "events")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    store(tmp_path / "store", rows(3))
    return str(tmp_path / "store")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = call(*words)
    (line,) = capsys.readouterr().err.splitlines()
    return code, line


@pytest.mark.parametrize("lacking", ["pyspark", "pandas", "grpc"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_without_the_extra(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lacking: str, question: str
) -> None:
    there = importlib.util.find_spec

    def find(name: str, *more: Any) -> Any:
        return None if name == lacking else there(name, *more)

    monkeypatch.setattr(session.importlib.util, "find_spec", find)
    words = [question, folder, "--engine", "spark", "--master", "sc://127.0.0.1:1"]
    assert refused(capsys, *words) == (2, f"probe: {session.NEEDS}")


@pytest.mark.parametrize("home", ["", "/nowhere"])
def test_without_java(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", home)
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused(capsys, "compare", folder, "--engine", "spark") == (2, f"probe: {session.NEEDS_JAVA}")


@pytest.mark.parametrize("master", ["local[0x2]", "yarn", "spark://", "sc:/x", "http://127.0.0.1:1", ""])
def test_a_master_that_is_none(folder: str, capsys: pytest.CaptureFixture[str], master: str) -> None:
    code, said = refused(capsys, "compare", folder, "--engine", "spark", "--master", master)
    assert (code, session.MASTERS in said) == (2, True)


@pytest.mark.parametrize("scheme", ["sc", "spark"])
def test_a_cluster_that_does_not_answer(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    monkeypatch.setattr(session, "_java", lambda: True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, said = refused(capsys, "events", folder, "--engine", "spark", "--master", f"{scheme}://127.0.0.1:{port}")
    assert (code, "nobody answers there" in said) == (4, True)


def test_a_master_needs_its_engine(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "compare", folder, "--master", "local[2]")[0] == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", session.NEEDS_JAVA),
        ("x\nModuleNotFoundError: No module named 'probe'\ny", "the cluster's Python has no probe"),
        ("Job aborted\n  at a.b.C\nFileNotFoundError: /x is not there\n", "gave up: FileNotFoundError: /x is not"),
        ("[SOME] first line\nsecond", "gave up: [SOME] first line"),
        ("", "it does not say why"),
    ],
)
def test_of_what_spark_says_one_line_is_told(said: str, told: str) -> None:
    assert told in session._sentence(said)


def test_no_other_question_waits_for_it(folder: str) -> None:
    code = (
        f"import sys; sys.argv = ['probe', 'events', {folder!r}]\n"
        "from probe.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "duckdb" in loaded
    assert not [name for name in loaded if name.startswith(("pyspark", "py4j", "pandas", "probe.analysis.spark"))]

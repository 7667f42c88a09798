"""Test that missing conditions of Spark give one sentence and an exit code, before Java starts."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.spark import spark_session
from probe.platforms.installation import command_for
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


@pytest.mark.parametrize("missing", ["pyspark", "pandas", "grpc"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_missing_extra_is_named(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str, question: str
) -> None:
    original = importlib.util.find_spec

    def find(name: str, *more: Any) -> Any:
        return None if name == missing else original(name, *more)

    monkeypatch.setattr(spark_session.importlib.util, "find_spec", find)
    words = [question, folder, "--engine", "spark", "--master", "sc://127.0.0.1:1"]
    needs = spark_session.NEEDS.format(command=command_for("analysis", "cluster"))
    assert refused(capsys, *words) == (2, f"probe: {needs}")


@pytest.mark.parametrize("home", ["", "/nowhere"])
def test_missing_java_is_named(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", home)
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused(capsys, "compare", folder, "--engine", "spark") == (2, f"probe: {spark_session.NEEDS_JAVA}")


@pytest.mark.parametrize("master", ["local[0x2]", "yarn", "spark://", "sc:/x", "http://127.0.0.1:1", ""])
def test_unknown_master_is_refused(folder: str, capsys: pytest.CaptureFixture[str], master: str) -> None:
    code, message = refused(capsys, "compare", folder, "--engine", "spark", "--master", master)
    assert (code, spark_session.MASTERS in message) == (2, True)


@pytest.mark.parametrize("scheme", ["sc", "spark"])
def test_unreachable_cluster_exits_with_4(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    monkeypatch.setattr(spark_session, "_java", lambda: True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, message = refused(capsys, "events", folder, "--engine", "spark", "--master", f"{scheme}://127.0.0.1:{port}")
    assert (code, "does not answer" in message) == (4, True)


def test_master_without_engine_is_refused(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "compare", folder, "--master", "local[2]")[0] == 2


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", spark_session.NEEDS_JAVA),
        ("x\nModuleNotFoundError: No module named 'probe'\ny", "The Python on the cluster has no module probe"),
        ("Job aborted\n  at a.b.C\nFileNotFoundError: /x is not there\n", "Spark failed: FileNotFoundError: /x is not"),
        ("[SOME] first line\nsecond", "Spark failed: [SOME] first line"),
        ("", "no reason given"),
    ],
)
def test_spark_message_becomes_one_sentence(message: str, sentence: str) -> None:
    assert sentence in spark_session._sentence(message)


def test_other_engine_loads_no_spark(folder: str) -> None:
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


def test_ended_java_process_is_no_bug_of_the_probe() -> None:
    with pytest.raises(spark_session.ClusterError, match="perhaps for lack of memory"), spark_session.cluster_errors():
        raise ConnectionRefusedError(111, "Connection refused")

"""Test `probe explore` as a process: its first line, Ctrl-C, and what it refuses."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from probe.analysis.compare.verdict_table import StoreError, VerdictTable
from tests.cli.results.test_judge import call
from tests.support.dispositions import set_defaults
from tests.support.store.stores import some_lines, store_of

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("explore"), some_lines(30))


@pytest.fixture
def running(store: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "probe", "explore", str(store), "--by", "cc", "--only", "cc=IR", "--only", "cc=DE"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, preexec_fn=set_defaults, **pipes) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_address_is_printed_first_and_signal_ends_it(running: "subprocess.Popen[str]", number: signal.Signals) -> None:
    assert running.stdout is not None
    address = urlsplit(running.stdout.readline().strip())
    query = parse_qs(address.query)
    assert (address.scheme, address.hostname, address.path) == ("http", "127.0.0.1", "/")
    assert {name: query[name] for name in ("by", "only")} == {"by": ["cc"], "only": ["cc=IR", "cc=DE"]}
    assert len(query["token"][0]) >= 40
    with closing(http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=60)) as connection:
        connection.request("GET", f"/api/v1/cells?{address.query}")
        cells = json.loads(connection.getresponse().read())["rows"]
        assert {cell["vantage"]["cc"] for cell in cells} == {"IR", "DE"}
        connection.request("GET", f"/?{address.query.replace('by=cc', 'by=cc,asn')}")  # and do not wait for the page
        running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (0, "", "")


def test_wrong_store_is_refused_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("explore", str(tmp_path / "missing")) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("probe: ") and len(err.splitlines()) == 1 and "is no store" in err
    assert call("explore", "s3://bucket/prefix") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_damaged_store_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: object) -> VerdictTable:
        raise StoreError("The file is damaged.")

    monkeypatch.setattr(VerdictTable, "of_stores", damaged)
    assert call("explore", str(store)) == 6
    assert capsys.readouterr().err == "probe: The file is damaged.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--by", "planet"], "--by: 'planet' is not known"),
        (["--since", "yesterday"], "--since: 'yesterday' is no day or time"),
        (["--only", "cc"], "--only: 'cc' is not of the form NAME=VALUE"),
        (["--baseline", "x=1"], "--baseline: 'x=1' is not of the form NAME=VALUE"),
    ],
)
def test_wrong_question_is_refused(
    store: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("explore", str(store), *words) == 2
    assert capsys.readouterr().err.startswith(f"probe: {sentence}")


def test_port_in_use_is_refused(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert call("explore", str(store), "--port", str(port)) == 2
    err = capsys.readouterr().err
    assert err == f"probe: Port {port} cannot be used: Address already in use. Give another one with --port, or none.\n"

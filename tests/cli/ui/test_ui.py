"""Test `probe ui` as a process: its first line, signals, a run that is stopped with it, and what it refuses."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from probe.cli.run.consent_text import VERSION
from probe.results import Problem, read_lines
from tests.cli.results.test_judge import call
from tests.support.dispositions import set_defaults

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who agreed, and whose runs are recordings."""
    (tmp_path / "config" / "censorprobe").mkdir(parents=True)
    (tmp_path / "config" / "censorprobe" / "consent").write_text(VERSION)
    folders = {f"XDG_{name.upper()}_HOME": str(tmp_path / name) for name in ("config", "state", "data")}
    replay = {"PROBE_REPLAY": "great-firewall", "PROBE_REPLAY_SECONDS": "0.4"}
    return {**os.environ, **folders, **replay, "PROBE_RESULTS": str(tmp_path / "results")}


@pytest.fixture
def running(home: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.support.replayed", "ui"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=home, text=True, preexec_fn=set_defaults, **pipes) as process:
        yield process
        process.kill()


class Client:
    """Open the printed address, and send requests with its cookie."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.address = urlsplit(process.stdout.readline().strip())
        answer, _ = self.ask("GET", f"/?{self.address.query}")
        self.folder, self.cookie = answer.headers["Location"], answer.headers["Set-Cookie"].partition(";")[0]

    def ask(self, method: str, path: str, form: str = "", **headers: str) -> tuple[http.client.HTTPResponse, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.address.port or 0, timeout=60)) as connection:
            connection.request(method, path, form or None, headers)
            answer = connection.getresponse()
            return answer, answer.read().decode()

    def get(self, name: str) -> str:
        return self.ask("GET", self.folder + name, Cookie=self.cookie)[1]

    def post(self, name: str, **fields: str) -> int:
        token = self.get("").partition('name="form" value="')[2].partition('"')[0]
        form = urlencode({"form": token, **fields})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        return self.ask("POST", self.folder + name, form, **kind)[0].status


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_address_is_printed_first_and_signal_ends_it(running: "subprocess.Popen[str]", name: str) -> None:
    client = Client(running)
    assert (client.address.scheme, client.address.hostname, client.address.path) == ("http", "127.0.0.1", "/")
    assert len(client.address.query) >= len("token=") + 40
    assert "Measure this network" in client.get("")
    running.send_signal(signal.Signals[name])
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "", "")


def test_run_ends_with_the_interface_and_keeps_what_it_measured(
    running: "subprocess.Popen[str]", home: dict[str, str]
) -> None:
    client = Client(running)
    assert client.post("run", app="telegram", helper="", depth="standard") == 303
    assert client.post("run", app="telegram", helper="") == 409
    assert "The measurement runs" in client.get("running")
    while "network: AS64500" not in client.get("running"):
        pass
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=120)
    assert (running.returncode, out) == (0, "")
    first, last = err.splitlines()
    assert first == "The run under way was stopped. What was measured is kept."
    lines = [line for _, line in read_lines(Path(last.removeprefix("saved "))) if not isinstance(line, Problem)]
    assert [line["test_keys"]["x_target"]["name"] for line in lines] == ["telegram"]
    assert list(Path(home["XDG_STATE_HOME"]).glob("censorprobe/ui-*")) == []


def test_button_ends_the_program(running: "subprocess.Popen[str]") -> None:
    assert Client(running).post("end") == 200
    assert running.wait(60) == 0


def test_port_in_use_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert call("ui", "--port", str(taken.getsockname()[1])) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "cannot be used" in err


def test_settings_that_cannot_be_read_are_named_on_the_page(running: "subprocess.Popen[str]", tmp_path: Path) -> None:
    (tmp_path / "config" / "censorprobe" / "config.toml").write_text("helper = 3\n")
    page = Client(running).get("")
    assert "helper is an unknown key" in page.replace("&#39;", "'")

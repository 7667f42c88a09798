"""Test what another user of the same system reads of a running `probe ui` or `probe explore`: nothing of its content.

The folders around are open to all users and no mask takes rights away, so the program itself must keep them private.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from probe.cli.run.consent_text import VERSION
from tests.cli.ui.test_ui import ROOT, Client
from tests.support.dispositions import set_defaults
from tests.support.measurements.lines import Lines
from tests.support.second_user import answers, as_second_user, everything_below, readable, shown_of_process

pytestmark = pytest.mark.root  # becomes another user

XDG = ("config", "state", "data", "cache")


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder that every user can enter, as many home folders are, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def prepare() -> None:
    set_defaults()
    os.umask(0)


@contextmanager
def started(home: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command of a user with this home. Its folders for settings, state and files are made by the command."""
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o777)
    environment = {
        **os.environ,
        **{f"XDG_{name.upper()}_HOME": str(home / name) for name in XDG},
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PROBE_RESULTS": str(home / "results"),
        "PROBE_REPLAY": "great-firewall",
        "PROBE_REPLAY_SECONDS": "20",
    }
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        text=True,
        preexec_fn=prepare,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def done(home: Path, *words: str) -> None:
    with started(home, "probe", *words) as process:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err


def check_strangers_view(process: "subprocess.Popen[str]", home: Path, port: int, pages: list[str]) -> None:
    """Check that another user gets no file, no secret of the process and no page. `pages` have no valid secret."""
    paths = everything_below(home)
    assert len(paths) > 3, "the command keeps no state that could be read"
    seen = as_second_user(lambda: readable([str(home), *paths]))
    assert set(seen) <= {str(home), str(home / "tmp")}, "another user reads these"
    shown = as_second_user(partial(shown_of_process, process.pid))
    assert set(shown) == {"cmdline"} and "token" not in shown["cmdline"]
    for status, text in as_second_user(partial(answers, port, pages)):
        assert status in {401, 404}
        assert not any(word in text.lower() for word in ("telegram", "whatsapp", "as64500", "set-cookie", str(home)))


def test_another_user_reads_nothing_of_the_interface(home: Path) -> None:
    (home / "config" / "censorprobe").mkdir(parents=True, mode=0o700)
    (home / "config" / "censorprobe" / "consent").write_text(VERSION)
    (home / "config").chmod(0o700)
    with started(home, "tests.support.replayed", "ui") as process:
        client = Client(process)
        assert client.post("run", app="telegram", helper="", depth="standard") == 303
        while "network: AS64500" not in client.get("running"):
            pass
        assert [*(home / "state" / "censorprobe").glob("ui-*.events")], "the events of the run are no file"
        pages = ["/", "/?token=", f"/?token={'x' * 43}", client.folder, client.folder + "running", "/running"]
        check_strangers_view(process, home, client.address.port or 0, pages)
        assert "network: AS64500" in client.get("running")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def test_another_user_reads_nothing_of_the_explorer(home: Path) -> None:
    lines = Lines({"web": ["https://web.telegram.org:443/"]})
    source = home / "source"
    source.mkdir(mode=0o700)
    (source / "a.jsonl").write_text(json.dumps(lines.line()) + "\n")
    done(home, "ingest", str(source / "a.jsonl"), "--store", str(home / "store"))
    with started(home, "probe", "explore", str(home / "store")) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        token, port = parse_qs(address.query)["token"][0], address.port or 0
        paths = ("/", "/api/v1/cells", "/api/v1/verdicts", "/api/v1/store", "/feed.atom")
        pages = [path + query for path in paths for query in ("", "?token=", f"?token={token[:-1]}")]
        check_strangers_view(process, home, port, pages)
        assert answers(port, [f"/api/v1/store?token={token}"])[0][0] == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

"""Test `probe run` on a full disk and at a terminal that is closed: verdicts, the file, the exit code."""

import errno
import json
import os
import pty
import re
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.results import writing
from tests.cli.run.test_run import Result, probe_run, quiet, saved
from tests.support.dispositions import set_defaults

__all__ = ["probe_run", "quiet"]  # fixtures


def full_after(size: int, patch: pytest.MonkeyPatch) -> None:
    """Let the disk take `size` bytes more, as a disk that becomes full during the run."""
    left = [size]

    def write(fd: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(fd, data[: left[0]])
        left[0] -= written
        return written

    def write_whole(fd: int, line: bytes) -> None:
        while line:
            line = line[write(fd, line) :]

    patch.setattr(writing, "_write_whole", write_whole)


def test_verdicts_on_a_full_disk_come_from_memory(
    probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    full_after(100, monkeypatch)
    code, out, err = probe_run("telegram", "gmail", json=True)
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 7 and {record["target"] for record in records} == {"telegram", "gmail"}
    assert {record["measurement_file"] for record in records} == {"-"}
    assert "saved" not in err and "(disk full)" in err and "2 results are in no file" in err.replace("\n", " ")
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []


def test_earlier_measurements_are_kept_and_the_others_still_have_verdicts(
    probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_after(8_000, monkeypatch)  # one measurement without an attempt has about 4000 bytes
    code, out, err = probe_run("telegram", "gmail", "whatsapp", "signal", json=True, pack=False)
    records = [json.loads(line) for line in out.splitlines()]
    kept = saved(err).read_text().splitlines()
    assert code == 7 and 0 < len(kept) < 4 and all(json.loads(line) for line in kept)
    assert {record["target"] for record in records} == {"telegram", "gmail", "whatsapp", "signal"}
    names = {(record["measurement_file"], record["measurement_line"]) for record in records}
    assert names == {
        *((saved(err).name, number) for number in range(1, len(kept) + 1)),
        *(("-", number) for number in range(1, 5 - len(kept))),
    }


def test_device_that_is_always_full_is_not_saved(probe_run: Callable[..., Result]) -> None:
    code, out, err = probe_run("telegram", output="/dev/full")
    assert code == 7 and "NOT TESTED" in out and "saved" not in err and "/dev/full cannot be written" in err
    assert "File  " not in out


@pytest.mark.parametrize("json", [True, False])
def test_verdicts_that_cannot_be_printed_do_not_cost_the_file(
    json: bool, probe_run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        code, _, err = probe_run("telegram", json=json, pack=False)
    assert code == 7 and "The verdicts cannot be printed (disk full)." in err and "bug" not in err
    assert len(saved(err).read_text().splitlines()) == 1


RUN_UNTIL_STOPPED = """
    import sys
    from probe.privacy.redact import KnownIdentifiers
    from probe.run import runner
    from probe.run.measure import measured_nothing
    from probe.run.vantage import Vantage

    async def preflight(session, roots=None):
        session.preflight = {"network": True, "portal": None}

    async def where_are_we(session, **_):
        return Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, KnownIdentifiers(), "")

    async def measure(target, session, **_):
        await session.stopping.wait()
        return measured_nothing(target, session)

    runner.preflight, runner.where_are_we, runner.measure = preflight, where_are_we, measure
    runner.may_capture = lambda: False
    from probe.cli import main
    from probe.cli.run.consent import VERSION
    sys.argv = ["probe", "run", "telegram", "gmail", "--consent", VERSION, "--results", sys.argv[1], *sys.argv[2:]]
    main()
"""


@pytest.mark.parametrize("option", ["--plain", "--json"])
def test_closed_terminal_ends_the_run_in_order(option: str, tmp_path: Path) -> None:
    """Close a real terminal. The kernel sends SIGHUP, and every write to the terminal fails from then on."""
    program = textwrap.dedent(RUN_UNTIL_STOPPED)
    pid, terminal = pty.fork()
    if pid == 0:
        set_defaults()
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", program, str(tmp_path), option, "--no-pack"])
    shown = b""
    while b"Measuring" not in shown and b"measuring" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGTERM
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert re.fullmatch(r"\d{6}-[0-9a-f]{16}\.jsonl", file.name)
    assert len(file.read_text().splitlines()) == 2

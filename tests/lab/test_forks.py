"""Test the forks that run the lab: exit codes, time limit, error output, and their end with this process."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.lab.forks import CRASHED, Forks


def fail() -> None:
    raise ValueError("made")


def wait_long() -> None:
    time.sleep(60)


@pytest.mark.parametrize(
    ("program", "code"),
    [(lambda: None, 0), (lambda: sys.exit(3), 3), (lambda: sys.exit("why"), CRASHED), (fail, CRASHED)],
)
def test_exit_code_of_a_fork(program: Callable[[], None], code: int) -> None:
    forks = Forks[str](60)
    forks.start("job", program)
    assert forks.wait() == ([("job", code)], set())
    assert len(forks) == 0


def test_fork_that_takes_too_long_is_ended() -> None:
    forks = Forks[str](1)
    forks.start("job", wait_long)
    assert forks.wait() == ([("job", -signal.SIGALRM)], set())


def test_traceback_goes_to_the_file_of_errors(tmp_path: Path) -> None:
    forks = Forks[str](60)
    forks.start("job", fail, str(tmp_path / "errors"))
    forks.wait()
    assert (tmp_path / "errors").read_text().endswith("ValueError: made\n")


def test_descriptor_ends_the_wait_and_forks_go_on() -> None:
    forks, (reading, writing) = Forks[str](60), os.pipe()
    forks.start("job", wait_long)
    assert forks.wait(0.0, also=[reading]) == ([], set())
    os.write(writing, b"x")
    assert forks.wait(also=[reading]) == ([], {reading})
    assert len(forks) == 1
    forks.close()
    assert len(forks) == 0
    os.close(reading)
    os.close(writing)


def test_output_that_waits_in_a_buffer_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "out", "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        out.write("before")
        forks = Forks[str](60)
        forks.start("job", out.flush)
        forks.wait()
    assert (tmp_path / "out").read_text() == "before"

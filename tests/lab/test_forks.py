"""Test the forks that run the lab: exit codes, time limit, error output, and their end with this process."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.lab.forks import CRASHED, Forks, pause_after
from probe.lab.scenario.scenario import find_scenario, load_scenario


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
    forks.start("job", fail, errors=str(tmp_path / "errors"))
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


def test_next_fork_waits_for_a_place_and_for_the_pause() -> None:
    forks = Forks[str](60, at_once=2)
    assert forks.start_in() == 0
    forks.start("first", wait_long, pause=40.0)
    assert 30 < (forks.start_in() or 0) <= 40
    forks.start("second", wait_long)
    assert forks.start_in() is None
    forks.close()
    assert forks.start_in() == 0


def test_lab_with_more_targets_has_a_longer_pause() -> None:
    one, every = (load_scenario(find_scenario(name)) for name in ("http-blockpage", "clean"))
    assert len(one.targets) == 1 and not every.targets
    assert 1 < pause_after(one) < 1.5 and 3 < pause_after(every) < 6

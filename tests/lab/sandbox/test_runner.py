"""Test the process that runs the labs of the tests: what it repeats, and when it starts another lab."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.lab.run import Finished
from probe.lab.scenario.expectations import NETWORK, Difference
from tests.support.lab_runs import processor_use
from tests.support.lab_runs import runner as lab_runner
from tests.support.lab_runs.runner import REPETITIONS, Runner, doubts
from tests.support.lab_runs.side_by_side import EARLIER_RUNS, OUTCOME, LabRun, SideBySide, repetitions

ROOT = Path(__file__).parents[3]

MISSED = Difference("x/web", "hop", "4", "null")
UNSEEN = Difference("x/web", "state", "degraded", "ok")
GRAVER = Difference("x/web", "state", "degraded", "likely_blocked")
ACCUSED = Difference("x/web", "state", "ok, impaired", "degraded")
REGIME = Difference(NETWORK, "regime", "open", "quic_blocked")


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ((), False),
        ((MISSED,), True),
        ((MISSED, UNSEEN), True),
        ((GRAVER,), True),
        ((ACCUSED,), False),
        ((MISSED, ACCUSED), False),
        ((REGIME,), False),
        ((MISSED, REGIME), False),
        ((MISSED, Difference(NETWORK, "regime", "open", "unknown")), True),  # nothing is claimed of the network
    ],
)
def test_only_runs_that_missed_something_are_doubtful(differences: tuple[Difference, ...], expected: bool) -> None:
    assert bool(doubts(Finished(0, [], list(differences)), [], 0)) is expected
    assert not doubts(Finished(0, [], list(differences)), [], 1)


@pytest.fixture
def standard_input() -> Iterator[int]:
    """Provide an open pipe in place of standard input, as the tests' process holds one."""
    before, (read, write) = os.dup(0), os.pipe()
    os.dup2(read, 0)
    yield write
    os.dup2(before, 0)
    for each in (before, read, write):
        os.close(each)


def outcomes(monkeypatch: pytest.MonkeyPatch, root: Path, found: dict[str, list[Difference]]) -> dict[str, int]:
    """Run labs that differ in their first run as `found` says. Return how many differences count in the end."""

    def run(wanted: LabRun, folder: Path) -> Finished:
        first = not (root / EARLIER_RUNS / "1" / folder.name).exists()
        (folder / "results").write_text("first" if first else "again")
        return Finished(0, [], found[wanted.name] if first else [])

    monkeypatch.setattr(lab_runner, "run", run)
    monkeypatch.setattr(lab_runner, "pause_after", lambda scenario: 0.0)
    runner = Runner(root)
    if runner.run([LabRun(name) for name in found], 2):
        runner.repeat()
    ended = {name: LabRun(name).folder(root) for name in found}
    return {name: len(json.loads((path / OUTCOME).read_text())["differences"]) for name, path in ended.items()}


@pytest.mark.usefixtures("standard_input")
def test_run_that_missed_something_is_repeated_and_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counted = outcomes(monkeypatch, tmp_path, {"clean": [], "sni-reset": [MISSED], "tls-mitm": [ACCUSED]})
    assert counted == {"clean": 0, "sni-reset": 0, "tls-mitm": 1}
    assert [path.name for path in (tmp_path / EARLIER_RUNS / "1").iterdir()] == ["sni-reset-0-whole"]
    assert (tmp_path / "sni-reset-0-whole" / "results").read_text() == "again"
    (sentence,) = repetitions(tmp_path)
    assert sentence == (
        "The lab's run sni-reset-0-whole was repeated alone. "
        "Its run before had differences (x/web: hop null in place of 4)."
    )


@pytest.mark.usefixtures("standard_input")
def test_difference_that_stays_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lab_runner, "run", lambda wanted, folder: Finished(0, [], [UNSEEN]))
    runner = Runner(tmp_path)
    assert runner.run([LabRun("clean")], 1)
    runner.repeat()
    assert json.loads((tmp_path / "clean-0-whole" / OUTCOME).read_text())["differences"]


@pytest.mark.usefixtures("standard_input")
@pytest.mark.parametrize("disturbed", range(REPETITIONS + 2))
def test_run_whose_call_packets_were_disturbed_is_repeated_until_they_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, disturbed: int
) -> None:
    def run(wanted: LabRun, folder: Path) -> Finished:
        repetitions_before = len(list(tmp_path.glob(f"{EARLIER_RUNS}/*/{folder.name}")))
        result = "slow_line" if repetitions_before < disturbed else "measured"
        (folder / "run.jsonl").write_text(json.dumps({"test_keys": {"x_run": {"media": result}}}) + "\n")
        return Finished(0, [], [])

    monkeypatch.setattr(lab_runner, "run", run)
    runner = Runner(tmp_path)
    assert runner.run([LabRun("clean")], 1)
    runner.repeat()
    assert json.loads((tmp_path / "clean-0-whole" / OUTCOME).read_text())["differences"] == []
    named = list(repetitions(tmp_path))
    assert len(named) == min(disturbed, REPETITIONS)
    assert all("(call packets: media slow_line in place of measured)" in each for each in named)


def test_nothing_is_repeated_after_the_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, standard_input: int
) -> None:
    monkeypatch.setattr(lab_runner, "run", lambda wanted, folder: Finished(0, [], [UNSEEN]))
    os.write(standard_input, b"\n")
    assert not Runner(tmp_path).run([LabRun("clean"), LabRun("sni-reset")], 1)


def test_share_is_that_of_work_without_a_nice_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processor_use, "STAT", tmp_path / "stat")
    monkeypatch.setattr(processor_use, "SPAN", 0.0)

    def ticks(user: int, nice: int, idle: int) -> None:
        (tmp_path / "stat").write_text(f"cpu  {user} {nice} 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")

    ticks(100, 100, 100)
    use = processor_use.ProcessorUse()
    ticks(160, 140, 100)
    assert not use.is_high()
    ticks(250, 150, 100)
    assert use.is_high()


def test_lab_waits_for_busy_processors_only_beside_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processor_use.ProcessorUse, "is_high", lambda use: True)

    class Some(lab_runner.Forks[LabRun]):
        count = 0

        def __len__(self) -> int:
            return self.count

    runner, forks = Runner(tmp_path), Some(1, at_once=9)
    pauses = []
    for forks.count in range(5):
        pauses.append(runner._pause(forks))
    assert pauses == [0.0] * lab_runner.AT_LEAST + [lab_runner.RECHECK] * (5 - lab_runner.AT_LEAST)


START = """
import os, sys
from pathlib import Path
from tests.support.lab_runs.side_by_side import LabRun, SideBySide
SideBySide.start([LabRun("sni-reset", bare=True)], Path(sys.argv[1]), ends_with=int(sys.argv[2]))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def tests_process() -> Iterator["subprocess.Popen[bytes]"]:
    """Provide a process in place of the one that collects the results of the tests."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def start_in_worker_that_is_killed(root: Path, tests: "subprocess.Popen[bytes]") -> None:
    command = [sys.executable, "-c", START, str(root), str(tests.pid)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9


@pytest.mark.lab
def test_runs_outlive_a_killed_worker(tmp_path: Path, tests_process: "subprocess.Popen[bytes]") -> None:
    start_in_worker_that_is_killed(tmp_path, tests_process)
    assert not SideBySide(tmp_path).of(LabRun("sni-reset", bare=True)).finished.differences


@pytest.mark.lab
def test_runs_end_with_the_tests(tmp_path: Path, tests_process: "subprocess.Popen[bytes]") -> None:
    start_in_worker_that_is_killed(tmp_path, tests_process)
    tests_process.kill()
    with pytest.raises(RuntimeError, match="has ended"):
        SideBySide(tmp_path).of(LabRun("sni-reset", bare=True))

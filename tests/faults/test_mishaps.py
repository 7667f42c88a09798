"""Test runs that are killed or suspended, or lose the link, the clock or descriptors: no result is false."""

import re
from pathlib import Path

import pytest

from probe.formats.failures import is_local
from probe.results import Problem
from tests.support.faults.mishaps import NAMES, at_home

pytestmark = pytest.mark.lab

FINISHED = re.compile(r"\((\d+) of (\d+), [0-9.]+ s\)$", re.MULTILINE)


def test_killed_run_keeps_every_reported_measurement(tmp_path: Path) -> None:
    runs = at_home(
        """
        draw = random.Random(7)
        probes = [Probe("--repeat", "4") for _ in range(4)]
        for probe in probes:
            probe.measuring()
        for number, probe in enumerate(probes):
            if number % 2:
                probe.wait_for(" of 16")  # the first line is finished: the others of these moments are in the middle
            time.sleep(draw.uniform(0.0, 1.6 if number % 2 else 0.5))
            probe.signal(signal.SIGKILL)
        answers = [probe.result(5.0) for probe in probes]
        """,
        tmp_path,
    )
    seen = []
    for run in runs:
        finished = max((int(done) for done, _ in FINISHED.findall(run.output)), default=0)
        lines = run.lines()
        whole = [line for line in lines if not isinstance(line, Problem)]
        assert len(whole) >= finished  # a measurement is on the disk before it is reported as finished
        assert len(lines) - len(whole) <= 1  # at most the last one is incomplete, and the reader reports it
        assert all(line["test_keys"]["x_transactions"] for line in whole)
        seen.append(finished)
    assert any(0 < finished < 4 * len(NAMES) for finished in seen), seen  # else no run was killed in the middle


@pytest.mark.root  # takes the network interface down
def test_lost_link_during_run_accuses_nothing(tmp_path: Path) -> None:
    runs = at_home(
        """
        probes = []
        for head_start in (1.5, 0.6, 0.1):
            probes.append(Probe())
            probes[-1].measuring()
            time.sleep(head_start)
        link(False)
        answers = [probe.result(60.0) for probe in probes]
        """,
        tmp_path,
    )
    assert any(state != "ok" for run in runs for state in run.states.values())  # else the link was lost too late
    for run in runs:
        run.assert_nothing_is_accused()
        assert len(run.measured()) == len(NAMES)


def test_missing_descriptors_accuse_nothing(tmp_path: Path) -> None:
    runs = at_home(
        """
        def only(most):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        probes = [Probe(before=only(most)) for most in (12, 28, 48)]
        answers = [probe.result(60.0) for probe in probes]
        """,
        tmp_path,
    )
    failures: set[str] = set()
    for run in runs:
        run.assert_nothing_is_accused()
        assert len(run.measured()) == len(NAMES), run.output
        for line in run.measured():
            failures |= {record["failure"] for record in line["test_keys"]["x_transactions"] if record["failure"]}
    assert any(is_local(failure) for failure in failures), failures  # else no descriptor was missing


STEPPING = """
import datetime, runpy, sys, time
real, now, began, by = datetime.datetime, time.time, time.monotonic(), float(sys.argv.pop(1))
def step():
    return by if time.monotonic() - began > 1.5 else 0.0
time.time = lambda: now() + step()
class Stepped(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=step())
datetime.datetime = Stepped
runpy.run_module("probe", run_name="__main__")
"""


def test_changed_clock_during_run_accuses_nothing(tmp_path: Path) -> None:
    plain, *stepped = at_home(
        f"""
        probes = [Probe(), *(Probe(start=("-c", {STEPPING!r}, by)) for by in ("7200", "-7200"))]
        answers = [probe.result(60.0) for probe in probes]
        """,
        tmp_path,
    )
    assert set(plain.states.values()) == {"ok"}
    for run in stepped:
        run.assert_nothing_is_accused()
        assert run.states == plain.states
        for line in run.measured():
            assert 0 <= line["test_runtime"] < run.seconds
            records = line["test_keys"]["x_transactions"]
            assert all(0 <= record["t0"] <= record["t"] <= line["test_runtime"] for record in records)


@pytest.mark.timeout(240)
def test_suspension_during_run_accuses_nothing(tmp_path: Path) -> None:
    runs = at_home(
        """
        probes = [Probe() for _ in range(4)]
        for probe, delay in zip(probes, (0.0, 0.3, 0.8, 1.6)):
            probe.measuring()
            time.sleep(delay)
            probe.signal(signal.SIGSTOP)
        time.sleep(60.0)
        for probe in probes:
            probe.signal(signal.SIGCONT)
        answers = [probe.result(60.0) for probe in probes]
        """,
        tmp_path,
    )
    slept = []
    for run in runs:
        run.assert_nothing_is_accused()
        assert run.seconds > 60
        slept += [record for line in run.measured() for record in line["test_keys"]["x_transactions"]]
    assert any(record["t"] - record["t0"] > 55 for record in slept)  # else no attempt was in progress

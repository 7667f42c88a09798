"""Test that a failed test runs again at the end, alone, and that the second result counts, but not for a promise."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = """[pytest]
addopts = -q -p no:cacheprovider
markers =
    promise: counts at once
"""
PLUGIN = "from tests.support.repetition import pytest_addoption, pytest_configure\n"
FIRST_TIME = """
import os, signal, time
from pathlib import Path
import pytest

def first_time():
    place = Path(__file__).with_name("was-here")
    was_here = place.exists()
    place.touch()
    return not was_here

def test_other():
    pass
"""
FAILS_ONCE = "def test_once():\n    assert not first_time(), 'the reason'\n"


class Ended(NamedTuple):
    code: int
    printed: str
    closing: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs tests in a project of their own, by default with repetition."""
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "conftest.py").write_text(PLUGIN)

    def of(tests: str, *options: str, repeat: bool = True) -> Ended:
        (tmp_path / "test_it.py").write_text(FIRST_TIME + tests)
        command = [sys.executable, "-m", "pytest", *(["--repeat-failures"] if repeat else []), *options]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        env["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        closing = re.sub(r" in [0-9.]+s$", "", done.stdout.splitlines()[-1])
        return Ended(done.returncode, done.stdout, closing)

    return of


def saved(tmp_path: Path) -> list[str]:
    file = tmp_path / "build" / "failed-then-passed.json"
    return [each["test"] for each in json.loads(file.read_text())] if file.exists() else []


@pytest.mark.parametrize("workers", ["0", "2"])
def test_failure_that_passes_alone_is_green_and_named(run: Run, tmp_path: Path, workers: str) -> None:
    ended = run(FAILS_ONCE, "-n", workers)
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed
    assert re.search(r"^FAILED, THEN PASSED: test_it\.py::test_once: AssertionError: the reason", ended.printed, re.M)
    assert "Repeating alone: test_it.py::test_once. It failed first with:" in ended.printed
    assert "E       AssertionError: the reason" in ended.printed  # the whole first failure is shown
    assert saved(tmp_path) == ["test_it.py::test_once"]


def test_error_in_setup_that_passes_alone_is_green(run: Run) -> None:
    fixture = "@pytest.fixture\ndef broken():\n    if first_time():\n        raise OSError('no place')\n"
    ended = run(fixture + "def test_with(broken):\n    pass\n")
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed


def test_error_in_teardown_counts_a_passed_test_once(run: Run) -> None:
    fixture = "@pytest.fixture\ndef broken():\n    yield\n    assert not first_time()\n"
    ended = run(fixture + "def test_with(broken):\n    pass\n")
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed


def test_failure_that_fails_again_is_red_and_shows_both(run: Run, tmp_path: Path) -> None:
    ended = run("def test_always():\n    assert first_time() is None\n")
    assert (ended.code, ended.closing) == (1, "1 failed, 1 passed"), ended.printed
    assert "It failed again:" in ended.printed
    assert "assert False is None" in ended.printed
    assert "assert True is None" in ended.printed
    assert saved(tmp_path) == []


def test_one_that_fails_again_keeps_the_run_red_and_the_others_named(run: Run, tmp_path: Path) -> None:
    ended = run(FAILS_ONCE + "def test_always():\n    assert False\n")
    assert (ended.code, ended.closing) == (1, "1 failed, 2 passed"), ended.printed
    assert saved(tmp_path) == ["test_it.py::test_once"]


def test_broken_promise_is_red_at_once(run: Run, tmp_path: Path) -> None:
    ended = run(f"@pytest.mark.promise\n{FAILS_ONCE}")
    assert (ended.code, ended.closing) == (1, "1 failed, 1 passed"), ended.printed
    assert "NOT REPEATED: what failed tests a promise: test_it.py::test_once." in ended.printed
    assert saved(tmp_path) == []


def test_mark_that_is_added_while_the_test_runs_counts(run: Run) -> None:
    late = "@pytest.fixture\ndef late(request):\n    request.node.add_marker('promise')\n"
    ended = run(late + "def test_once(late):\n    assert not first_time()\n", "-n", "1")
    assert (ended.code, ended.closing) == (1, "1 failed, 1 passed"), ended.printed


@pytest.mark.parametrize(
    "failure", ["raise OSError('a full disk')", "pytest.fail('Timeout (>300.0s) from pytest-timeout.')"]
)
def test_what_asserts_nothing_breaks_no_promise(run: Run, failure: str) -> None:
    ended = run(f"@pytest.mark.promise\ndef test_once():\n    if first_time():\n        {failure}\n")
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed


def test_test_over_its_time_limit_runs_again(run: Run) -> None:
    ended = run("@pytest.mark.timeout(1)\ndef test_once():\n    while first_time():\n        time.sleep(60)\n")
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed
    assert "Timeout (>1.0s)" in ended.printed


def test_test_of_a_killed_worker_runs_again(run: Run) -> None:
    ended = run("def test_once():\n    if first_time():\n        os.kill(os.getpid(), signal.SIGKILL)\n", "-n", "1")
    assert (ended.code, ended.closing) == (0, "2 passed"), ended.printed
    assert "crashed while running 'test_it.py::test_once'" in ended.printed


def test_many_failures_are_no_accident(run: Run) -> None:
    many = "@pytest.mark.parametrize('number', range(31))\ndef test_many(number):\n    assert len(os.environ) == 0\n"
    ended = run(many)
    assert (ended.code, ended.closing) == (1, "31 failed, 1 passed"), ended.printed
    assert "NOT REPEATED: 31 tests failed, and more than 30 are no accident." in ended.printed


def test_skipped_repetition_is_no_success(run: Run) -> None:
    ended = run("def test_once():\n    if not first_time():\n        pytest.skip('not now')\n    assert False\n")
    assert (ended.code, ended.closing) == (1, "1 failed, 1 passed"), ended.printed


def test_without_the_option_nothing_is_repeated(run: Run, tmp_path: Path) -> None:
    ended = run(FAILS_ONCE, repeat=False)
    assert (ended.code, ended.closing) == (1, "1 failed, 1 passed"), ended.printed
    assert saved(tmp_path) == []


def test_makefile_repeats_unless_strict() -> None:
    for words, repeats in (((), True), (("STRICT=1",), False)):
        command = ["make", "--dry-run", "--no-print-directory", "test", *words]
        printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert ("--repeat-failures" in printed) is repeats

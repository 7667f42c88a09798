"""Run failed tests again at the end, each alone in a fresh process. The second result counts.

A run of 20,000 tests beside labs in real time has a failure by accident in most runs. CPython's test runner repeats
failed tests for this reason (`regrtest --rerun`). With the option `--repeat-failures`, which `make test` gives, this
module does the same.

Not repeated are more than MOST failures, and broken promises: a failed assertion of a test with the mark `promise`.
A promise is, for example, that nothing is accused falsely. Set-up that fails or time that runs out breaks no promise.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

MOST = 30  # failures. More are no accident
LONGEST = 1200  # seconds for one repeated test, beside the limit that the test itself has
SAVED = Path("build", "failed-then-passed.json")  # below the project's root
PROMISE = "promise"
ASSERTED = ("AssertionError", "assert ", "Failed: ")  # how the message of a failed assertion begins, and of pytest.fail
OVER_TIME = "Failed: Timeout"  # pytest-timeout fails a test in this way


@dataclass(frozen=True)
class Result:
    """Hold one result of a test: its failure or closing line, the system's load at its end, and its seconds."""

    passed: bool
    line: str
    load: float
    seconds: float


@dataclass(frozen=True)
class Repeated:
    """Hold both results of a test that failed."""

    test: str
    first: Result
    second: Result

    def sentence(self) -> str:
        """Return the line for the end of the run."""
        figures = f"load {self.first.load} and {self.second.load}, {self.first.seconds} s and {self.second.seconds} s"
        return f"FAILED, THEN PASSED: {self.test}: {self.first.line} ({figures})"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that the Makefile uses."""
    help_text = "run failed tests again at the end, alone, and let the second result count"
    parser.addoption("--repeat-failures", action="store_true", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that collects the results repeat failures, and no worker of pytest-xdist."""
    if config.option.repeat_failures and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Repetition(config))


class Repetition:
    """Note the failures of a run, and repeat them when every other test has ended."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, list[pytest.TestReport]] = {}
        self._loads: dict[str, float] = {}
        self._sentences: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.setdefault(report.nodeid, []).append(report)
            self._loads.setdefault(report.nodeid, _load())

    @pytest.hookimpl(wrapper=True, trylast=True)  # workers have ended, and pytest's summary comes later
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        yield
        saved = self._config.rootpath / SAVED
        saved.unlink(missing_ok=True)
        if exitstatus != pytest.ExitCode.TESTS_FAILED or session.shouldstop or not self._failed:
            return
        if reason := self._reason_against():
            self._sentences.append(f"NOT REPEATED: {reason}")
            return
        repeated = [self._repeat(test) for test in self._failed]
        then_passed = [each for each in repeated if each.second.passed]
        self._sentences += [each.sentence() for each in then_passed]
        if then_passed:
            saved.parent.mkdir(exist_ok=True)
            saved.write_text(json.dumps([asdict(each) for each in then_passed], indent=1) + "\n", encoding="utf-8")
        self._count_as_passed({each.test for each in then_passed})
        if len(then_passed) == len(repeated):
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for sentence in self._sentences:
            terminalreporter.line(sentence)

    def _reason_against(self) -> str:
        """Return a sentence that says why the failures count at once, "" if they are repeated."""
        if len(self._failed) > MOST:
            return f"{len(self._failed)} tests failed, and more than {MOST} are no accident."
        broken = [test for test, reports in self._failed.items() if any(map(breaks_promise, reports))]
        return f"what failed tests a promise: {', '.join(broken)}." if broken else ""

    def _repeat(self, test: str) -> Repeated:
        reports = self._failed[test]
        seconds = round(sum(report.duration for report in reports), 1)
        first = Result(False, failure_of(reports[0]), self._loads[test], seconds)
        terminal: Any = self._config.pluginmanager.getplugin("terminalreporter")
        terminal.line("")
        terminal.line(f"Repeating alone: {test}. It failed first with:")
        terminal.line(reports[0].longreprtext)
        begin = time.monotonic()
        command = [sys.executable, "-m", "pytest", f"--rootdir={self._config.rootpath}", test]
        try:
            done = subprocess.run(
                command,
                cwd=self._config.rootpath,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=LONGEST,
                check=False,
            )
            printed, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired:
            printed, code = f"The repeated test did not end within {LONGEST} s.", 1
        closing = last_line(printed)
        passed = code == 0 and closing.startswith("1 passed")  # a skipped test has passed nothing
        if not passed:
            terminal.write(f"It failed again:\n{printed}\n")
        return Repeated(test, first, Result(passed, closing, _load(), round(time.monotonic() - begin, 1)))

    def _count_as_passed(self, tests: set[str]) -> None:
        """Correct the numbers of pytest's closing line."""
        terminal: Any = self._config.pluginmanager.getplugin("terminalreporter")
        counted = terminal.stats
        for kind in ("failed", "error"):
            counted[kind] = [report for report in counted.get(kind, []) if report.nodeid not in tests]
        already = {report.nodeid for report in counted.get("passed", [])}
        counted.setdefault("passed", []).extend(self._failed[test][0] for test in sorted(tests - already))


def breaks_promise(report: pytest.TestReport) -> bool:
    """Return whether an assertion of a test with the mark `promise` failed."""
    message = message_of(report)
    return PROMISE in report.keywords and message.startswith(ASSERTED) and not message.startswith(OVER_TIME)


def message_of(report: pytest.TestReport) -> str:
    """Return the exception with its message, "" if there is none, as of a killed worker."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else ""


def failure_of(report: pytest.TestReport) -> str:
    """Return one line that says how the test failed."""
    lines = message_of(report).splitlines()
    return next((line for line in lines if line.strip()), last_line(report.longreprtext))


def last_line(text: str) -> str:
    """Return the last line that is not empty, "" if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _load() -> float:
    return round(os.getloadavg()[0], 1)

"""Collect the tests with Spark if Java is installed. With CI set they are always collected, and fail without it."""

import os

import pytest

from tests.real.packages import COMMAND, JAVA, missing

LACKING = JAVA in missing()
NEED_JAVA = ["test_engines_agree.py", "test_killed.py"]
collect_ignore = NEED_JAVA if LACKING and not os.environ.get("CI") else []


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print what did not run, after pytest's last line."""
    if collect_ignore:
        names = ", ".join(f"tests/analysis/spark/{name}" for name in collect_ignore)
        print(f"DID NOT RUN: {names} (not installed: {JAVA}). To run them: {COMMAND}.", flush=True)

"""Collects the tests with Spark where Java is; with CI set everywhere, and they fail without it."""

import os

import pytest

from tests.real.packages import COMMAND, JAVA, missing

LACKING = JAVA in missing()
collect_ignore = ["test_engines_agree.py"] if LACKING and not os.environ.get("CI") else []


def pytest_unconfigure(config: pytest.Config) -> None:
    """Comes after pytest's closing line."""
    if collect_ignore:
        name = f"tests/analysis/spark/{collect_ignore[0]}"
        print(f"DID NOT RUN: {name} (not installed: {JAVA}). To run it: {COMMAND}.", flush=True)

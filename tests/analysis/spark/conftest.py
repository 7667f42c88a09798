"""Collect the tests with Spark if Java is installed. With CI set they are always collected, and fail without it."""

import os
from collections.abc import Iterator

import pytest

from tests.real.packages import COMMAND, JAVA, missing
from tests.support.not_run import NOT_RUN
from tests.support.spark.clusters import connect

LACKING = JAVA in missing()
NEED_JAVA = ["test_engines_agree.py", "test_killed.py"]
collect_ignore = NEED_JAVA if LACKING and not os.environ.get("CI") else []


def pytest_configure(config: pytest.Config) -> None:
    """Print the tests that did not run, after the last line of pytest."""
    if collect_ignore:
        names = ", ".join(f"tests/analysis/spark/{name}" for name in collect_ignore)
        sentence = f"DID NOT RUN: {names} (not installed: {JAVA}). To run them: {COMMAND}."
        config.stash.setdefault(NOT_RUN, []).append(sentence)


@pytest.fixture(scope="session")
def connect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start one Spark Connect server for all tests, and return its URL."""
    if LACKING:
        pytest.fail(f"not installed: {JAVA}; to run this: {COMMAND}", pytrace=False)
    with connect(tmp_path_factory.mktemp("connect-server")) as url:
        yield url

"""Collect the tests against real servers where they can run. Elsewhere the last output line names what is missing.

With CI set they are always collected, and fail if a server is missing.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.packages import COMMAND, NO_SERVERS, missing
from tests.real.visit import Visit, visit
from tests.support.not_run import NOT_RUN

HERE = Path(__file__).parent
NEED_SERVERS = sorted(path.name for path in HERE.glob("test_real_*.py"))


def lacking() -> str | None:
    """Return why these tests cannot run here, None if they can."""
    if packages := [package for package in missing() if package not in NO_SERVERS]:
        return f"not installed: {', '.join(packages)}"
    return None if os.geteuid() == 0 else "the servers have to be started as root"


collect_ignore = NEED_SERVERS if lacking() and not os.environ.get("CI") else []


def pytest_configure(config: pytest.Config) -> None:
    """Print the tests that did not run, after the last line of pytest."""
    if collect_ignore:
        names = ", ".join(f"tests/real/{name}" for name in collect_ignore)
        config.stash.setdefault(NOT_RUN, []).append(f"DID NOT RUN: {names} ({lacking()}). To run them: {COMMAND}.")


@pytest.fixture(scope="session")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Run the whole program once with the real servers."""
    if reason := lacking():
        pytest.fail(f"{reason}; to run this: {COMMAND}", pytrace=False)
    yield visit(tmp_path_factory.mktemp("real"))

"""Make one store for the tests that only read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.store.stores import some_lines, store_of


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of measurements in three countries and months."""
    return store_of(tmp_path_factory.mktemp("explore"), some_lines(60))


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the state of the store for every request."""
    monkeypatch.setattr("probe.explore.explorer.CHECKED_FOR", 0.0)


class InThread:
    """Compute in this process, where functions can be replaced."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    def close(self) -> None:
        """Close nothing."""


@pytest.fixture(autouse=True)
def computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process. Those are started in tests/cli/data/test_explore.py and test_computation.py."""
    monkeypatch.setattr("probe.explore.explorer.Computation", InThread)

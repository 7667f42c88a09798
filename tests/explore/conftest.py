"""Make one store for the tests that only read it."""

from pathlib import Path

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

"""The world in which most endpoints are reached; a test that needs another has a `world` of its own."""

from pathlib import Path

import pytest

from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Servers on loopback, and names that resolve to what a test says."""
    made = World(tmp_path)
    made.install(monkeypatch)
    return made

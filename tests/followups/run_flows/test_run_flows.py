"""Test in which order the flows that take long begin, and that none waits for another without a reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from probe.followups.run_flows.kept_connections import KeptConnections
from probe.followups.run_flows.media_pairs import MediaPairs
from probe.followups.run_flows.run_flows import RunFlows
from probe.followups.run_flows.transfer_pairs import TransferPairs
from probe.session.session import RunSettings
from probe.session.trace import Trace
from probe.targets.target_files import bundled_targets, load_target
from tests.support.world import World

SIGNAL, GMAIL = (load_target(bundled_targets() / f"{name}.toml") for name in ("signal", "gmail"))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the long flows by waits, and note what begins and ends. A transfer and a call can show a reason to keep
    connections.
    """
    noted: list[str] = []

    def flow(name: str, seconds: float) -> Any:
        async def finish(*_: Any) -> str:
            noted.append(f"{name} begins")
            await asyncio.sleep(seconds)
            noted.append(f"{name} ends")
            return "measured"

        return finish

    monkeypatch.setattr(TransferPairs, "finish", flow("transfers", 0.1))
    monkeypatch.setattr(MediaPairs, "finish", flow("media", 0.1))
    monkeypatch.setattr(KeptConnections, "finish", flow("kept", 0.3))
    return noted


async def noted_with(told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str) -> list[str]:
    """Return what began and ended if connections are kept after `reason`, "" for at once."""
    monkeypatch.setattr(KeptConnections, "server_of", lambda *_: not reason or reason in told)
    world = World(tmp_path)
    world.session.settings = RunSettings(control=("http://helper.example",))
    await RunFlows(world.session, [SIGNAL]).finish(SIGNAL, Trace(), {"failure": None})
    return told


@pytest.mark.parametrize(
    ("reason", "before"),
    [("", "transfers ends"), ("transfers ends", "media ends"), ("media ends", "kept ends")],
)
async def test_connections_are_kept_as_soon_as_there_is_a_reason(
    told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str, before: str
) -> None:
    found = await noted_with(told, monkeypatch, tmp_path, reason)
    assert found.count("kept begins") == 1 and found[-1] == "kept ends"
    begins = found.index("kept begins")
    assert not reason or found.index(reason) < begins
    assert begins < found.index(before)


async def test_nothing_is_kept_without_a_reason(
    told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "kept begins" not in await noted_with(told, monkeypatch, tmp_path, "nothing")


@pytest.mark.parametrize(("target", "asked"), [(SIGNAL, True), (GMAIL, False)])
def test_helper_is_asked_for_offers_only_if_flows_begin_with_them(tmp_path: Path, target: Any, asked: bool) -> None:
    world = World(tmp_path)
    assert RunFlows(world.session, [target]).wait_for_offers == asked
    world.session.settings = RunSettings(followups=False)
    assert not RunFlows(world.session, [target]).wait_for_offers

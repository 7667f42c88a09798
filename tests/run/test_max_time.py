"""Test with simulated time that `--max-time N` ends a run within N plus 2 s, whatever is still awaited."""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from probe.connectivity.endpoint import Reach
from probe.nettests import NETTESTS
from probe.run import runner
from probe.run.measure import measure
from probe.run.network.network_checks import NetworkChecks
from probe.run.run_plan import RunOutcome
from probe.session.session import RunSettings
from tests.run.test_runner import SimulatedRun, names
from tests.run.test_runner import simulated as simulated

LIMIT = 10.0
FOREVER = 3600.0
JUDGING = 1.0  # seconds that are left for closing and the verdicts


class JumpingSelector(selectors.SelectSelector):
    """Advance the time to the next timer when nothing else is to do."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(None if timeout is None else 0)
        if not found and timeout:
            self.now += timeout
        return found


def in_simulated_time(
    main: Callable[[], Awaitable[RunOutcome]], monkeypatch: pytest.MonkeyPatch, writing: float = 0.0
) -> tuple[Any, float]:
    """Run to the end, and return the outcome and the seconds that it took. Work in a thread takes `writing` seconds."""

    async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(writing)
        return function(*args)

    async def whole() -> RunOutcome:
        return await main()

    selector = JumpingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    monkeypatch.setattr(loop, "time", lambda: selector.now)
    monkeypatch.setattr(time, "monotonic", lambda: selector.now)
    monkeypatch.setattr(asyncio, "to_thread", in_thread)
    began = selector.now
    with asyncio.Runner(loop_factory=lambda: loop) as one:
        return one.run(whole()), selector.now - began


@pytest.fixture
def waiting(simulated: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> SimulatedRun:
    """Measure targets whose checks of the network and whose last sockets never end."""

    async def never(*_: Any) -> None:
        await asyncio.sleep(FOREVER)

    simulated.settings = RunSettings(max_time=LIMIT)
    monkeypatch.setattr(runner, "measure", measure)
    monkeypatch.setattr(NetworkChecks, "_check", never)
    return simulated


def takes(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the steps of a target take so long, with a check of the network and a socket that still listens."""

    async def steps(_: Any, reach: Reach, *__: Any) -> None:
        async def listen() -> None:
            await asyncio.sleep(FOREVER)

        await asyncio.sleep(seconds)
        assert reach.session.watch is not None
        reach.session.watch.beside()
        reach.trace.later(listen())

    monkeypatch.setattr(type(NETTESTS["endpoint_reachability"]), "measure", steps)


@pytest.mark.parametrize("seconds", [0.5, 5.0, 8.0, 8.9, 9.5, FOREVER])
def test_run_ends_soon_after_its_limit(waiting: SimulatedRun, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    takes(seconds, monkeypatch)
    outcome, took = in_simulated_time(lambda: waiting.run("chat", "mail"), monkeypatch)
    assert took <= LIMIT + 2 - JUDGING, took
    assert names(outcome) == ["chat", "mail"] and outcome.bugs == []


def test_checks_before_the_first_target_are_ended_too(waiting: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async def preflight(*_: Any) -> None:
        await asyncio.sleep(FOREVER)

    monkeypatch.setattr(runner, "preflight", preflight)
    outcome, took = in_simulated_time(lambda: waiting.run("chat"), monkeypatch)
    assert took <= LIMIT + 2 - JUDGING and outcome.code == runner.BUDGET


def test_what_was_measured_is_written_on_a_slow_computer(
    waiting: SimulatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes(FOREVER, monkeypatch)
    outcome, took = in_simulated_time(lambda: waiting.run("chat", "mail"), monkeypatch, writing=2.0)
    assert names(outcome) == ["chat", "mail"] and took > LIMIT + runner.LATEST

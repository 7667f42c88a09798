"""Test that a helper that does not answer is named, and that no target waits for it."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from probe.control import ControlClient, liveness
from probe.formats.ooni_helper import OF_OONI, OONI_PREFIX
from probe.session.session import RunSettings
from probe.steps.tls.certificate_checks import load_roots
from tests.control.test_own import CHAT, GOOD, helper, sending
from tests.support.measurements.lines import GENUINE
from tests.support.ooni.helper import SimulatedHelper, serving_helper
from tests.support.world import World

LONGEST_DELAY = 10.0  # seconds of the contract


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check in a fifth of the time. The sum of the real limits has a test of its own."""
    for name in ("CHECK_SECONDS", "PATIENCE", "BETWEEN_CHECKS"):
        monkeypatch.setattr(liveness, name, getattr(liveness, name) / 5)
    monkeypatch.setattr(liveness, "RESTARTING", tuple(seconds / 5 for seconds in liveness.RESTARTING))


@pytest.fixture
def control(tmp_path: Path) -> Callable[..., ControlClient]:
    def make(*urls: str) -> ControlClient:
        session = World(tmp_path).session
        session.settings = RunSettings(control=urls)
        return ControlClient(session, load_roots(), lambda address: None)

    return make


async def asked(control: ControlClient) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    return await control.ask(CHAT, {}, lambda offer: None), time.monotonic() - began


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Take connections and never answer."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(50)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def unused() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_limits_add_up_to_less_than_the_longest_delay() -> None:
    one_silence = liveness.PATIENCE + 2 * liveness.CHECK_SECONDS
    assert one_silence < LONGEST_DELAY
    assert sum(liveness.RESTARTING) < LONGEST_DELAY  # a check of a helper that refuses takes no time


@pytest.mark.usefixtures("quick")
async def test_dead_helpers_are_named_and_delay_no_target(control: Callable[..., ControlClient]) -> None:
    async with silent() as url:
        dead = control(url, unused(), "http://no-such-helper.invalid:8080")
        failures = await dead.check()
        assert failures[:2] == ["generic_timeout_error", "connection_refused"]
        assert str(failures[2]).startswith("dns_")
        answer, seconds = await asked(dead)
        assert answer["failure"] in failures and seconds < 0.5


@pytest.mark.usefixtures("quick")
async def test_living_helper_is_asked_before_the_dead_ones(control: Callable[..., ControlClient]) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"} if request.path == "/health" else GOOD)

    async with silent() as dead, helper(handler) as living:
        both = control(dead, living)
        assert await both.check() == ["generic_timeout_error", None]
        assert (await asked(both))[0]["failure"] is None


@pytest.mark.usefixtures("quick")
async def test_helper_that_falls_silent_is_noticed(control: Callable[..., ControlClient]) -> None:
    """Let the helper answer at the start of the run and nothing afterwards."""
    alive = True

    async def handler(request: web.Request) -> web.StreamResponse:
        if not alive:
            await asyncio.sleep(3600)
        return web.json_response({"status": "ok"})

    async with helper(handler) as url:
        one = control(url)
        assert await one.check() == [None]
        alive = False
        answer, seconds = await asked(one)
        assert answer == {"failure": "generic_timeout_error"} and seconds < LONGEST_DELAY / 5 + 0.3
        assert (await asked(one))[1] < 0.1, "the next target does not wait for it"
        alive = True
        assert await one.check() == [None], "the next round asks again"


class Restarting:
    """Serve a helper that ends while questions are open, and refuses others until it is back."""

    def __init__(self) -> None:
        self.down, self.questions = False, 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.questions += request.path != "/health"
        if request.path != "/health" and self.questions == 1:
            self.down = True
        if self.down and request.transport is not None:
            request.transport.abort()
        return web.json_response({"status": "ok"} if request.path == "/health" else GOOD)


@pytest.mark.usefixtures("quick")
async def test_question_of_a_helper_that_restarts_is_asked_again_once(control: Callable[..., ControlClient]) -> None:
    one = Restarting()
    async with helper(one.handle) as url:
        asking = control(url)
        assert await asking.check() == [None]

        async def come_back() -> None:
            await asyncio.sleep(0.2)
            one.down = False

        back = asyncio.create_task(come_back())
        (first, _), (second, _) = await asyncio.gather(asked(asking), asked(asking))
        await back
    assert first["failure"] is None and first["asked_again"] in {"connection_reset", "eof_error"}
    assert second["failure"] is None and "asked_again" in second  # it came while the helper was down
    assert one.questions == 4


@pytest.mark.usefixtures("quick")
async def test_helper_that_does_not_come_back_delays_only_the_first_questions(
    control: Callable[..., ControlClient],
) -> None:
    one = Restarting()
    async with helper(one.handle) as url:
        asking = control(url)
        assert await asking.check() == [None]
        answer, seconds = await asked(asking)
        assert answer["failure"] in {"connection_reset", "eof_error"} and seconds < LONGEST_DELAY / 5 + 0.3
        answer, seconds = await asked(asking)
        assert answer["failure"] is not None and seconds < 0.3


@pytest.mark.usefixtures("quick")
async def test_slow_helper_that_lives_is_waited_for(control: Callable[..., ControlClient]) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/health":
            return web.json_response({"status": "ok"})
        await asyncio.sleep(3.0)  # 15 s in the time of the limits above
        return web.json_response(GOOD)

    async with helper(handler) as url:
        assert (await asked(control(url)))[0]["failure"] is None


@pytest.mark.usefixtures("quick")
async def test_answer_that_is_no_helpers_is_named_and_still_asked(control: Callable[..., ControlClient]) -> None:
    async with helper(sending("<html>", 404)) as url:
        one = control(url)
        assert [failure is not None for failure in await one.check()] == [True]
        assert (await asked(one))[0] == {"failure": "unknown_failure: helper: status 404"}


@pytest.mark.usefixtures("quick")
async def test_helper_of_ooni_is_recognised_without_its_prefix(control: Callable[..., ControlClient]) -> None:
    found = SimulatedHelper(names={"chat.example": [GENUINE]}, pages={"chat.example": 200})
    async with serving_helper(found) as url:
        one = control(url)
        assert (await one.check(), await one.check()) == ([OF_OONI], [OF_OONI])
        (answer, _), (prefixed, _) = await asked(one), await asked(control(OONI_PREFIX + url))
        assert answer["failure"] is None and found.asked
        assert answer["test_keys"].keys() == prefixed["test_keys"].keys()


@pytest.mark.usefixtures("quick")
async def test_check_of_a_stopped_process_proves_nothing(control: Callable[..., ControlClient]) -> None:
    """Stop this process during the check, as a busy computer does."""
    stopper = (
        "import os, signal, sys, time\ntime.sleep(0.3)\nos.kill(int(sys.argv[1]), signal.SIGSTOP)\n"
        "time.sleep(3)\nos.kill(int(sys.argv[1]), signal.SIGCONT)\n"
    )
    async with silent() as url:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", stopper, str(os.getpid()))
        try:
            await asyncio.sleep(0.1)
            assert await control(url).check() == [None]
        finally:
            os.kill(os.getpid(), signal.SIGCONT)
            await process.wait()

"""Test that signals reach their handlers, on loops that take signals and on those of Windows that do not."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from probe.platforms import signals
from probe.platforms.signals import handled, ignore_interrupt


@pytest.fixture(params=["loop", "interpreter"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "interpreter":
        monkeypatch.setattr(signals, "_takes_signals", lambda loop: False)
    yield request.param


@pytest.mark.parametrize(
    ("cause", "number"), [("interrupt", signal.SIGINT), ("terminate", signal.SIGTERM), ("hang_up", signal.SIGHUP)]
)
async def test_signal_reaches_its_handler(way: str, cause: signals.Cause, number: int) -> None:
    arrived = asyncio.Event()
    before = signal.getsignal(number)
    with handled({cause: arrived.set}):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await arrived.wait()
    if way == "interpreter":  # asyncio puts the defaults back
        assert signal.getsignal(number) == before


async def test_waiting_loop_is_woken(way: str) -> None:
    """Check that a signal ends a wait that nothing else ends. On Windows `select` goes on waiting."""
    arrived = asyncio.Event()
    with handled({"terminate": arrived.set}):
        sender = subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(0.3); os.kill({os.getpid()}, {int(signal.SIGTERM)})"]
        )
        async with asyncio.timeout(20):
            await arrived.wait()
        sender.wait()


async def test_ignored_hang_up_stays_ignored(way: str) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled({"hang_up": lambda: pytest.fail("nohup ignores this signal")}):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_system_without_a_hang_up_handles_the_others(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setitem(signals._NUMBERS, "hang_up", None)
    arrived = asyncio.Event()
    with handled({"terminate": arrived.set, "hang_up": lambda: None}):
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await arrived.wait()


def test_interrupt_is_ignored() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        ignore_interrupt()
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

"""Test that signals reach their handlers, on loops that take signals and on those of Windows that do not."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from probe.platforms import signals
from probe.platforms.signals import apart, handled, ignore_interrupt, interrupt
from tests.support.dispositions import disposition, set_defaults


@pytest.fixture(params=["loop", "interpreter"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "interpreter":
        monkeypatch.setattr(signals, "_takes_signals", lambda loop: False)
    yield request.param


@pytest.mark.parametrize(
    ("cause", "number"), [("interrupt", signal.SIGINT), ("terminate", signal.SIGTERM), ("hang_up", signal.SIGHUP)]
)
async def test_signal_reaches_its_handler(way: str, cause: signals.Cause, number: signal.Signals) -> None:
    arrived = asyncio.Event()
    with disposition(number):
        with handled({cause: arrived.set}):
            os.kill(os.getpid(), number)
            async with asyncio.timeout(5):
                await arrived.wait()
        if way == "interpreter":  # asyncio puts Python's own handler of SIGINT in place of the former one
            assert signal.getsignal(number) == signal.SIG_DFL


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
    with disposition(signal.SIGHUP, signal.SIG_IGN):
        with handled({"hang_up": lambda: pytest.fail("nohup ignores this signal")}):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


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


def test_program_apart_is_reached_by_interrupt_alone() -> None:
    """Check that a program is in a session of its own, where Ctrl-C at this terminal does not reach it."""
    waiting = "import os, sys; print(os.getsid(0), flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", waiting], preexec_fn=set_defaults, **pipes, **apart()) as program:
        assert program.stdout is not None
        assert int(program.stdout.readline()) == program.pid != os.getsid(0)
        interrupt(program)
        assert program.wait(30) == -signal.SIGINT


def test_windows_starts_a_group_and_sends_ctrl_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", signal.SIGUSR1, raising=False)
    assert apart() == {"creationflags": 512}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program:
        interrupt(program)
        assert program.wait(30) == -signal.SIGUSR1

"""Test that a silent run says what is under way, and one that prints lines does not."""

import io
import threading
from collections.abc import Callable

import pytest

from probe.cli.run.progress import ProgressLines, progress, progress_lines
from probe.cli.run.progress.progress_lines import SignsOfLife
from probe.targets.target_files import bundled_targets, load_target

TELEGRAM, WECHAT = (load_target(bundled_targets() / f"{name}.toml") for name in ("telegram", "wechat"))


class Told:
    """Count the calls, and wait for them."""

    def __init__(self) -> None:
        self.count, self._called = 0, threading.Condition()

    def __call__(self) -> None:
        with self._called:
            self.count += 1
            self._called.notify_all()

    def wait_for(self, count: int) -> bool:
        with self._called:
            return self._called.wait_for(lambda: self.count >= count, timeout=20)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_lines, "SILENCE", 0.05)


@pytest.mark.usefixtures("impatient")
def test_each_silence_is_ended() -> None:
    told = Told()
    with SignsOfLife(told).while_measuring():
        assert told.wait_for(3)


def test_nothing_is_told_while_lines_are_printed() -> None:
    told, now = Told(), [0.0]
    signs = SignsOfLife(told, lambda: now[0])
    with signs.while_measuring():
        for second in range(20):
            now[0] = float(second)
            signs.said()
    assert told.count == 0


@pytest.mark.usefixtures("impatient")
def test_closed_terminal_ends_them() -> None:
    told = Told()

    def fails() -> None:
        told()
        raise OSError(5, "Input/output error")

    with SignsOfLife(fails).while_measuring():
        assert told.wait_for(1)
    assert told.count == 1


def lines_of(screen: Callable[[ProgressLines], None]) -> list[str]:
    stream = io.StringIO()
    screen(ProgressLines(12, stream))
    return stream.getvalue().splitlines()


def test_line_names_the_phases_of_what_is_under_way() -> None:
    def show(screen: ProgressLines) -> None:
        screen.still_measuring()
        screen.started(TELEGRAM, lambda: "names")
        screen.started(WECHAT, lambda: "helper")
        screen.still_measuring()
        screen.phases.end("telegram")
        screen.still_measuring()

    assert lines_of(show) == [
        "  Checking the network",
        "  Still measuring: names: 1, comparing with the helper: 1",
        "  Still measuring: comparing with the helper: 1",
    ]


@pytest.mark.usefixtures("impatient")
def test_plain_screen_gives_signs_of_life() -> None:
    written = threading.Event()

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if "Checking the network" in text:
                written.set()
            return super().write(text)

    with progress(12, Stream(), plain=True):
        assert written.wait(20)

"""Test the progress of a run: findings from verdicts, phases, the time left, and silence with --quiet."""

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.analysis.verdicts import verdicts
from probe.cli.run.progress import KnownVerdicts, Moving, ProgressLines, live_verdicts, progress
from probe.cli.run.progress.live_verdicts import FinishedTarget, LiveVerdicts, Records
from probe.cli.run.run_time import TimeLeft
from probe.lab.recordings import recording_of
from probe.privacy.redact import KnownIdentifiers
from probe.results import Problem, read_lines
from probe.run.phases import PHASES, Phase
from probe.run.vantage import Vantage
from probe.targets.target import Target
from probe.targets.target_files import bundled_targets, load_target

HERE = Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, KnownIdentifiers(), "")
TELEGRAM, WHATSAPP, WECHAT = (
    load_target(bundled_targets() / f"{name}.toml") for name in ("telegram", "whatsapp", "wechat")
)


def measurement(target: Target) -> Mapping[str, Any]:
    """Return the target's measurement in a recorded network that censors it."""
    path = recording_of("great-firewall")
    assert path is not None
    found = (line for _, line in read_lines(path) if not isinstance(line, Problem))
    return next(line for line in found if line["test_keys"]["x_target"]["name"] == target.name)


def finish(screen: ProgressLines, *targets: Target) -> None:
    for target in targets:
        screen.started(target, lambda: "connections")
        screen.finished(target, [measurement(target)], 1.25)
    screen.verdicts.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a finished target wait for others until the run ends, however busy this computer is."""
    monkeypatch.setattr(live_verdicts, "TOGETHER", 60.0)


@pytest.fixture
def moving() -> Iterator[tuple[Moving, io.StringIO]]:
    stream = io.StringIO()
    yield Moving(12, stream, Console(file=stream, width=80, force_terminal=True, color_system=None)), stream


def test_line_of_a_finished_target_has_its_verdict() -> None:
    stream = io.StringIO()
    finish(ProgressLines(12, stream), WHATSAPP, WECHAT)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("  WhatsApp: ") and " blocked" in first and first.endswith("(1 of 12, 1.2 s)")
    assert second == "  WeChat: ok (2 of 12, 1.2 s)"


def test_nothing_is_said_before_the_rules_have_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that a finding waits for its verdicts, and that the run does not wait for them."""
    judging, decided, stream = threading.Event(), threading.Event(), io.StringIO()

    def slowly(batch: Sequence[FinishedTarget], known: KnownVerdicts) -> list[tuple[FinishedTarget, Records]]:
        judging.set()
        decided.wait(10)
        return [(one, [{"state": "blocked"}]) for one in batch]

    monkeypatch.setattr(live_verdicts, "_judged", slowly)
    screen = ProgressLines(12, stream)
    screen.finished(WHATSAPP, [{}], 1.0)
    assert judging.wait(10) and stream.getvalue() == ""
    decided.set()
    screen.verdicts.close()
    assert stream.getvalue().startswith("  WhatsApp: blocked")


@pytest.mark.usefixtures("patient")
def test_fault_of_the_rules_leaves_one_line_without_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, calls = verdicts.judge_each, list[int]()

    def broken(measurements: list[tuple[str, int, dict[str, Any]]]) -> Any:
        calls.append(len(measurements))
        if any(one["test_keys"]["x_target"]["name"] == "whatsapp" for _, _, one in measurements):
            raise RuntimeError
        return judged(measurements)

    monkeypatch.setattr(verdicts, "judge_each", broken)
    stream = io.StringIO()
    finish(ProgressLines(12, stream), TELEGRAM, WHATSAPP, WECHAT)
    _, first, second = stream.getvalue().splitlines()
    assert first.startswith("  WhatsApp: measured")
    assert second.startswith("  WeChat: ok")
    assert calls == [1, 2, 1, 1]


@pytest.mark.usefixtures("patient")
def test_first_target_is_judged_at_once_and_later_ones_together(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, calls = verdicts.judge_each, list[int]()

    def counted(measurements: list[tuple[str, int, dict[str, Any]]]) -> Any:
        calls.append(len(measurements))
        return judged(measurements)

    monkeypatch.setattr(verdicts, "judge_each", counted)
    stream = io.StringIO()
    finish(ProgressLines(12, stream), WHATSAPP, WECHAT, TELEGRAM)
    assert calls == [1, 2], "the first one does not wait for others"
    assert [line.split(":")[0].strip() for line in stream.getvalue().splitlines()] == ["WhatsApp", "WeChat", "Telegram"]


def test_closed_terminal_ends_the_findings_and_not_the_run() -> None:
    told: list[str] = []

    def tell(finished: FinishedTarget, records: Records) -> None:
        told.append(finished.target.name)
        raise OSError(5, "Input/output error")

    live = LiveVerdicts(tell)
    for _ in range(2):
        live.add(FinishedTarget(WECHAT, [measurement(WECHAT)], 1.0))
    live.close()
    assert told == ["wechat"]


def test_block_counts_targets_by_phase(moving: tuple[Moving, io.StringIO]) -> None:
    screen, _ = moving
    assert screen.block().plain.strip() == "Checking the network"
    screen.expected(40.0, 120.0)
    screen.round_begins(2, 3)
    phases: dict[str, Phase] = {"telegram": "names", "whatsapp": "closer_look", "wechat": "closer_look"}
    for target in (TELEGRAM, WHATSAPP, WECHAT):
        screen.started(target, lambda name=target.name: phases[name])
    first, second = screen.block().plain.splitlines()
    assert first == "Round 2 of 3 · 0 of 12 done · up to 120 s left"
    assert second == "names: 1 · closer look: 2"


def test_block_fits_in_two_lines_of_80_columns(moving: tuple[Moving, io.StringIO]) -> None:
    screen, _ = moving
    screen.expected(40.0, 360.0)
    screen.round_begins(100, 100)
    for number in range(60):
        phase: Phase = PHASES[number % len(PHASES)]
        target = load_target(bundled_targets() / "telegram.toml").only(["web"])
        object.__setattr__(target, "name", str(number))
        screen.started(target, lambda phase=phase: phase)
    lines = screen.block().plain.splitlines()
    assert len(lines) == 2 and cell_len(lines[0]) < 80 and cell_len(lines[1]) < 120


def test_only_findings_are_printed_above_the_block(moving: tuple[Moving, io.StringIO]) -> None:
    screen, stream = moving
    screen.expected(40.0, None)
    screen.round_begins(1, 1)
    finish(screen, WECHAT, WHATSAPP)
    assert "WhatsApp: " in stream.getvalue() and "WeChat" not in stream.getvalue()
    assert screen.block().plain.startswith("2 of 12 done · 1 works · up to ")


def test_rounds_are_numbered_above_the_block(moving: tuple[Moving, io.StringIO]) -> None:
    screen, stream = moving
    screen.round_begins(1, 1)
    assert stream.getvalue() == ""
    screen.round_begins(2, 3)
    assert stream.getvalue() == "Round 2 of 3\n"


class Clock:
    """Hold the time of a run, which a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def left(time_left: TimeLeft, clock: Clock, elapsed: float, *phases: Phase) -> str:
    clock.now = 100.0 + elapsed
    return time_left.words(phases)


def test_time_left_comes_from_what_is_still_to_be_done() -> None:
    clock = Clock()
    time_left = TimeLeft(12.0, 120.0, clock)
    time_left.round_begins(1, 1)
    assert left(time_left, clock, 0.0, "names", "connections") == "up to 60 s left"
    assert left(time_left, clock, 20.0, "closer_look", "helper") == "up to 40 s left"
    assert left(time_left, clock, 22.0, "late_answers") == "up to 10 s left"
    assert left(time_left, clock, 22.0, "call_packets", "late_answers") == "up to 10 s left"


def test_end_never_moves_to_a_later_moment() -> None:
    clock = Clock()
    for phases in permutations(PHASES):
        time_left, shown = TimeLeft(12.0, 120.0, clock), list[int]()
        clock.now = 100.0
        time_left.round_begins(1, 1)
        for elapsed, phase in enumerate(phases):
            words = left(time_left, clock, 5.0 * elapsed, phase)
            shown.append(int(words.split()[2]) if words.startswith("up to") else 0)
        assert shown == sorted(shown, reverse=True)


def test_later_rounds_are_still_to_be_done() -> None:
    clock = Clock()
    time_left = TimeLeft(12.0, 360.0, clock)
    time_left.round_begins(1, 3)
    assert left(time_left, clock, 10.0, "late_answers") == "up to 130 s left"


def test_run_without_limit_says_when_it_takes_longer() -> None:
    clock = Clock()
    time_left = TimeLeft(12.0, None, clock)
    time_left.round_begins(1, 1)
    assert left(time_left, clock, 5.0, "closer_look") == "up to 60 s left"
    assert left(time_left, clock, 70.0, "closer_look") == "longer than expected"


def test_table_of_apps_is_there_from_the_start_and_is_refined() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=60, height=24, force_terminal=True, color_system=None)
    screen = Moving(3, stream, console, targets=[WHATSAPP, TELEGRAM, WECHAT])
    rows = screen.block().plain.splitlines()[:3]
    assert rows == ["WhatsApp  …", "Telegram  …", "WeChat    …"]
    screen.round_begins(1, 1)
    finish(screen, WHATSAPP)
    rows = screen.block().plain.splitlines()[:3]
    assert "blocked" in rows[0] and rows[1:] == ["Telegram  …", "WeChat    …"]
    assert "WhatsApp" not in stream.getvalue()


def test_screen_that_is_too_low_has_findings_above_the_block() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=60, height=8, force_terminal=True, color_system=None)
    screen = Moving(3, stream, console, targets=[WHATSAPP, TELEGRAM, WECHAT])
    screen.round_begins(1, 1)
    finish(screen, WHATSAPP)
    assert "WhatsApp: " in stream.getvalue() and len(screen.block().plain.splitlines()) <= 2


def test_quiet_prints_only_why_nothing_was_measured() -> None:
    stream = io.StringIO()
    with progress(12, stream, True, quiet=True) as watch:
        watch.prepared({"network": False}, HERE)
        watch.expected(40.0, 120.0)
        watch.round_begins(1, 3)
        watch.started(WECHAT, lambda: "names")
        watch.finished(WECHAT, [measurement(WECHAT)], 1.0)
        watch.stopping("stopping")
    assert stream.getvalue() == ""
    with progress(12, stream, True, quiet=True) as watch:
        watch.refused({}, "vpn")
    assert "A VPN carries the traffic" in stream.getvalue()


def test_rounds_are_numbered_in_lines() -> None:
    stream = io.StringIO()
    with progress(12, stream, True) as watch:
        watch.round_begins(1, 1)
        assert stream.getvalue() == ""
        watch.round_begins(2, 3)
    assert stream.getvalue() == "Round 2 of 3\n"


def test_line_says_why_the_run_goes_on_if_only_call_packets_are_left() -> None:
    stream = io.StringIO()
    screen = ProgressLines(12, stream)
    screen.started(WHATSAPP, lambda: "call_packets")
    screen.still_measuring()
    assert "call packets" in stream.getvalue() and "12 seconds" in stream.getvalue()
    screen.started(WECHAT, lambda: "connections")
    screen.still_measuring()
    assert stream.getvalue().splitlines()[-1] == "  Still measuring: connections: 1, call packets: 1"

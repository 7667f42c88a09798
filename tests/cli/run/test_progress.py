"""Test the progress of a run: findings from verdicts, phases, the time left, and silence with --quiet."""

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.analysis.verdicts import verdicts
from probe.cli.run.progress import KnownVerdicts, Lines, Moving, live_verdicts, progress
from probe.cli.run.progress.live_verdicts import Finished, LiveVerdicts, Records
from probe.cli.run.run_time import time_left
from probe.lab.recordings import recording_of
from probe.privacy.redact import Known
from probe.results import Problem, read_lines
from probe.run.phases import PHASES, Phase
from probe.run.vantage import Vantage
from probe.targets.target import Target
from probe.targets.target_files import bundled_targets, load_target

HERE = Vantage("XX", "AS64500", "Example", "AS0", "", "test", {}, Known(), "")
TELEGRAM, WHATSAPP, WECHAT = (
    load_target(bundled_targets() / f"{name}.toml") for name in ("telegram", "whatsapp", "wechat")
)


def measurement(target: Target) -> Mapping[str, Any]:
    """Return the target's measurement in a recorded network that censors it."""
    path = recording_of("great-firewall")
    assert path is not None
    found = (line for _, line in read_lines(path) if not isinstance(line, Problem))
    return next(line for line in found if line["test_keys"]["x_target"]["name"] == target.name)


def finish(screen: Lines, *targets: Target) -> None:
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
    finish(Lines(12, stream), WHATSAPP, WECHAT)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("  WhatsApp: ") and " blocked" in first and first.endswith("(1 of 12, 1.2 s)")
    assert second == "  WeChat: ok (2 of 12, 1.2 s)"


def test_nothing_is_said_before_the_rules_have_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that a finding waits for its verdicts, and that the run does not wait for them."""
    judging, decided, stream = threading.Event(), threading.Event(), io.StringIO()

    def slowly(batch: Sequence[Finished], known: KnownVerdicts) -> list[tuple[Finished, Records]]:
        judging.set()
        decided.wait(10)
        return [(one, [{"state": "blocked"}]) for one in batch]

    monkeypatch.setattr(live_verdicts, "_judged", slowly)
    screen = Lines(12, stream)
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
    finish(Lines(12, stream), WHATSAPP, WECHAT)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("  WhatsApp: measured")
    assert second.startswith("  WeChat: ok")
    assert calls == [2, 1, 1]


@pytest.mark.usefixtures("patient")
def test_targets_that_finish_together_are_judged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, calls = verdicts.judge_each, list[int]()

    def counted(measurements: list[tuple[str, int, dict[str, Any]]]) -> Any:
        calls.append(len(measurements))
        return judged(measurements)

    monkeypatch.setattr(verdicts, "judge_each", counted)
    stream = io.StringIO()
    finish(Lines(12, stream), WHATSAPP, WECHAT, TELEGRAM)
    assert calls == [3]
    assert [line.split(":")[0].strip() for line in stream.getvalue().splitlines()] == ["WhatsApp", "WeChat", "Telegram"]


def test_closed_terminal_ends_the_findings_and_not_the_run() -> None:
    told: list[str] = []

    def tell(finished: Finished, records: Records) -> None:
        told.append(finished.target.name)
        raise OSError(5, "Input/output error")

    live = LiveVerdicts(tell)
    for _ in range(2):
        live.add(Finished(WECHAT, [measurement(WECHAT)], 1.0))
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
    assert first == "Round 2 of 3 · 0 of 12 done · about 40 s left"
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
    assert screen.block().plain.startswith("2 of 12 done · 1 works · about ")


@pytest.mark.parametrize(
    ("elapsed", "limit", "said"),
    [
        (0.0, 120.0, "about 40 s left"),
        (37.0, 120.0, "about 5 s left"),
        (45.0, 120.0, "about 20 s left"),
        (70.0, 120.0, "up to 50 s left"),
        (130.0, 120.0, "longer than expected"),
        (50.0, None, "longer than expected"),
    ],
)
def test_time_left_is_the_expected_one_and_then_the_limit(elapsed: float, limit: float | None, said: str) -> None:
    assert time_left(40.0, limit, elapsed) == said


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

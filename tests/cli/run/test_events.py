"""Test the file of events that `probe run --events` writes for `probe ui`."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.cli.run.progress.watchers import Events, progress
from probe.cli.screen import UsageError
from tests.cli.run.test_progress import HERE, TELEGRAM, WECHAT, WHATSAPP, finish

Written = Callable[[], list[dict[str, Any]]]


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_findings_of_all_apps_are_written_with_their_states() -> None:
    stream = io.StringIO()
    with Events(12, stream) as events:
        events.prepared({"network": True, "vpn": None}, HERE)
        events.expected(40.0, None)
        events.round_begins(1, 1)
        finish(events, WECHAT, WHATSAPP)
    written = events_of(stream.getvalue())
    notes = [event["text"] for event in written if event["event"] == "note"]
    assert "network: AS64500 Example XX" in notes and any(note.startswith("VPN: ") for note in notes)
    assert not any("Ctrl-C" in note or "\n" in note for note in notes)
    findings = {event["app"]: event for event in written if event["event"] == "finding"}
    assert set(findings["wechat"]["states"]) == {"ok"} and "blocked" in findings["whatsapp"]["states"]
    assert written[-1]["event"] == "progress" and (written[-1]["done"], written[-1]["total"]) == (2, 12)
    assert written[-1]["text"].startswith("2 of 12 done · 1 works · ")


def test_phases_are_written_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.run.progress.watchers.BETWEEN", 0.01)
    stream = io.StringIO()
    with Events(1, stream) as events:
        events.round_begins(1, 1)
        events.started(TELEGRAM, lambda: "names")
        while "names: 1" not in stream.getvalue():
            pass
        events.started(TELEGRAM, lambda: "helper")
        while "comparing" not in stream.getvalue():
            pass
    shown = [event["phases"] for event in events_of(stream.getvalue())]
    assert len(shown) == len(set(shown)) <= 4  # nothing is written again without a change


def test_full_disk_ends_the_events_and_not_the_run() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with Events(1, Full()) as events:
        events.started(TELEGRAM, lambda: "names")
    assert events.done == 0


def test_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="The progress cannot be written") as refused,
        progress(1, io.StringIO(), True, events=tmp_path / "missing" / "events"),
    ):
        pass
    assert refused.value.exit_code == 2


def test_events_take_the_place_of_the_screen(tmp_path: Path) -> None:
    screen, file = io.StringIO(), tmp_path / "events"
    with progress(1, screen, True, events=file) as watch:
        watch.expected(40.0, None)
    assert screen.getvalue() == "" and "This takes about 40 seconds" in file.read_text()

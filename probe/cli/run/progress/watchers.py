"""Choose how the progress of a run is shown: as a moving block, as lines, as events in a file, or not at all.

Findings are the verdicts of finished measurements. Nothing is shown before the rules have decided.

Write the progress of a run to a file, one JSON object per line, for `probe ui`.

A file never blocks the run, unlike a pipe whose reader is slow. A reader that comes later finds all of it.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from probe.cli.found_words import counts_of
from probe.cli.run.findings import refusal
from probe.cli.run.progress.live_verdicts import FinishedTarget, Records
from probe.cli.run.progress.moving import Counted
from probe.cli.run.progress.progress_lines import finding_of
from probe.messages import printable
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.signatures.unfit_networks import Unfit

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.run.progress.known_verdicts import KnownVerdicts
from probe.cli.run.progress.moving import Moving
from probe.cli.run.progress.progress_lines import ProgressLines, Quiet, leave_closed_terminal
from probe.cli.screen import UsageError
from probe.messages import tr
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.run.run_plan import Watcher
    from probe.targets.target import Target

BETWEEN = 0.5  # seconds between two looks at the phases


class Events(Counted):
    """Write an event for each note and finding, and for each change of what is done and under way."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._file, self._writing = stream, threading.Lock()
        self._ended = threading.Event()
        self._shown: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._watch, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def write(self, text: str) -> None:
        self._event("note", text=printable(" ".join(text.split())))

    def begins(self) -> None:
        """Write nothing, because the page says how to stop."""

    def refused(self, facts: Mapping[str, Any], reason: "Unfit") -> None:
        self._event("refused", text=refusal(facts, reason))

    def found(self, finished: FinishedTarget, records: Records, works: bool) -> None:
        self._event(
            "finding",
            app=finished.target.name,
            title=printable(shown_title(finished.target.title)),
            states=counts_of(records),
            text=printable(finding_of(finished.target, records)),
        )

    def stopping(self, why: str) -> None:
        self._event("stopping")

    def _watch(self) -> None:
        """Write what is done and under way whenever it changes, until the run ends."""
        try:
            while not self._ended.wait(BETWEEN):
                self._progress()
            self._progress()
        except OSError:  # the disk is full, and the run goes on
            return

    def _progress(self) -> None:
        now = {
            "done": self.done,
            "total": self.total,
            "text": " · ".join(self.what_is_done()),
            "phases": " · ".join(self.phases.words()),
        }
        if now != self._shown:
            self._shown = now
            self._event("progress", **now)

    def _event(self, kind: str, **values: Any) -> None:
        with self._writing:
            self._file.write(json.dumps({"event": kind, **values}) + "\n")


@contextmanager
def progress(
    total: int,
    stream: TextIO,
    plain: bool,
    helpers: Sequence[str] = (),
    *,
    targets: "Sequence[Target]" = (),
    known: KnownVerdicts | None = None,
    quiet: bool = False,
    events: Path | None = None,
) -> "Iterator[Watcher]":
    """Return a watcher for the runner that writes to `stream`.

    `total` is the number of measurements, and `targets` are the apps, which have rows on a terminal. `helpers` has the
    URLs of the test helpers, in the user's order. With `quiet` only the reason for a refusal is written. With `events`
    the progress is written to this file, and not to `stream`. `known` receives the verdicts of finished measurements.
    """
    if events is not None:
        with _opened(events) as file, Events(total, file, helpers) as written, _judging(written, known):
            yield written
    elif quiet:
        yield Quiet(stream)
        leave_closed_terminal()
    elif plain:
        lines = ProgressLines(total, stream, helpers)
        with _judging(lines, known), lines.alive.while_measuring():
            yield lines
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=stream, highlight=False, markup=False)
        moving = Moving(total, stream, console, helpers, targets)
        live = Live(get_renderable=moving.block, console=console, refresh_per_second=4, transient=True)
        with live, _judging(moving, known):
            yield moving


@contextmanager
def _judging(lines: "ProgressLines", known: KnownVerdicts | None) -> "Iterator[ProgressLines]":
    """Wait for the last verdicts. A closed terminal is left before anything writes to it again."""
    lines.verdicts.known = known or lines.verdicts.known
    try:
        yield lines
        leave_closed_terminal()
    finally:
        lines.verdicts.close()


def _opened(events: Path) -> TextIO:
    """Return the file of the events, opened to append whole lines. Raises UsageError (2)."""
    try:
        return events.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(
            tr("The progress cannot be written to {path} ({reason}).", path=events, reason=reason_of(error)), 2
        ) from None

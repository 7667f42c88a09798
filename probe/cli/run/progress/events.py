"""Write the progress of a run to a file, one JSON object per line, for `probe ui`.

A file never blocks the run, unlike a pipe whose reader is slow. A reader that comes later finds all of it.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from probe.cli.found_words import counts_of
from probe.cli.run.findings import refusal
from probe.cli.run.progress.lines import finding_of
from probe.cli.run.progress.live_verdicts import Finished, Records
from probe.cli.run.progress.moving import Counted
from probe.messages import printable
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.signatures.unfit_networks import Unfit

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

    def found(self, finished: Finished, records: Records, works: bool) -> None:
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

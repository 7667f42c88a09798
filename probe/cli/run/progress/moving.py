"""Show a moving block with what is done, the time left and the phases, on a terminal."""

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from probe.cli.found_words import counts_of
from probe.cli.run.progress.lines import Lines, finding_of, round_of
from probe.cli.run.progress.live_verdicts import Finished, Records
from probe.cli.run.run_time import time_left
from probe.cli.screen import for_terminal
from probe.messages import printable_lines, tr, tr_plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from probe.run.phases import Phase
    from probe.targets.target import Target


class Counted(Lines, ABC):
    """Count what is done, and the targets in each phase."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._lock = threading.Lock()
        self._phases: dict[str, Callable[[], Phase]] = {}
        self._round, self._rounds, self._working = "", 0, 0
        self._began, self._seconds = time.monotonic(), 0.0
        self._limit: float | None = None

    def expected(self, seconds: float, limit: float | None) -> None:
        super().expected(seconds, limit)
        self._began, self._seconds, self._limit = time.monotonic(), seconds, limit

    def round_begins(self, number: int, rounds: int) -> None:
        self._rounds = rounds
        self._round = round_of(number, rounds) if rounds > 1 else ""

    def started(self, target: "Target", phase: "Callable[[], Phase]") -> None:
        with self._lock:
            self._phases[target.name] = phase

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        with self._lock:
            self._phases.pop(target.name, None)
        super().finished(target, documents, seconds)

    def judged(self, finished: Finished, records: Records) -> None:
        self.done += 1
        if works := bool(records) and set(counts_of(records)) == {"ok"}:
            self._working += 1
        self.found(finished, records, works)

    @abstractmethod
    def found(self, finished: Finished, records: Records, works: bool) -> None:
        """Show what the rules say about a finished target."""

    def what_is_done(self) -> Iterator[str]:
        """Yield what is done of what is planned, how many targets work, and the time left."""
        if not self._rounds:
            yield tr("Checking the network")
            return
        if self._round:
            yield self._round
        yield tr("{done} of {total} done", done=self.done, total=self.total)
        if self._working:
            yield tr_plural("{count} works", "{count} work", self._working)
        if self._seconds:
            yield time_left(self._seconds, self._limit, time.monotonic() - self._began, self._rounds)

    def what_is_under_way(self) -> Iterator[str]:
        """Yield how many targets are in each phase."""
        with self._lock:
            phases = list(self._phases.values())
        counted = Counter(phase() for phase in phases)
        words: dict[Phase, str] = {
            "names": tr("names: {count}", count=counted["names"]),
            "connections": tr("connections: {count}", count=counted["connections"]),
            "closer_look": tr("closer look: {count}", count=counted["closer_look"]),
            "helper": tr("comparing with the helper: {count}", count=counted["helper"]),
            "late_answers": tr("late answers: {count}", count=counted["late_answers"]),
        }
        yield from (text for phase, text in words.items() if counted[phase])


class Moving(Counted):
    """Show a moving block with the phases, and print findings that are worse than ok above it."""

    def __init__(self, total: int, stream: TextIO, console: "Console", helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._console = console

    def write(self, text: str) -> None:
        self._console.print(for_terminal(printable_lines(text), self._stream))

    def found(self, finished: Finished, records: Records, works: bool) -> None:
        if not works:
            self.write(f"  {finding_of(finished.target, records)}")

    def block(self) -> "Text":
        """Return the moving block: what is done, the time left, and how many targets are in each phase."""
        from rich.text import Text

        text = "\n".join([" · ".join(self.what_is_done()), " · ".join(self.what_is_under_way())])
        return Text(for_terminal(text, self._stream))

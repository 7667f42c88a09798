"""Show a moving block with what is done, the time left and the phases, on a terminal."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from probe.cli.found_words import counts_of
from probe.cli.run.progress.lines import Lines, finding_of, round_of
from probe.cli.run.progress.live_verdicts import Finished, Records
from probe.cli.run.run_time import time_left
from probe.cli.screen import for_terminal
from probe.messages import printable_lines, tr, tr_plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


class Counted(Lines, ABC):
    """Count what is done, and what works."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._round, self._rounds, self._working = "", 0, 0
        self._began, self._seconds = time.monotonic(), 0.0
        self._limit: float | None = None

    def expected(self, seconds: float, limit: float | None) -> None:
        super().expected(seconds, limit)
        self._began, self._seconds, self._limit = time.monotonic(), seconds, limit

    def round_begins(self, number: int, rounds: int) -> None:
        self._rounds = rounds
        self._round = round_of(number, rounds) if rounds > 1 else ""

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

        text = "\n".join([" · ".join(self.what_is_done()), " · ".join(self.phases.words())])
        return Text(for_terminal(text, self._stream))

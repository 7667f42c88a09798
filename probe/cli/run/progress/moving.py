"""Show a moving block with what is done, the time left and the phases, on a terminal."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.cells import set_cell_size

from probe.cli.found_words import counts_of
from probe.cli.run.progress.live_verdicts import FinishedTarget, Records
from probe.cli.run.progress.progress_lines import ProgressLines, finding_of, found_in, round_of
from probe.cli.run.run_time import TimeLeft
from probe.cli.screen import for_terminal
from probe.messages import printable, printable_lines, tr, tr_plural
from probe.messages.terminal_cells import padded, widest
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from probe.targets.target import Target

LINES_BELOW = 6  # lines that the rows of the apps leave for the rest of the moving block


class Counted(ProgressLines, ABC):
    """Count what is done, and what works."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._round, self._rounds, self._working = "", 0, 0
        self._time_left: TimeLeft | None = None

    def expected(self, seconds: float, limit: float | None) -> None:
        super().expected(seconds, limit)
        self._time_left = TimeLeft(seconds, limit)

    def round_begins(self, number: int, rounds: int) -> None:
        self._rounds = rounds
        if self._time_left:
            self._time_left.round_begins(number, rounds)
        self._round = round_of(number, rounds) if rounds > 1 else ""

    def judged(self, finished: FinishedTarget, records: Records) -> None:
        self.done += 1
        if works := bool(records) and set(counts_of(records)) == {"ok"}:
            self._working += 1
        self.found(finished, records, works)

    @abstractmethod
    def found(self, finished: FinishedTarget, records: Records, works: bool) -> None:
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
        if self._time_left:
            yield self._time_left.words(self.phases.under_way())


class Moving(Counted):
    """Show a moving block with a row per app from the start on, the time left and the phases.

    Rows are refined in place. On a screen that is too low for them, findings that are worse than ok come above the
    block.
    """

    def __init__(
        self,
        total: int,
        stream: TextIO,
        console: "Console",
        helpers: Sequence[str] = (),
        targets: "Sequence[Target]" = (),
    ) -> None:
        super().__init__(total, stream, helpers)
        self._console = console
        self._titles = {target.name: printable(shown_title(target.title)) for target in targets}
        self._found: dict[str, str] = {}

    def write(self, text: str) -> None:
        self._console.print(for_terminal(printable_lines(text), self._stream))

    def round_begins(self, number: int, rounds: int) -> None:
        """Print the number of the round too, because findings of all rounds stay on the screen."""
        super().round_begins(number, rounds)
        self._found.clear()
        if self._round:
            self.write(self._round)

    def found(self, finished: FinishedTarget, records: Records, works: bool) -> None:
        self._found[finished.target.name] = printable(found_in(records))
        if not works and not self._has_rows:
            self.write(f"  {finding_of(finished.target, records)}")

    @property
    def _has_rows(self) -> bool:
        return 0 < len(self._titles) <= self._console.size.height - LINES_BELOW

    def block(self) -> "Text":
        """Return the moving block: a row per app, what is done, the time left, and the targets in each phase."""
        from rich.text import Text

        rows = list(self._rows()) if self._has_rows else []
        text = "\n".join([*rows, " · ".join(self.what_is_done()), " · ".join(self.phases.words())])
        return Text(for_terminal(text, self._stream))

    def _rows(self) -> "Iterator[str]":
        """Yield the title of each app with what was found, or a sign that it is under way."""
        width = widest(self._titles.values())
        for name, title in self._titles.items():
            row = f"{padded(title, width)}  {self._found.get(name, '…')}"
            yield set_cell_size(row, self._console.size.width - 1).rstrip()

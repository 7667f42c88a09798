"""Show the progress of a run: a moving block on a terminal, else one line per finished target.

Findings are the verdicts of finished measurements. Nothing is shown before the rules have decided.
"""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from probe.analysis.run_result.run_sentences import origin_header
from probe.cli.found_words import counts_of, found_words, same_state_words
from probe.cli.run.findings import findings, helper_finding, refusal
from probe.cli.run.live_verdicts import Finished, LiveVerdicts, Records
from probe.cli.run.run_time import expected_time, time_left
from probe.cli.screen import say, wrapped
from probe.formats.origin import origin_of
from probe.messages import printable_lines, tr, tr_plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from probe.run.phases import Phase
    from probe.run.runner import Watcher
    from probe.run.vantage import Vantage
    from probe.signatures.unfit_networks import Unfit
    from probe.targets.target import Target


@contextmanager
def progress(
    total: int, stream: TextIO, plain: bool, helpers: Sequence[str] = (), *, quiet: bool = False
) -> "Iterator[Watcher]":
    """Return a watcher for the runner that writes to `stream`.

    `total` is the number of measurements. `helpers` has the URLs of the test helpers, in the user's order. With `quiet`
    only the reason for a refusal is written.
    """
    if quiet:
        yield Quiet(stream)
        leave_closed_terminal()
    elif plain:
        with _judging(Lines(total, stream, helpers)) as lines:
            yield lines
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=stream, highlight=False, markup=False)
        moving = Moving(total, stream, console, helpers)
        live = Live(get_renderable=moving.block, console=console, refresh_per_second=4, transient=True)
        with live, _judging(moving):
            yield moving


@contextmanager
def _judging(lines: "Lines") -> "Iterator[Lines]":
    """Wait for the last verdicts. A closed terminal is left before anything writes to it again."""
    try:
        yield lines
        leave_closed_terminal()
    finally:
        lines.verdicts.close()


class Quiet:
    """Print nothing but errors."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def prepared(self, facts: Mapping[str, Any], vantage: "Vantage") -> None:
        """Print nothing."""

    def refused(self, facts: Mapping[str, Any], reason: "Unfit") -> None:
        say(self._stream, wrapped(refusal(facts, reason)))

    def expected(self, seconds: float, limit: float | None) -> None:
        """Print nothing."""

    def round_begins(self, number: int, rounds: int) -> None:
        """Print nothing."""

    def started(self, target: "Target", phase: "Callable[[], Phase]") -> None:
        """Print nothing."""

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        """Print nothing."""

    def stopping(self, why: str) -> None:
        leave_closed_terminal()


class Lines:
    """Print one line per finished target, for pipes, logs, screen readers and simple terminals."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        self.total, self.done, self._stream, self._helpers = total, 0, stream, helpers
        self.verdicts = LiveVerdicts(self.judged)

    def write(self, text: str) -> None:
        say(self._stream, text)

    def prepared(self, facts: Mapping[str, Any], vantage: "Vantage") -> None:
        if (origin := origin_of({"annotations": vantage.annotations})).artificial:
            self.write(origin_header(origin))
        checked = map(helper_finding, self._helpers, facts.get("helpers") or ())
        for finding in (*findings(facts), *checked):
            if finding.state != "fine":
                self.write(wrapped(finding.sentence, 4, f"  {finding.subject}: "))
        network = " ".join(word for word in (vantage.probe_asn, vantage.network_name, vantage.probe_cc) if word)
        subject = tr("network")
        self.write(wrapped(vantage.sentence or network, 4, f"  {subject}: "))
        measuring = tr_plural(
            "Measuring {count} target. Ctrl-C stops and keeps what is finished.",
            "Measuring {count} targets. Ctrl-C stops and keeps what is finished.",
            self.total,
        )
        self.write(measuring)

    def refused(self, facts: Mapping[str, Any], reason: "Unfit") -> None:
        self.write(wrapped(refusal(facts, reason)))

    def expected(self, seconds: float, limit: float | None) -> None:
        for sentence in expected_time(seconds, limit):
            self.write(wrapped(sentence))

    def round_begins(self, number: int, rounds: int) -> None:
        if rounds > 1:
            self.write(_round(number, rounds))

    def started(self, target: "Target", phase: "Callable[[], Phase]") -> None:
        """Print nothing yet."""

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        self.verdicts.add(Finished(target, documents, seconds))

    def judged(self, finished: Finished, records: Records) -> None:
        """Print what the rules say about a finished target."""
        self.done += 1
        line = tr(
            "{finding} ({done} of {total}, {seconds} s)",
            finding=_finding(finished.target, records),
            done=self.done,
            total=self.total,
            seconds=f"{finished.seconds:.1f}",
        )
        self.write(f"  {line}")

    def stopping(self, why: str) -> None:
        leave_closed_terminal()
        self.write(why)


class Moving(Lines):
    """Show a moving block with the phases, and print findings that are worse than ok above it."""

    def __init__(self, total: int, stream: TextIO, console: "Console", helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._console, self._lock = console, threading.Lock()
        self._phases: dict[str, Callable[[], Phase]] = {}
        self._round, self._rounds, self._working = "", 0, 0
        self._began, self._seconds = time.monotonic(), 0.0
        self._limit: float | None = None

    def write(self, text: str) -> None:
        self._console.print(printable_lines(text))

    def expected(self, seconds: float, limit: float | None) -> None:
        super().expected(seconds, limit)
        self._began, self._seconds, self._limit = time.monotonic(), seconds, limit

    def round_begins(self, number: int, rounds: int) -> None:
        self._rounds = rounds
        self._round = _round(number, rounds) if rounds > 1 else ""

    def started(self, target: "Target", phase: "Callable[[], Phase]") -> None:
        with self._lock:
            self._phases[target.name] = phase

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        with self._lock:
            self._phases.pop(target.name, None)
        super().finished(target, documents, seconds)

    def judged(self, finished: Finished, records: Records) -> None:
        self.done += 1
        if records and set(counts_of(records)) == {"ok"}:
            self._working += 1
        else:
            self.write(f"  {_finding(finished.target, records)}")

    def block(self) -> "Text":
        """Return the moving block: what is done, the time left, and how many targets are in each phase."""
        from rich.text import Text

        return Text("\n".join([" · ".join(self._first_line()), " · ".join(self._second_line())]))

    def _first_line(self) -> Iterator[str]:
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

    def _second_line(self) -> Iterator[str]:
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


def _round(number: int, rounds: int) -> str:
    return tr("Round {number} of {rounds}", number=number, rounds=rounds)


def _finding(target: "Target", records: Records) -> str:
    """Return what the rules say about a target in a few words: `WhatsApp: blocked`, or counts of its services."""
    counts = counts_of(records)
    if not counts:
        return tr("{app}: measured", app=target.title)
    found = same_state_words(next(iter(counts))) if len(counts) == 1 else found_words(counts)
    return tr("{app}: {found}", app=target.title, found=found)


def leave_closed_terminal() -> None:
    """Replace standard output and standard error by /dev/null where their terminal was closed.

    Every later write to it would fail with EIO, and the run could not end in order.
    """
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError as error:
            if error.errno == errno.EIO:
                with open(os.devnull, "wb") as nothing:
                    os.dup2(nothing.fileno(), descriptor)

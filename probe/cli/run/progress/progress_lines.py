"""Print the progress of a run: one line per finished target, or nothing but errors.

Say at intervals that a run goes on, so that a slow computer does not look like a broken program.

Count the targets in each phase, and say so in a few words.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.messages import tr

if TYPE_CHECKING:
    from probe.run.phases import Phase

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from probe.analysis.run_result.run_sentences import origin_header
from probe.cli.found_words import counts_of, found_words, same_state_words
from probe.cli.run.findings import findings, helper_finding, refusal
from probe.cli.run.progress.live_verdicts import FinishedTarget, LiveVerdicts, Records
from probe.cli.run.run_time import expected_time
from probe.cli.screen import say, wrapped
from probe.formats.origin import origin_of
from probe.messages import listed, tr_plural
from probe.targets.cost import MEDIA_SECONDS
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.run.phases import Phase
    from probe.run.vantage import Vantage
    from probe.signatures.unfit_networks import Unfit
    from probe.targets.target import Target


class PhaseCounts:
    """Hold the targets that are under way. The screen asks from another thread than the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._phases: dict[str, Callable[[], Phase]] = {}

    def begin(self, target: str, phase: "Callable[[], Phase]") -> None:
        """Add a target. `phase` returns its phase at any moment."""
        with self._lock:
            self._phases[target] = phase

    def end(self, target: str) -> None:
        """Remove a target that is finished."""
        with self._lock:
            self._phases.pop(target, None)

    def counted(self) -> "Counter[Phase]":
        """Return the number of targets in each phase."""
        with self._lock:
            phases = list(self._phases.values())
        return Counter(phase() for phase in phases)

    def under_way(self) -> "list[Phase]":
        """Return the phases in which any target is."""
        return list(self.counted())

    def sentence(self) -> str:
        """Return what is waited for, and why if only one thing is left. Return "" if nothing is under way."""
        counted = self.counted()
        if set(counted) == {"call_packets"}:
            return tr(
                "Waiting for call packets to the test helper, which take about {seconds} seconds. "
                "Targets that need them: {count}",
                seconds=MEDIA_SECONDS,
                count=counted["call_packets"],
            )
        under_way = listed(self.words())
        return tr("Still measuring: {phases}", phases=under_way) if under_way else ""

    def words(self) -> list[str]:
        """Return the number of targets in each phase, none if nothing is under way."""
        counted = self.counted()
        words: dict[Phase, str] = {
            "names": tr("names: {count}", count=counted["names"]),
            "connections": tr("connections: {count}", count=counted["connections"]),
            "closer_look": tr("closer look: {count}", count=counted["closer_look"]),
            "helper": tr("comparing with the helper: {count}", count=counted["helper"]),
            "call_packets": tr("call packets: {count}", count=counted["call_packets"]),
            "late_answers": tr("late answers: {count}", count=counted["late_answers"]),
        }
        return [text for phase, text in words.items() if counted[phase]]


SILENCE = 5.0  # seconds without a line, after which one says what is under way


class SignsOfLife:
    """Call `tell` from a thread of its own whenever nothing was `said` for `SILENCE`."""

    def __init__(self, tell: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._last, self._ended = clock(), threading.Event()

    def said(self) -> None:
        """Note that a line was printed now."""
        self._last = self._clock()

    @contextmanager
    def while_measuring(self) -> Iterator[None]:
        """Tell until the block ends."""
        thread = threading.Thread(target=self._work, name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _work(self) -> None:
        while not self._ended.wait(max(0.0, self._last + SILENCE - self._clock())):
            if self._clock() - self._last >= SILENCE:
                self.said()
                try:
                    self._tell()
                except OSError:  # the terminal was closed, and the measurements go on
                    return


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


class ProgressLines:
    """Print one line per finished target, for pipes, logs, screen readers and simple terminals."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        self.total, self.done, self._stream, self._helpers = total, 0, stream, helpers
        self.verdicts = LiveVerdicts(self.judged)
        self.phases, self.alive = PhaseCounts(), SignsOfLife(self.still_measuring)

    def write(self, text: str) -> None:
        say(self._stream, text)
        self.alive.said()

    def still_measuring(self) -> None:
        """Print what is under way."""
        self.write(wrapped(self.phases.sentence() or tr("Checking the network"), 4, "  "))

    def prepared(self, facts: Mapping[str, Any], vantage: "Vantage") -> None:
        if (origin := origin_of({"annotations": vantage.annotations})).artificial:
            self.write(wrapped(origin_header(origin)))
        checked = map(helper_finding, self._helpers, facts.get("helpers") or ())
        for finding in (*findings(facts), *checked):
            if finding.state != "fine":
                self.write(wrapped(finding.sentence, 4, f"  {finding.subject}: "))
        network = " ".join(word for word in (vantage.probe_asn, vantage.network_name, vantage.probe_cc) if word)
        subject = tr("network")
        self.write(wrapped(vantage.sentence or network, 4, f"  {subject}: "))
        self.begins()

    def begins(self) -> None:
        """Say how many targets are measured, and how to stop."""
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
            self.write(round_of(number, rounds))

    def started(self, target: "Target", phase: "Callable[[], Phase]") -> None:
        self.phases.begin(target.name, phase)

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        self.phases.end(target.name)
        self.verdicts.add(FinishedTarget(target, documents, seconds))

    def judged(self, finished: FinishedTarget, records: Records) -> None:
        """Print what the rules say about a finished target."""
        self.done += 1
        line = tr(
            "{finding} ({done} of {total}, {seconds} s)",
            finding=finding_of(finished.target, records),
            done=self.done,
            total=self.total,
            seconds=f"{finished.seconds:.1f}",
        )
        self.write(f"  {line}")

    def stopping(self, why: str) -> None:
        leave_closed_terminal()
        self.write(why)


def round_of(number: int, rounds: int) -> str:
    return tr("Round {number} of {rounds}", number=number, rounds=rounds)


def finding_of(target: "Target", records: Records) -> str:
    """Return what the rules say about a target in a few words: `WhatsApp: blocked`, or counts of its services."""
    if not records:
        return tr("{app}: measured", app=shown_title(target.title))
    return tr("{app}: {found}", app=shown_title(target.title), found=found_in(records))


def found_in(records: Records) -> str:
    """Return the states of the services of a target in a few words, "" without verdicts."""
    counts = counts_of(records)
    if not counts:
        return ""
    return same_state_words(next(iter(counts))) if len(counts) == 1 else found_words(counts)


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

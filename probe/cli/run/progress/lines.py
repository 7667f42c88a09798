"""Print the progress of a run: one line per finished target, or nothing but errors."""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from probe.analysis.run_result.run_sentences import origin_header
from probe.cli.found_words import counts_of, found_words, same_state_words
from probe.cli.run.findings import findings, helper_finding, refusal
from probe.cli.run.progress.live_verdicts import Finished, LiveVerdicts, Records
from probe.cli.run.progress.phase_counts import PhaseCounts
from probe.cli.run.progress.signs_of_life import SignsOfLife
from probe.cli.run.run_time import expected_time
from probe.cli.screen import say, wrapped
from probe.formats.origin import origin_of
from probe.messages import listed, tr, tr_plural
from probe.targets.titles import shown_title

if TYPE_CHECKING:
    from probe.run.phases import Phase
    from probe.run.vantage import Vantage
    from probe.signatures.unfit_networks import Unfit
    from probe.targets.target import Target


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
        self.phases, self.alive = PhaseCounts(), SignsOfLife(self.still_measuring)

    def write(self, text: str) -> None:
        say(self._stream, text)
        self.alive.said()

    def still_measuring(self) -> None:
        """Print what is under way."""
        under_way = listed(self.phases.words())
        told = tr("Still measuring: {phases}", phases=under_way) if under_way else tr("Checking the network")
        self.write(f"  {told}")

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
        self.verdicts.add(Finished(target, documents, seconds))

    def judged(self, finished: Finished, records: Records) -> None:
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
    counts = counts_of(records)
    if not counts:
        return tr("{app}: measured", app=shown_title(target.title))
    found = same_state_words(next(iter(counts))) if len(counts) == 1 else found_words(counts)
    return tr("{app}: {found}", app=shown_title(target.title), found=found)


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

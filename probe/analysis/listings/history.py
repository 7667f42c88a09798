"""Keep what earlier runs saw of each app in each storefront. Only answers that can prove an absence count."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from probe.analysis.listings.answers import Answers, Entry, Key, Run
from probe.formats.stores import LEAST_CONTROLS


@dataclass
class Series:
    """Hold the last listing of an app, and the absences since then, in the order of time."""

    listed_at: datetime | None = None
    absent_from: datetime | None = None
    absent_to: datetime | None = None
    absent_tests: int = 0

    def see_listed(self, at: datetime) -> None:
        """Add a test that found the app."""
        self.listed_at = at
        self.absent_from = self.absent_to = None
        self.absent_tests = 0

    def see_absent(self, at: datetime) -> None:
        """Add a test that did not find the app."""
        self.absent_from = self.absent_from or at
        self.absent_to = at
        self.absent_tests += 1

    @property
    def absent_minutes(self) -> int:
        """Return the whole minutes from the first to the last absence."""
        if self.absent_from is None or self.absent_to is None:
            return 0
        return int((self.absent_to - self.absent_from).total_seconds() // 60)


@dataclass
class History:
    """Hold the series of all apps."""

    series: dict[Key, Series] = field(default_factory=lambda: defaultdict(Series))

    def add(self, run: Run) -> None:
        """Add a run that began after all earlier ones."""
        for answers in run.answers.values():
            for entry in answers.entries:
                self._add(run, answers, entry)

    def _add(self, run: Run, answers: Answers, entry: Entry) -> None:
        if not answers.usable or not entry.answered or (entry.listed and not entry.same_bundle):
            return
        if entry.listed:
            self.series[entry.key].see_listed(answers.began)
        elif run.controls_listing(answers, entry) >= LEAST_CONTROLS:
            self.series[entry.key].see_absent(answers.began)


def history_of(runs: Iterable[Run], until: Run) -> History:
    """Return the history of the runs of the same origin, oldest first, with the run `until` at its end.

    Runs are read one by one, since years of them do not fit into memory. One that began later than `until`, or before
    the run in front of it, is left out.
    """
    history, last = History(), datetime.min.replace(tzinfo=UTC)
    for run in runs:
        if last <= run.began <= until.began and run.origins == until.origins and not run.ids & until.ids:
            history.add(run)
            last = run.began
    history.add(until)
    return history

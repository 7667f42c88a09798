"""Decide the state of each app in each storefront of a run, and show how common an absence is beside it."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from probe.analysis.listings.answers import Answers, Entry, Key, Run
from probe.analysis.listings.listing_rules import LISTING_RULES, Listing, ListingRow, ListingRule
from probe.analysis.rules.rule import first_match
from probe.formats.store_keys import LEAST_CONTROLS


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


RULES: dict[str, ListingRule] = {rule.rule_id: rule for rule in LISTING_RULES}


@dataclass(frozen=True)
class BaseRate:
    """Hold in how many usable storefronts of the run an app is listed, and in how many it is not."""

    listed: int
    absent: int
    unknown: int


@dataclass(frozen=True)
class Listed:
    """Hold the state of one app in one storefront, with its evidence."""

    answers: Answers
    entry: Entry
    row: ListingRow
    series: Series
    rule: ListingRule
    elsewhere: BaseRate

    def record(self) -> dict[str, Any]:
        """Return the JSON object of `probe stores --json`. Its keys have a fixed order."""
        return {
            "measurement_start_time": _written(self.answers.began),
            "run_id": self.answers.run_id,
            "probe_cc": self.answers.country,
            "store": self.answers.store,
            "storefront": self.answers.storefront,
            "app": self.entry.app,
            "title": self.entry.title,
            "target": self.entry.target or None,
            "state": self.rule.state.value,
            "mechanism": self.rule.mechanism or None,
            "rule_id": self.rule.rule_id,
            "because": self.rule.because,
            "weak": self.answers.weak,
            "elsewhere": vars(self.elsewhere),
            "controls_listing": self.row.controls_listing,
            "last_listed": _written(self.series.listed_at),
            "absent_since": _written(self.series.absent_from),
            "absent_tests": self.row.absent_tests,
            "version": self.entry.version or None,
            "released": self.entry.released or None,
            "measurement_file": self.answers.file,
            "measurement_line": self.answers.line,
        }


def decided(run: Run, history: History) -> list[Listed]:
    """Return the state of every app in every storefront of a run. The history includes the run."""
    pairs = [(answers, entry) for answers in run.answers.values() for entry in answers.entries]
    found = [history.series.get(entry.key, Series()) for _, entry in pairs]
    rows = [row_of(run, *pair, series) for pair, series in zip(pairs, found, strict=True)]
    rules = decide(rows)
    counts = Counter(
        (answers.store, entry.key.id, _kind(rule.state)) for (answers, entry), rule in zip(pairs, rules, strict=True)
    )
    return [
        Listed(
            answers,
            entry,
            row,
            series,
            rule,
            BaseRate(*(counts[answers.store, entry.key.id, kind] for kind in ("listed", "absent", "unknown"))),
        )
        for (answers, entry), row, series, rule in zip(pairs, rows, found, rules, strict=True)
    ]


def row_of(run: Run, answers: Answers, entry: Entry, series: Series) -> ListingRow:
    """Return the columns for one app in one storefront."""
    return ListingRow(
        answered=answers.answered and entry.answered,
        right_storefront=answers.right_storefront,
        basket_size=answers.basket_size,
        basket_listed=answers.basket_listed,
        listed=entry.listed,
        same_bundle=entry.same_bundle,
        controls_listing=run.controls_listing(answers, entry),
        listed_before=series.listed_at is not None and series.listed_at < answers.began,
        absent_tests=series.absent_tests,
        absent_minutes=series.absent_minutes,
        weak=answers.weak,
    )


def decide(rows: Sequence[ListingRow]) -> list[ListingRule]:
    """Return the rule of each row, decided in SQL as all rules are."""
    columns = [column.name for column in fields(ListingRow)]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE listing ({', '.join(f'{name} INT NOT NULL' for name in columns)})")
        places = ", ".join("?" * len(columns))
        database.executemany(f"INSERT INTO listing VALUES ({places})", [astuple(row) for row in rows])
        found = database.execute(f"SELECT {first_match(LISTING_RULES)} FROM listing ORDER BY rowid").fetchall()
    return [RULES[rule_id] for (rule_id,) in found]


def _kind(state: Listing) -> str:
    return "absent" if state is Listing.DELISTED else state.value


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"

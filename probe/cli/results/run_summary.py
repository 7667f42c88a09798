"""Summarize a results file: start, network, origin, states of apps and services, names of tests, unusable lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.analysis.observations.lenient_json import flag, number, table, tables, text, texts
from probe.analysis.ruleset.mechanisms import is_mechanism
from probe.analysis.run_result.app_words import AppState
from probe.analysis.run_result.run_sentences import apps_without_result, latest_rounds
from probe.analysis.run_result.unfinished_runs import ENDINGS, missing_of
from probe.cli.found_words import counts_of, found_words
from probe.cli.summary.headline import headline, short_headline
from probe.cli.summary.table_layout import wrap
from probe.formats.origin import Origin, origin_of
from probe.messages import listed, printable, tr, tr_plural
from probe.results import Problem, read_lines

MOST_APPS, MOST_TESTS, LONGEST = 500, 50, 60  # apps and names of tests in one file, and characters of a text
OTHERS = "other tests"
IN_SHORT = 2  # lines of what was found, so that ten runs fit a screen of 24 lines


@dataclass
class RunSummary:
    """Hold what a results file contains. `found` counts services by state, `apps` is empty for several runs."""

    start: str = ""
    network: str = ""
    lab: str | None = None
    synthetic: str | None = None
    found: dict[str, int] = field(default_factory=dict)
    apps: list[AppState] = field(default_factory=list)
    tests: dict[str, int] = field(default_factory=dict)
    problems: int = 0
    ending: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "RunSummary":
        """Return the summary in a JSON object. Values of other types read as empty."""
        return cls(
            start=text(document.get("start")),
            network=text(document.get("network")),
            lab=text(document.get("lab")) or None,
            synthetic=text(document.get("synthetic")) or None,
            found={state: number(count) for state, count in table(document.get("found")).items()},
            apps=list(map(_state, tables(document.get("apps")))),
            tests={name: number(count) for name, count in table(document.get("tests")).items()},
            problems=number(document.get("problems")),
            ending=text(document.get("ending")),
        )

    @property
    def place(self) -> str:
        """Return the network, or the scenario or world of an artificial run."""
        marks = [f"{name.upper()} {value}" for name in Origin._fields if (value := getattr(self, name))]
        return " ".join(marks) or self.network

    @property
    def missing(self) -> str:
        """Return the sentence about what is missing of an unfinished run, "" if nothing is missing."""
        return next((missing_of(ending, self.apps) for ending in ENDINGS if ending == self.ending), "")

    def in_short(self, width: int, *, unicode: bool) -> str:
        """Return what was found in two lines of this width, behind a word for an unfinished run and the notes."""
        first = [*([tr("unfinished")] if self.missing else []), *self.notes()]
        if any(app["valid"] for app in self.apps):
            return short_headline(self.apps, first, width, IN_SHORT, unicode=unicode)
        found = apps_without_result(self.apps) if self.apps else found_words(self.found) or self.tests_found()
        return " ".join(wrap((" · " if unicode else " | ").join([*first, found]), width, IN_SHORT))

    def tests_found(self) -> str:
        """Return the names of the tests of a file without verdicts."""
        names = [f"{name} ({count})" if count > 1 else name for name, count in self.tests.items()]
        return printable(listed(names)) or tr("no measurements")

    def found_lines(self, width: int, *, unicode: bool) -> list[str]:
        """Return what is missing, and which apps do not work, in a few lines. Without apps the services are counted."""
        missing = wrap(self.missing, width) if self.missing else []
        if any(app["valid"] for app in self.apps):
            return [*missing, *headline(self.apps, width, unicode=unicode)]
        found = apps_without_result(self.apps) if self.apps else found_words(self.found)
        return [*missing, *(wrap(found, width) if found else [])]

    def notes(self) -> list[str]:
        """Return what is wrong with the results file: lines that cannot be used."""
        return [tr_plural("{count} unusable line", "{count} unusable lines", self.problems)] if self.problems else []

    def note(self, measurement: Mapping[str, Any]) -> None:
        """Add one measurement. Texts are cut, and names of very many tests count together."""
        name = _cut(measurement.get("test_name"))
        key = name if name in self.tests or len(self.tests) < MOST_TESTS else OTHERS
        self.tests[key] = self.tests.get(key, 0) + 1
        self.start = self.start or _cut(measurement.get("test_start_time", ""))
        network = f"{_cut(measurement.get('probe_cc', 'ZZ'))} {_cut(measurement.get('probe_asn', 'AS0'))}"
        self.network = self.network or network
        if not (self.lab or self.synthetic):
            origin = origin_of(measurement)
            self.lab, self.synthetic = _cut(origin.lab) or None, _cut(origin.synthetic) or None


def summarize(path: Path) -> RunSummary:
    """Judge the measurements of a results file, and return its summary. The file can contain anything."""
    summary = RunSummary()
    summary.found = counts_of(_records(path, summary))
    return summary


def _records(path: Path, summary: RunSummary) -> Iterator[Mapping[str, Any]]:
    """Yield the verdict records of the file, and note the states of the apps if it contains one run."""
    from probe.analysis.run_result.runs import runs_in
    from probe.analysis.verdicts.app_verdicts import judge_apps

    for part, run in enumerate(runs_in(_measurements(path, summary))):
        apps = latest_rounds(judge_apps(run.records, run.targets)) if part == 0 else []
        summary.apps = list(map(_state, apps)) if len(apps) <= MOST_APPS else []
        summary.ending = run.ending if part == 0 else ""
        yield from run.records


def _measurements(path: Path, summary: RunSummary) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the measurements of the file that can be used, and note what they say about the run."""
    for line, read in read_lines(path):
        if isinstance(read, Problem):
            summary.problems += 1
        else:
            summary.note(read)
            yield path.name, line, read


def _state(app: Mapping[str, Any]) -> AppState:
    """Return the state of an app, from its verdict or from a JSON object."""
    return AppState(
        app=_cut(text(app.get("app"))),
        title=_cut(text(app.get("title"))),
        state=text(app.get("state")) or None,
        valid=flag(app.get("valid")),
        needs={need: text(state) for need, state in table(app.get("needs")).items()},
        mechanisms=[name for name in texts(app.get("mechanisms")) if is_mechanism(name)],
    )


def _cut(value: object) -> str:
    return str(value)[:LONGEST]

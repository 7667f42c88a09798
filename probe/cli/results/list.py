"""Implement `probe list`: the runs in the results folder, with their numbers and what they found."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from rich.cells import cell_len

from probe.cli.found_words import counts_of, found_words
from probe.cli.options import new_app, opt
from probe.cli.screen import say, wrapped
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import printable, tr, tr_plural
from probe.results import Problem, newest_first, read_lines, results_root

MOST_TESTS, LONGEST = 50, 60  # names of tests in one file, and characters of a text
OTHERS = "other tests"
USUAL = 10  # runs on the screen. The verdicts of a run take half a second.

app = new_app()


@app.command()
def runs(
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    most: Annotated[
        int | None, opt("--most", help="Show this many runs at most (default: 10, with --json all).", min=1)
    ] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per run.")] = False,
) -> None:
    """List earlier runs, the newest first, with what they found.

    `probe show 2` shows the run with number 2. The verdicts are computed again from the measurements.
    """
    root = results_root(results)
    found = newest_first(root)
    if not found and not json:
        say(sys.stderr, tr("There are no runs in {folder} yet. `probe run` makes one.", folder=root))
    shown = most or (len(found) if json else USUAL)
    for number, path in islice(enumerate(found, 1), shown):
        about = describe(path)
        if json:
            from json import dumps

            say(sys.stdout, dumps({"path": str(path), "number": number, **about}))
        else:
            _print(number, path, about)
    if not json and (older := len(found) - shown) > 0:
        say(
            sys.stderr,
            tr_plural(
                "{count} older run is not shown. Use --most {all} to see it.",
                "{count} older runs are not shown. Use --most {all} to see them.",
                older,
                all=len(found),
            ),
        )


def describe(path: Path) -> dict[str, Any]:
    """Return what a results file contains: start, network, origin, tests, states, number of unusable lines.

    Texts are cut, and further names of tests are counted together, because a file can contain anything.
    """
    from probe.analysis.verdicts.verdicts import judge_measurements

    contents = _Contents()
    found = counts_of(judge_measurements(contents.measurements(path)))
    artificial = {name: _cut(value) if value else None for name, value in contents.origin._asdict().items()}
    about = {"start": contents.start, "network": contents.network, **artificial, "found": found}
    return {**about, "tests": dict(contents.tests), "problems": contents.problems}


class _Contents:
    """Collect the facts about a results file while its measurements are read."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()
        self.start, self.network, self.problems = "", "", 0
        self.origin: Origin = REAL

    def measurements(self, path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
        """Yield the measurements of the file that can be used, as the verdicts need them."""
        for number, read in read_lines(path):
            if isinstance(read, Problem):
                self.problems += 1
                continue
            self._take(read)
            yield path.name, number, read

    def _take(self, read: dict[str, Any]) -> None:
        name = _cut(read.get("test_name"))
        self.tests[name if name in self.tests or len(self.tests) < MOST_TESTS else OTHERS] += 1
        self.start = self.start or _cut(read.get("test_start_time", ""))
        self.network = self.network or f"{_cut(read.get('probe_cc', 'ZZ'))} {_cut(read.get('probe_asn', 'AS0'))}"
        self.origin = self.origin if self.origin.artificial else origin_of(read)


def _cut(value: object) -> str:
    return str(value)[:LONGEST]


def place_of(about: Mapping[str, Any]) -> str:
    """Return the network of a run, or the scenario or world of an artificial one."""
    marks = [f"{name.upper()} {about[name]}" for name in Origin._fields if about[name]]
    return " ".join(marks) or str(about["network"])


def notes_of(path: Path, about: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the file of a run: unusable lines, or no end."""
    notes = []
    if about["problems"]:
        notes.append(tr_plural("{count} unusable line", "{count} unusable lines", about["problems"]))
    if path.name.endswith(".part"):
        notes.append(tr("The run was interrupted, or is still going on."))
    return notes


def _print(number: int, path: Path, about: dict[str, Any]) -> None:
    tests = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in about["tests"].items())
    first = f"{number:>3}  "
    indent = cell_len(first)
    say(sys.stdout, first + printable(f"{about['start']}  {place_of(about)}"))
    if about["found"]:
        say(sys.stdout, wrapped(found_words(about["found"]), indent))
    say(sys.stdout, wrapped(tests or tr("no measurements"), indent))
    for note in notes_of(path, about):
        say(sys.stdout, wrapped(note, indent))
    say(sys.stdout, " " * indent + printable(path))

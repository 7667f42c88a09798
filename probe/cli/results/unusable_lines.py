"""Read the measurements that a user names, count what cannot be used, and name the first problems."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from probe.cli.screen import UsageError, say
from probe.messages import printable, tr, tr_plural
from probe.results import Found, Problem, ResultsError, file_name, find_files, read_lines

INVALID_INPUT = 6
MOST_NAMED = 10


class SkippedLines:
    """Count the lines and files that could not be used, and name the first ten on stderr."""

    def __init__(self) -> None:
        self.lines = 0

    def name(self, problem: Problem) -> None:
        """Count one line or file, and print its name, number and reason if it is among the first."""
        self.lines += 1
        if self.lines <= MOST_NAMED:
            file = printable(problem.file)
            say(sys.stderr, f"probe: {Problem(file, problem.number, tr(problem.sentence))}")

    def print_count(self) -> None:
        """Print how many there were, if any."""
        if (more := self.lines - MOST_NAMED) > 0:
            unnamed = tr_plural("and {count} more, which is not named", "and {count} more, which are not named", more)
            say(sys.stderr, f"probe: {unnamed}")
        if self.lines:
            unusable = tr_plural("{count} line could not be used.", "{count} lines could not be used.", self.lines)
            say(sys.stderr, f"probe: {unusable}")

    def end(self) -> None:
        """Print how many there were. Exit with 6 if there was any."""
        self.print_count()
        if self.lines:
            raise typer.Exit(INVALID_INPUT)


def files_of(sources: list[str]) -> Found:
    """Return the files of the sources, at least one of them usable or refused. Raises UsageError."""
    try:
        found = find_files([Path(source) for source in sources])
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not found.files and not found.refused:
        raise UsageError(tr("No results files were found in {paths}.", paths=", ".join(sources)), INVALID_INPUT)
    return found


def usable_measurements(sources: list[str], skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, line number, measurement) of everything that can be judged. Raises UsageError."""
    found = files_of(sources)
    for problem in found.refused:
        skipped.name(problem)
    for source in found.files:
        yield from _usable(source, skipped)


def _usable(source: Path, skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    from probe.analysis.verdicts.verdicts import reason_unusable

    name = file_name(source)
    for number, read in read_lines(source):
        if isinstance(read, Problem):
            skipped.name(read)
        elif (reason := reason_unusable(read)) is not None:
            skipped.name(Problem(name, number, reason))
        else:
            yield name, number, read

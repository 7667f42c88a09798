"""Read the measurements that a user names, count what cannot be used, and name the first problems."""

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import typer

from probe.cli.screen import UsageError, say
from probe.messages import listed, mark, printable, tr, tr_plural
from probe.platforms.installation import command_for
from probe.results import (
    STDIN,
    FoundFiles,
    Problem,
    RemoteFile,
    ResultsError,
    Source,
    file_name,
    find_files,
    is_remote,
    read_lines,
)
from probe.results.unpacking import UNREADABLE

INVALID_INPUT, NO_NETWORK = 6, 4
MOST_NAMED = 10
HAS_NO_RUNS = mark("The file is a packet capture and contains no runs. `probe judge FILE` judges its flows.")


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
            unnamed = tr_plural(
                "and {count} more unusable line, which is not listed",
                "and {count} more unusable lines, which are not listed",
                more,
            )
            say(sys.stderr, f"probe: {unnamed}")
        if self.lines:
            unusable = tr_plural("{count} line could not be used.", "{count} lines could not be used.", self.lines)
            say(sys.stderr, f"probe: {unusable}")

    def end(self) -> None:
        """Print how many there were. Exit with 6 if there was any."""
        self.print_count()
        if self.lines:
            raise typer.Exit(INVALID_INPUT)


def files_of(sources: list[str]) -> FoundFiles:
    """Return the files of the sources, at least one of them usable or refused. Raises UsageError."""
    with bucket_errors():
        found = find_files(sources, _objects_of(sources))
    if not found.files and not found.refused:
        raise UsageError(tr("No results files were found in {paths}.", paths=listed(sources)), INVALID_INPUT)
    return found


@contextmanager
def bucket_errors() -> Iterator[None]:
    """Raise UsageError for files and buckets that cannot be used."""
    try:
        yield
    except ResultsError as error:
        code = NO_NETWORK if error.number == errno.ENETUNREACH else INVALID_INPUT
        raise UsageError(printable(str(error)), code) from None


def _objects_of(sources: list[str]) -> Callable[[str], Sequence[RemoteFile]] | None:
    """Return the function that finds objects in buckets, None if no source is one. Raises UsageError."""
    if not any(map(is_remote, sources)):
        return None
    require_pyarrow()
    from probe.analysis.object_storage import objects_of

    return objects_of


def require_pyarrow() -> None:
    """Check that pyarrow is installed, which reads from buckets. Raises UsageError."""
    if find_spec("pyarrow") is None:
        needed = tr(
            "Reading from s3:// needs pyarrow. This command installs it: {command}", command=command_for("analysis")
        )
        raise UsageError(needed, INVALID_INPUT)


def usable_measurements(sources: list[str], skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, line number, measurement) of everything that can be judged. Raises UsageError."""
    found = files_of(sources)
    for problem in found.refused:
        skipped.name(problem)
    for source in found.files:
        if is_capture_file(source):
            skipped.name(Problem(file_name(source), 0, HAS_NO_RUNS))
        else:
            yield from measurements_in(source, skipped)


def is_capture_file(source: Source) -> bool:
    """Return whether a source is a file that can be opened and begins like a packet capture."""
    from probe.captures.capture_file import is_capture

    if source == STDIN or isinstance(source, RemoteFile):
        return False
    try:
        return is_capture(source)
    except UNREADABLE:
        return False  # reading its lines says what is wrong


def measurements_in(source: Source, skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, line number, measurement) of one file, as far as it can be judged."""
    from probe.analysis.verdicts.verdicts import reason_unusable

    name = file_name(source)
    for number, read in read_lines(source):
        if isinstance(read, Problem):
            skipped.name(read)
        elif (reason := reason_unusable(read)) is not None:
            skipped.name(Problem(name, number, reason))
        else:
            yield name, number, read

"""Read what a user names for `probe judge`: results files, and packet captures, which together are one set of flows."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from probe.cli.results.unusable_lines import SkippedLines, files_of, is_capture_file, measurements_in
from probe.cli.screen import say, wrapped
from probe.messages import mark, tr
from probe.results import Problem, Source

if TYPE_CHECKING:
    from probe.captures.capture_measurements import CapturedMeasurement
    from probe.captures.captured_set import CapturedSet

UNJUDGED = mark("The captures name more servers than this program judges at once. Those that failed were judged first.")
FLOWS_LEFT_OUT = mark("The capture has more flows than this program keeps. Some flows without data were left out.")

NOTHING_JUDGED = mark(
    "Flows in the captures: {count}. None can be judged. A verdict needs the start of a connection, lookup or call, "
    "and its answer, or four seconds of silence after a repeated request."
)


def judged_measurements(sources: list[str], skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, number, measurement) of results files, then of captures. Raises UsageError."""
    captures, others = captures_of(sources, skipped)
    for source in others:
        yield from measurements_in(source, skipped)
    if captures:
        reading, found = read_set(captures, skipped)
        number = 0
        for number, each in enumerate(found, 1):
            yield ", ".join(reading.names), number, each.document
        if not number:
            say(sys.stderr, wrapped(f"probe: {tr(NOTHING_JUDGED, count=len(reading.flows))}"))
        if reading.unjudged:
            skipped.name(Problem(", ".join(reading.names), 0, UNJUDGED))


def captures_of(sources: list[str], skipped: SkippedLines) -> tuple[list[Source], list[Source]]:
    """Return the files that are captures, and all others. Raises UsageError."""
    found = files_of(sources)
    for problem in found.refused:
        skipped.name(problem)
    captures = [source for source in found.files if is_capture_file(source)]
    return captures, [source for source in found.files if source not in captures]


def read_set(captures: list[Source], skipped: SkippedLines) -> "tuple[CapturedSet, Iterator[CapturedMeasurement]]":
    """Read captures as one set, and name what could not be read."""
    from probe.captures.capture_measurements import measurements_of
    from probe.captures.captured_set import read_captures

    reading = read_captures(captures)
    for problem in reading.problems:
        skipped.name(problem)
    if reading.left_out:
        skipped.name(Problem(", ".join(reading.names), 0, FLOWS_LEFT_OUT))
    return reading, measurements_of(reading)

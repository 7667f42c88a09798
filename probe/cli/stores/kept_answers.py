"""Read the answers of app stores from results files."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.screen import say
from probe.messages import printable
from probe.results import Problem, find_files, read_lines

if TYPE_CHECKING:
    from probe.analysis.listings.answers import Answers


def answers_in(paths: Sequence[Path]) -> "Iterator[Answers]":
    """Yield the answers in files and folders, oldest first. Unusable lines are named on stderr."""
    from probe.analysis.listings.answers import answers_of

    for path in find_files(paths).files:
        for number, line in read_lines(path):
            if isinstance(line, Problem):
                say(sys.stderr, f"probe: {printable(line.file)}: {printable(line.sentence)}")
            elif (answers := answers_of(line, path.name, number)) is not None:
                yield answers

"""Find the results file that a command names by the number of a run."""

import shutil
import sys
from pathlib import Path

from rich.cells import cell_len

from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, say
from probe.messages import tr
from probe.results import ResultsError, is_run, numbered_run, results_root


def run_files(source: str, results: Path | None) -> list[str]:
    """Return the named file, or the file of the run with this number, and print its path. Raises UsageError."""
    if not is_run(source):
        return [source]
    try:
        path = numbered_run(source, results_root(results))
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    say(sys.stderr, _sentence(str(path)))
    return [str(path)]


def lines_of_path(path: str) -> int:
    """Return the lines that the path of the file has on the screen, 0 if it is not printed there."""
    columns = shutil.get_terminal_size((80, 24)).columns
    return -(-cell_len(_sentence(path)) // columns) if sys.stderr.isatty() else 0


def _sentence(path: str) -> str:
    return tr("Results file: {path}", path=path)

"""Implement `probe compare-runs`: which apps have another state in the second of two runs."""

import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len

from probe.cli.completions import complete_run
from probe.cli.options import new_app, opt
from probe.cli.results.run_files import run_files
from probe.cli.results.unusable_lines import INVALID_INPUT, SkippedLines, usable_measurements
from probe.cli.screen import COLOURS, UsageError, is_plain, say
from probe.cli.summary.table_layout import TableCell, row_lines, screen_width, wrap
from probe.messages import printable, tr

if TYPE_CHECKING:
    from probe.analysis.run_result.run_differences import StateChange
    from probe.analysis.run_result.runs import RunVerdicts

GAP = 2  # spaces between columns

app = new_app()


@app.command()
def compare_runs(
    first: Annotated[
        str,
        typer.Argument(metavar="FIRST", help="The earlier run: its number in `probe list`, or a results file."),
    ] = "2",
    second: Annotated[
        str,
        typer.Argument(metavar="SECOND", help="The later run, in the same way.", autocompletion=complete_run),
    ] = "1",
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
) -> None:
    """Show which apps have another state in the second of two runs, by default the last two.

    An app that one of the runs did not test, or not to its end, is named and not compared.
    """
    from probe.analysis.run_result.run_differences import (
        CAUTION,
        CHANGED,
        NETWORKS,
        are_on_other_networks,
        differences,
        missing,
        no_differences,
    )

    before, after = (_verdicts(source, results) for source in (first, second))
    if before.run == after.run:
        raise UsageError(tr("Choose two different runs."), 2)
    for sentence in missing(before, after):
        _print_sentence(sentence)
    if are_on_other_networks(before, after):
        _print_sentence(tr(NETWORKS))
    if changes := differences(before, after):
        _print_sentence(tr(CHANGED))
        _print_table(changes, plain=is_plain(plain, sys.stdout))
        _print_sentence(tr(CAUTION))
    else:
        _print_sentence(no_differences(before, after))


def _verdicts(source: str, results: Path | None) -> "RunVerdicts":
    """Return the verdicts of the last run in a file. Raises UsageError."""
    from probe.analysis.run_result.runs import runs_in

    runs = deque(runs_in(usable_measurements(run_files(source, results), SkippedLines())), maxlen=1)
    if not runs:
        raise UsageError(tr("The results file contains no measurement that can be judged."), INVALID_INPUT)
    return runs.pop()


def _print_sentence(sentence: str) -> None:
    say(sys.stdout, "\n".join(wrap(sentence, screen_width())))


def _print_table(changes: "Sequence[StateChange]", *, plain: bool) -> None:
    """Print a row for each app: its name and its states in the first and the second run, with the colours of these."""
    from probe.analysis.run_result.run_differences import FIRST, SECOND

    rows = [[TableCell(tr(word)) for word in ("App", FIRST, SECOND)]]
    for change in changes:
        states = ((words, "" if plain else COLOURS.get(style, "")) for style, words in (change.before, change.after))
        rows.append([TableCell(printable(change.title)), *(TableCell(*state) for state in states)])
    titles = min(max(cell_len(row[0].text) for row in rows), screen_width() // 3)
    states_width = (screen_width() - titles) // 2 - GAP
    for row in rows:
        for line in row_lines(row, (titles, states_width, states_width), GAP):
            print(line)

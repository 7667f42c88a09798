"""Implement `probe list`: the runs in the results folder, with their numbers and what they found."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

from rich.cells import cell_len, set_cell_size

from probe.cli.options import new_app, opt
from probe.cli.queue_states import state_counts, submissions
from probe.cli.results.kept_summaries import summary_of
from probe.cli.results.run_summary import RunSummary
from probe.cli.screen import UsageError, is_plain, say, wrapped
from probe.cli.summary.headline import NARROW
from probe.cli.summary.table_layout import TableCell, row_lines, screen_width, wrap
from probe.messages import printable, tr, tr_plural
from probe.ooni.submission.outcomes import SubmissionState, run_key
from probe.results import newest_first, results_root

USUAL = 10  # runs on the screen
NUMBER, WHEN, PLACE, GAP = 3, len("2026-12-01 09:30"), len("XX AS4294967295"), 2  # columns of the cells of a row

app = new_app()


@app.command()
def runs(
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    most: Annotated[
        int | None, opt("--most", help="Show this many runs at most (default: 10, with --json all).", min=1)
    ] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per run.")] = False,
    verbose: Annotated[
        bool, opt("--verbose", "-v", help="Print all that was found, what was published, and the file of each run.")
    ] = False,
) -> None:
    """List earlier runs, the newest first, with what they found. Each run has one row.

    `probe show 2` shows the run with number 2. The verdicts are computed again if the rules changed.
    """
    root = results_root(results)
    found = newest_first(root)
    sent = _submissions(root)
    if not found and not json:
        say(sys.stderr, tr("There are no runs in {folder} yet. `probe run` makes one.", folder=root))
    shown = most or (len(found) if json else USUAL)
    for number, path in islice(enumerate(found, 1), shown):
        summary = summary_of(path)
        if json:
            from json import dumps

            submission = (sent or {}).get(run_key(path), {})
            say(sys.stdout, dumps({"path": str(path), "number": number, **asdict(summary), "submission": submission}))
        elif verbose:
            _print_in_full(number, path, summary, _sent_note(path, summary, sent))
        else:
            _print_row(number, summary, head=number == 1)
    if not json and len(found) > shown:
        say(sys.stderr, _sentence_about_older(len(found), shown))


def _sentence_about_older(found: int, shown: int) -> str:
    return tr_plural(
        "{count} older run is not shown. Use --most {all} to see it.",
        "{count} older runs are not shown. Use --most {all} to see them.",
        found - shown,
        all=found,
    )


def _print_row(number: int, summary: RunSummary, *, head: bool) -> None:
    """Print a run as one row. On a narrow screen what was found stands below time and network."""
    width, unicode = screen_width(), not is_plain(False, sys.stdout)
    narrow = width < NARROW
    found = width - (NUMBER + GAP if narrow else NUMBER + WHEN + PLACE + 3 * GAP)
    cells = [str(number), printable(summary.start[:WHEN]), _cut(printable(summary.place), PLACE)]
    words = summary.in_short(found, unicode=unicode)
    if narrow:
        _say_row(cells, [NUMBER, WHEN, PLACE])
        _say_row(["", words], [NUMBER, found])
        return
    if head:
        _say_row(["", tr("Time"), tr("Network"), tr("Found")], [NUMBER, WHEN, PLACE, found])
    _say_row([*cells, words], [NUMBER, WHEN, PLACE, found])


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 3) + "..."


def _say_row(cells: Sequence[str], widths: Sequence[int]) -> None:
    for line in row_lines([TableCell(text) for text in cells], widths, GAP):
        say(sys.stdout, line)


def _print_in_full(number: int, path: Path, summary: RunSummary, sent: str) -> None:
    first = f"{number:>{NUMBER}}{' ' * GAP}"
    indent = cell_len(first)
    width = screen_width() - indent
    lines = summary.found_lines(width, unicode=not is_plain(False, sys.stdout)) or wrap(summary.tests_found(), width)
    notes = [line for note in summary.notes() for line in wrap(note, width)]
    say(sys.stdout, first + printable(f"{summary.start}  {summary.place}"))
    for line in [*lines, *notes, *([sent] if sent else []), printable(path)]:
        say(sys.stdout, " " * indent + line)


def _submissions(root: Path) -> dict[str, dict[SubmissionState, int]] | None:
    """Return what the queue says about runs, None without a queue or with a damaged one, which is named."""
    try:
        return submissions(root)
    except UsageError as refusal:
        say(sys.stderr, wrapped(f"probe: {refusal.sentence}"))
        return None


def _sent_note(path: Path, summary: RunSummary, sent: Mapping[str, Mapping[SubmissionState, int]] | None) -> str:
    """Return how much of a real run was published, "" if nothing of this folder was ever submitted."""
    if sent is None or summary.lab or summary.synthetic:
        return ""
    return tr("Publication: {states}", states=state_counts(sent.get(run_key(path), {})) or tr("not sent"))

"""Implement `probe list`: the runs in the results folder, with their numbers and what they found."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

from rich.cells import cell_len

from probe.cli.options import new_app, opt
from probe.cli.queue_states import state_counts, submissions
from probe.cli.results.kept_summaries import summary_of
from probe.cli.results.run_summary import RunSummary
from probe.cli.screen import UsageError, is_plain, say, wrapped
from probe.cli.summary.layout import screen_width, wrap
from probe.messages import listed, printable, tr, tr_plural
from probe.ooni.submission.outcomes import State, run_key
from probe.results import newest_first, results_root

USUAL = 10  # runs on the screen

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
        else:
            _print(number, path, summary, _sent_note(path, summary, sent))
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


def _print(number: int, path: Path, summary: RunSummary, sent: str) -> None:
    first = f"{number:>3}  "
    indent = cell_len(first)
    width = screen_width() - indent
    lines = summary.found_lines(width, unicode=not is_plain(False, sys.stdout)) or wrap(_tests(summary), width)
    notes = [line for note in summary.notes(path) for line in wrap(note, width)]
    say(sys.stdout, first + printable(f"{summary.start}  {summary.place}"))
    for line in [*lines, *notes, *([sent] if sent else []), printable(path)]:
        say(sys.stdout, " " * indent + line)


def _submissions(root: Path) -> dict[str, dict[State, int]] | None:
    """Return what the queue says about runs, None without a queue or with a damaged one, which is named."""
    try:
        return submissions(root)
    except UsageError as refusal:
        say(sys.stderr, wrapped(f"probe: {refusal.sentence}"))
        return None


def _sent_note(path: Path, summary: RunSummary, sent: Mapping[str, Mapping[State, int]] | None) -> str:
    """Return how much of a real run was published, "" if nothing of this folder was ever submitted."""
    if sent is None or summary.lab or summary.synthetic:
        return ""
    return tr("Publication: {states}", states=state_counts(sent.get(run_key(path), {})) or tr("not sent"))


def _tests(summary: RunSummary) -> str:
    """Return the names of the tests of a file without verdicts."""
    names = [f"{name} ({count})" if count > 1 else name for name, count in summary.tests.items()]
    return printable(listed(names)) or tr("no measurements")

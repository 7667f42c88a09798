"""Implement `probe advice`: say what a person can do about the apps that a run found blocked."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.completions import complete_run
from probe.cli.options import new_app, opt
from probe.cli.results.run_files import run_files
from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
from probe.cli.screen import say, wrapped
from probe.messages import tr
from probe.results import LAST

app = new_app()


@app.command()
def advice(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The last run, the run with this number in `probe list`, or a results file.",
            autocompletion=complete_run,
        ),
    ] = LAST,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
) -> None:
    """Say what you can do about apps that do not work, with sources. Nothing is opened or sent."""
    from probe.analysis.run_result.run_sentences import latest_rounds
    from probe.analysis.run_result.runs import runs_in
    from probe.analysis.run_result.ways_around import advice_for, advice_lines
    from probe.analysis.verdicts.app_verdicts import judge_apps

    skipped = SkippedLines()
    apps = [
        app
        for run in runs_in(usable_measurements(run_files(source, results), skipped))
        for app in latest_rounds(judge_apps(run.records, run.targets))
    ]
    lines = advice_lines(advice_for(apps))
    for sentence, origin in lines:
        say(sys.stdout, wrapped(sentence, 2, "- "))
        if origin:
            say(sys.stdout, wrapped(origin, 2))
    if not lines:
        say(sys.stdout, tr("No app of this run is blocked, so that there is nothing to do."))
    skipped.end()

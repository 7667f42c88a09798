"""`probe lab score`: how right the judge is, over every scenario and many seeds; the figures anybody can recompute."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe import __version__
from probe.cli.options import opt, targets_folder
from probe.cli.screen import UsageError, say

if TYPE_CHECKING:
    from probe.lab.scoring.score import Tally, Trial
    from probe.lab.scoring.score_files import Score

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Scenarios by name; default: all.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds of each.")]
FirstSeed = Annotated[int, typer.Option("--first-seed", min=0, help="The first of them; the others follow it.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=16, help="How many labs run side by side.")]
Save = Annotated[Path | None, opt("--save", help="Write the figures to this file, as JSON.")]
Show = Annotated[
    list[Path] | None,
    opt("--show", help="Run nothing: print the table of a file that --save wrote; of several, together."),
]
Markdown = Annotated[bool, opt("--markdown", help="Print as Markdown: the whole beside its aims, then the table.")]


def score(
    names: Names = None,
    seeds: Seeds = 1,
    first_seed: FirstSeed = 0,
    jobs: Jobs = 2,
    save: Save = None,
    show: Show = None,
    markdown: Markdown = False,
) -> None:
    """Run the scenarios over seeds and count what was right: states, mechanisms, hops; and whom it accused falsely.

    Exit code 1 where a state, a mechanism or a hop is not what the scenario expects.
    """
    from probe.lab.scoring.score_files import write

    total = _saved(show) if show else _scored(names or [], range(first_seed, first_seed + seeds), jobs)
    if save is not None:
        write(total, save)
    for line in _printed(total, markdown):
        say(sys.stdout, line)
    wrong = [row for count in total.scenarios.values() for row in count.wrong]
    for row in wrong if not markdown else []:
        say(sys.stderr, f"wrong: {row}")
    raise typer.Exit(1 if wrong and not show else 0)


def _scored(names: list[str], seeds: range, jobs: int) -> "Score":
    """Run everything; the figures by scenario, and what they were taken with."""
    from probe.lab.run import expected_services
    from probe.lab.scenario.scenario import ScenarioError, find_scenario, load_scenario, scenario_names
    from probe.lab.scoring.score import Tally, tally
    from probe.lab.scoring.score_files import Score, kind_of
    from probe.lab.scoring.trials import trials
    from probe.lab.world.assemble import build_path

    try:
        loaded = {name: load_scenario(find_scenario(name)) for name in names or scenario_names()}
    except ScenarioError as error:
        raise UsageError(str(error), 2) from None
    folder = targets_folder(None)
    counts: dict[str, Tally] = {name: Tally() for name in loaded}
    for done in trials(list(loaded), seeds, jobs=jobs, targets=folder):
        scenario = loaded[done.scenario]
        hop, services = build_path(scenario, done.seed).censor_hop, expected_services(scenario, folder)
        of_run = tally(done, scenario.expect, services, censor_hop=hop, censored=bool(scenario.censors))
        counts[done.scenario] += of_run
        say(sys.stderr, _progress(done, of_run))
    kinds = {name: kind_of(scenario) for name, scenario in loaded.items()}
    return Score(_commit(), __version__, kinds, counts)


def _progress(done: "Trial", count: "Tally") -> str:
    return f"{done.scenario} {done.seed}: {count.exact}/{count.verdicts} exact, {done.seconds:.0f} s"


def _saved(paths: list[Path]) -> "Score":
    from probe.lab.scoring.score_files import ScoreError, read_all

    try:
        return read_all(paths)
    except ScoreError as error:
        raise UsageError(str(error), 6) from None


def _printed(total: "Score", markdown: bool) -> list[str]:
    from probe.lab.scoring.score_table import against_aims, as_markdown, as_text, sentences, table

    rows = table(total.scenarios)
    if markdown:
        return [*as_markdown(against_aims(total)), "", *as_markdown(rows)]
    return [*as_text(rows), *sentences(total)]


def _commit() -> str | None:
    """The commit that the running code is at, marked where it was changed since; None outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        told = subprocess.run(  # where it fails there is nothing to tell
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            check=False,
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None

"""Implement `probe lab score`: compare the verdicts of many runs with the expectations of their scenarios."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe import __version__
from probe.cli.completions import complete_scenario
from probe.cli.options import opt, targets_folder
from probe.cli.screen import UsageError, say, write_error
from probe.messages import tr

if TYPE_CHECKING:
    from probe.lab.scoring.score import Tally, Trial
    from probe.lab.scoring.score_files import Score

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Scenarios by name, by default all.", autocompletion=complete_scenario),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Number of seeds for each scenario.")]
FirstSeed = Annotated[int, typer.Option("--first-seed", min=0, help="The first seed. The others follow it.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=16, help="Number of labs that run side by side.")]
Save = Annotated[Path | None, opt("--save", help="Write the figures to this file as JSON.")]
Show = Annotated[
    list[Path] | None,
    opt("--show", help="Run nothing and print the table of a file of --save. Several files are merged."),
]
Markdown = Annotated[bool, opt("--markdown", help="Print Markdown: the totals with their aims, then the table.")]


def score(
    names: Names = None,
    seeds: Seeds = 1,
    first_seed: FirstSeed = 0,
    jobs: Jobs = 2,
    save: Save = None,
    show: Show = None,
    markdown: Markdown = False,
) -> None:
    """Run the scenarios with several seeds and count right states, mechanisms and hops, and false accusations.

    The exit code is 1 if a state, a mechanism or a hop differs from the scenario's expectation.
    """
    found = _saved(show) if show else _scored(names or [], range(first_seed, first_seed + seeds), jobs)
    if save is not None:
        _save(found, save)
    for line in _printed(found, markdown):
        say(sys.stdout, line)
    wrong = [row for count in found.scenarios.values() for row in count.wrong]
    for row in wrong if not markdown else []:
        say(sys.stderr, tr("wrong: {difference}", difference=row))
    raise typer.Exit(1 if wrong and not show else 0)


def _save(score: "Score", path: Path) -> None:
    from probe.lab.scoring.score_files import write
    from probe.results import reason_of

    try:
        write(score, path)
    except OSError as error:
        refusal = tr("{path} cannot be written: {reason}.", path=path, reason=reason_of(error))
        raise write_error(error, path, refusal, 2) from None


def _scored(names: list[str], seeds: range, jobs: int) -> "Score":
    """Run all scenarios and seeds. Return the figures by scenario, with commit and version."""
    from probe.cli.run.consent_text import VERSION
    from probe.lab.sandbox.unsupported import LabUnavailable, check_system

    try:
        check_system()
        return _score_of_runs(names, seeds, jobs, VERSION)
    except LabUnavailable as error:
        raise UsageError(tr("The lab cannot run on this computer: {reason}", reason=error), 1) from None


def _score_of_runs(names: list[str], seeds: range, jobs: int, consent: str) -> "Score":
    from probe.lab.run import expected_services
    from probe.lab.scenario.bundled_scenarios import scenario_names
    from probe.lab.scenario.scenario import ScenarioError, find_scenario, load_scenario
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
    for done in trials(list(loaded), seeds, jobs=jobs, targets=folder, consent=consent):
        scenario = loaded[done.scenario]
        hop, services = build_path(scenario, done.seed).censor_hop, expected_services(scenario, folder)
        of_run = tally(
            done,
            scenario.expect,
            services,
            censor_hop=hop,
            censor_hops={censor.hop or hop for censor in scenario.censors},
            censored=bool(scenario.censors),
            network=scenario.expect_network,
        )
        counts[done.scenario] += of_run
        say(sys.stderr, _progress(done, of_run))
    kinds = {name: kind_of(scenario) for name, scenario in loaded.items()}
    return Score(_commit(), __version__, kinds, counts)


def _progress(done: "Trial", count: "Tally") -> str:
    return tr(
        "{scenario} {seed}: {exact} of {verdicts} states exact, {seconds} s",
        scenario=done.scenario,
        seed=done.seed,
        exact=count.exact,
        verdicts=count.verdicts,
        seconds=round(done.seconds),
    )


def _saved(paths: list[Path]) -> "Score":
    from probe.lab.scoring.score_files import ScoreError, read_all

    try:
        return read_all(paths)
    except ScoreError as error:
        raise UsageError(str(error), 6) from None


def _printed(score: "Score", markdown: bool) -> list[str]:
    from probe.lab.scoring.confusion import by_mechanism, by_protocol
    from probe.lab.scoring.places import by_mechanisms
    from probe.lab.scoring.score_table import against_aims, as_markdown, as_text, sentences, table, total

    every, rows = total(score.scenarios), table(score.scenarios)
    confusion = every.confusion
    if markdown:
        places = [by_mechanisms(every.places)] if every.places else []
        tables = [against_aims(score), by_protocol(confusion), by_mechanism(confusion), *places, rows]
        return [line for each in tables for line in [*as_markdown(each), ""]][:-1]
    return [*as_text(rows), "", *as_text(by_protocol(confusion)), "", *sentences(score)]


def _commit() -> str | None:
    """Return the commit of the running code, with `-dirty` if files have changed. None outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(  # git of the user's PATH  # nosec B607
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

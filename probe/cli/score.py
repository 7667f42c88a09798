"""`probe lab score`: how right the judge is, over every scenario and many seeds; the figures anybody can recompute."""

import json as jsonlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe import __version__
from probe.cli.options import opt, targets_folder
from probe.cli.screen import Refusal, say

if TYPE_CHECKING:
    from probe.lab.score import Tally, Trial

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Scenarios by name; default: all.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds of each, counted from 0.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=16, help="How many labs run side by side.")]
Save = Annotated[Path | None, opt("--save", help="Write the figures to this file, as JSON.")]
Show = Annotated[Path | None, opt("--show", help="Run nothing: print the table of a file that --save wrote.")]
Markdown = Annotated[bool, opt("--markdown", help="Print the table as Markdown.")]


def score(
    names: Names = None,
    seeds: Seeds = 1,
    jobs: Jobs = 2,
    save: Save = None,
    show: Show = None,
    markdown: Markdown = False,
) -> None:
    """Run the scenarios over seeds and count what was right: states, mechanisms, hops; and whom it accused falsely.

    Exit code 1 where a state or a mechanism is not what the scenario expects.
    """
    document = _saved(show) if show else _scored(names or [], seeds, jobs)
    if save is not None:
        save.write_text(jsonlib.dumps(document, indent=1) + "\n", encoding="utf-8")
    for line in _table(document, markdown):
        say(sys.stdout, line)
    wrong = [row for count in document["scenarios"].values() for row in count["wrong"]]
    for row in wrong if not markdown else []:
        say(sys.stderr, f"wrong: {row}")
    raise typer.Exit(1 if wrong and not show else 0)


def _scored(names: list[str], seeds: int, jobs: int) -> dict[str, Any]:
    """Run everything; the figures by scenario, and what they were taken with."""
    from dataclasses import asdict

    from probe.lab.run import expected_services
    from probe.lab.scenario import ScenarioError, find_scenario, load_scenario, scenario_names
    from probe.lab.score import Tally, tally
    from probe.lab.trials import trials

    try:
        loaded = {name: load_scenario(find_scenario(name)) for name in names or scenario_names()}
    except ScenarioError as error:
        raise Refusal(str(error), 2) from None
    folder = targets_folder(None)
    counts: dict[str, Tally] = {name: Tally() for name in loaded}
    for done in trials(list(loaded), range(seeds), jobs=jobs, targets=folder):
        scenario = loaded[done.scenario]
        of_run = tally(done, scenario.expect, expected_services(scenario, folder))
        counts[done.scenario] += of_run
        say(sys.stderr, _progress(done, of_run))
    about = {"commit": _commit(), "software_version": __version__, "seeds": seeds}
    return {**about, "scenarios": {name: asdict(count) for name, count in counts.items()}}


def _progress(done: "Trial", count: "Tally") -> str:
    return f"{done.scenario} {done.seed}: {count.exact}/{count.verdicts} exact, {done.seconds:.0f} s"


def _saved(path: Path) -> dict[str, Any]:
    try:
        document = jsonlib.loads(path.read_text(encoding="utf-8"))
        return {**document, "scenarios": dict(document["scenarios"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise Refusal(f"{path} holds no score; expected a file that `probe lab score --save` wrote", 6) from None


def _table(document: Mapping[str, Any], markdown: bool) -> list[str]:
    from probe.lab.score import Tally, as_markdown, as_text, table

    rows = table({name: Tally(**count) for name, count in document["scenarios"].items()})
    return as_markdown(rows) if markdown else as_text(rows)


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

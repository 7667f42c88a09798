"""Complete targets, runs and scenarios in the shell. Only names and titles are read, so that it is quick."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import shorten

import typer

from probe.cli.options import targets_folder

Candidate = tuple[str, str]
"""A word, and what a shell shows beside it."""
MOST_RUNS = 20
LONGEST = 60  # characters beside a word. A shell shows one line for each.


def complete_targets(ctx: typer.Context, incomplete: str) -> Iterator[Candidate]:
    """Yield the targets, also behind commas, and `all`."""
    before, comma, begun = incomplete.rpartition(",")
    for name, title in matching((*_titles(ctx).items(), ("all", "")), begun):
        yield before + comma + name, title


def complete_target(ctx: typer.Context, incomplete: str) -> Iterator[Candidate]:
    yield from matching(_titles(ctx).items(), incomplete)


def complete_run(ctx: typer.Context, incomplete: str) -> Iterator[Candidate]:
    """Yield `last` and the numbers of the newest runs. A shell adds files itself."""
    from probe.results import LAST, newest_first, results_root

    runs = newest_first(results_root(_path(ctx, "results")))[:MOST_RUNS]
    numbered = ((str(number), _about(path)) for number, path in enumerate(runs, 1))
    yield from matching([(LAST, ""), *numbered] if runs else (), incomplete)


def complete_scenario(incomplete: str) -> Iterator[Candidate]:
    from probe.lab.scenario.bundled_scenarios import FOLDER, scenario_names

    for name in scenario_names():
        if name.startswith(incomplete):
            yield name, _title(FOLDER / f"{name}.toml")


def matching(candidates: Iterable[Candidate], begun: str) -> Iterator[Candidate]:
    """Yield the candidates that start with what was typed, in any case."""
    return ((word, about) for word, about in candidates if word.startswith(begun.casefold()))


def _titles(ctx: typer.Context) -> dict[str, str]:
    """Return the titles by name, and nothing if the folder cannot be used. The command itself says why."""
    from probe.targets.chosen_targets import titles
    from probe.targets.target_error import TargetError
    from probe.targets.titles import shown_title

    try:
        found = titles(targets_folder(_path(ctx, "targets")))
    except TargetError:
        return {}
    return {name: shown_title(title) for name, title in found.items()}


def _path(ctx: typer.Context, parameter: str) -> Path | None:
    value = ctx.params.get(parameter)
    return Path(value) if value else None


def _about(run: Path) -> str:
    """Return date, time of day and network of a run from the names of its folders and its file."""
    time = run.name[:6]
    clock = f"{time[:2]}:{time[2:4]}" if time.isascii() and time.isdigit() else ""
    return " ".join(word for word in (run.parent.parent.name, clock, run.parent.name) if word)


def _title(scenario: Path) -> str:
    from probe.files import read_toml

    return shorten(str(read_toml(scenario)[1].get("title", "")), LONGEST, placeholder=" ...")

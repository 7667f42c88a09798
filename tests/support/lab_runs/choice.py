"""Choose what `make test` runs in the lab: a cover, scenarios that a change is about, and a twentieth of the rest."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from probe.lab.censors import CLASSES
from probe.lab.scenario.bundled_scenarios import FOLDER
from tests.support.changes import Changes
from tests.support.lab_runs.cover import Feature, features, smallest_cover, usual_cover
from tests.support.suites import Run

STEPS = ("probe/steps/", "probe/wire/", "probe/dialogue/", "probe/lab/services/")
OPERATIONS = {"dns": "resolve", "resolver": "resolve", "resolvers": "resolve", "doh": "resolve", "tcp": "connect"}
"""First word of a step's name in the recordings, where it is not the word in the names of the step's files."""
MOST_CHANGED = 25
"""Scenarios that one change adds at most: a change of TLS is about a quarter of all, of which the cover has half."""


@dataclass(frozen=True)
class Choice:
    """Hold the scenarios that run, by the reason. `bare` run without interference."""

    cover: tuple[str, ...]
    changed: tuple[str, ...]
    twentieth: tuple[str, ...]
    bare: frozenset[str]

    def has(self, run: Run) -> bool:
        """Return whether the run is made. Runs with other seeds or options are few, and all are made."""
        names = {*self.changed, *self.twentieth, *(self.bare if run.bare else self.cover)}
        return run.name in names or not (run.bare or run.is_plain)

    def sentence(self) -> str:
        """Return how many scenarios run for which reason."""
        reasons = f"{len(self.cover)} show most features, {len(self.changed)} are about the change"
        return f"SCENARIOS: {reasons}, and {len(self.twentieth)} are a twentieth of the rest."


def choose(wanted: Iterable[Run], others: Iterable[Run], changed: Changes, number: int) -> Choice:
    """Choose from the wanted runs, and of the rest the twentieth with this number.

    The plain runs of the others are made anyway, so the cover begins with them.
    """
    found, runs = features(), set(wanted)
    names = {run.name for run in runs if run.is_plain}
    given = {run.name for run in others if run.is_plain}
    cover = _cover(frozenset(names), frozenset(given))
    rest = sorted(names.difference(cover))
    about = sorted(about_change(changed, found).intersection(rest))
    bare = {run.name: bare_features(run.name) for run in runs if run.bare}
    return Choice(
        cover,
        tuple(about[:MOST_CHANGED]),
        tuple(rest[number::20]),
        frozenset(smallest_cover(bare)) if bare else frozenset(),
    )


@cache
def _cover(names: frozenset[str], given: frozenset[str]) -> tuple[str, ...]:
    return tuple(usual_cover({name: features()[name] for name in names | given}, given))


def about_change(changed: Changes, found: Mapping[str, frozenset[Feature]]) -> set[str]:
    """Return the scenarios whose file, recording, censor or failing step changed."""
    names = {PurePath(file).name.partition(".")[0] for file in changed.files if file.startswith("probe/lab/")}
    modules = {file.removesuffix(".py").replace("/", ".") for file in changed.files}
    censors = {("censor", name) for name, kind in CLASSES.items() if kind.__module__ in modules}
    steps = {step for file in changed.files if file.startswith(STEPS) for step in _steps_of(file)}
    return {
        name
        for name, has in found.items()
        if name in names
        or any(feature[:2] in censors for feature in has)
        or any(feature[0] == "end" and (feature[-1] or "").partition("_")[0] in steps for feature in has)
    }


def bare_features(name: str) -> frozenset[Feature]:
    """Return what a scenario contains that is no interference: targets, depth, pages, and what the helper does."""

    def each() -> Iterator[Feature]:
        file = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        yield from (("target", target) for target in file.get("targets", ["all"]))
        yield from (("helper", key, str(value)) for key, value in file.get("helper", {}).items())
        yield from (("page", key) for page in file.get("page", ()) for key in page)
        yield "depth", file.get("depth", "standard")

    return frozenset(each())


def _steps_of(file: str) -> set[str]:
    """Return the words in the file's path that may begin the name of a step, such as `sip` of `sip_options`."""
    words = {word for part in PurePath(file).with_suffix("").parts[2:] for word in part.split("_")}
    return {OPERATIONS.get(word, word) for word in words}

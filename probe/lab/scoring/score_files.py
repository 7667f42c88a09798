"""Scores in files: what `probe lab score --save` writes, read again and laid together."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Literal

from probe.lab.scenario.scenario import Scenario
from probe.lab.scoring.score import Tally

Kind = Literal["standard", "slow line", "deep"]

SLOW_KBIT, SLOW_RTT_MS = 128.0, 800.0  # a line at most as wide, or at least as long, may take its time


class ScoreError(ValueError):
    """A file that holds no score, or scores that do not belong together; its text is one sentence for the user."""


@dataclass(frozen=True)
class Score:
    """What some runs came to, by scenario, and the commit of the code that ran; None: outside a checkout."""

    commit: str | None
    software_version: str
    kinds: dict[str, Kind] = field(default_factory=dict)
    scenarios: dict[str, Tally] = field(default_factory=dict)


def kind_of(scenario: Scenario) -> Kind:
    """Which limit of time a scenario's runs have."""
    if scenario.depth == "deep":
        return "deep"
    rate = scenario.path.rate_kbit
    thin = rate is not None and rate <= SLOW_KBIT
    return "slow line" if thin or scenario.path.rtt_ms >= SLOW_RTT_MS else "standard"


def write(score: Score, path: Path) -> None:
    """Save a score. Raises OSError."""
    path.write_text(json.dumps(asdict(score), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Score:
    """Read what `write` wrote. Raises ScoreError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        scenarios = {name: Tally(**count) for name, count in document["scenarios"].items()}
        return Score(**{**document, "scenarios": scenarios})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        sentence = f"{path} holds no score; expected a file that `probe lab score --save` wrote"
        raise ScoreError(sentence) from None


def read_all(paths: Sequence[Path]) -> Score:
    """Read files and lay them together. Raises ScoreError where commits differ, or a run would count twice."""
    first, *others = [(path, read(path)) for path in paths]
    for path, score in others:
        if score.commit != first[1].commit:
            said = f"{first[0]} is of commit {first[1].commit} and {path} of {score.commit}"
            raise ScoreError(f"{said}; expected scores of one commit")
    return reduce(_both, (score for _, score in others), first[1])


def _both(one: Score, other: Score) -> Score:
    scenarios = dict(one.scenarios)
    for name, count in other.scenarios.items():
        mine = replace(scenarios.get(name, Tally()))  # `+=` changes it, and whoever gave it keeps his
        if twice := sorted(set(mine.seeds) & set(count.seeds)):
            raise ScoreError(f"{name} with seed {twice[0]} is in two of the files; expected every run once")
        mine += count
        scenarios[name] = mine
    return replace(one, kinds={**one.kinds, **other.kinds}, scenarios=scenarios)

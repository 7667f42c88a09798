"""Write, read and merge the files of `probe lab score --save`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from probe.files import read_regular
from probe.lab.scenario.scenario import Scenario
from probe.lab.scoring.score import Tally
from probe.messages import tr

Kind = Literal["standard", "slow line", "deep"]

LARGEST = 16 * 1024 * 1024  # bytes
SLOW_KBIT, SLOW_RTT_MS = 512.0, 800.0  # limits of a slow access line, whose runs may take longer


class ScoreError(ValueError):
    """Report a file without a score, or scores that cannot be merged. The text is a message for the user."""


@dataclass(frozen=True)
class Score:
    """Hold the counts of runs by scenario, and the commit of the code, None outside a checkout."""

    commit: str | None
    software_version: str
    kinds: dict[str, Kind] = field(default_factory=dict)
    scenarios: dict[str, Tally] = field(default_factory=dict)


def kind_of(scenario: Scenario) -> Kind:
    """Return the kind of a scenario's runs, which have different time limits."""
    if scenario.depth == "deep":
        return "deep"
    rate = scenario.path.rate_kbit
    thin = rate is not None and rate <= SLOW_KBIT
    return "slow line" if thin or scenario.path.rtt_ms >= SLOW_RTT_MS else "standard"


def write(score: Score, path: Path) -> None:
    """Write a score as JSON. Raises OSError, and leaves an older file as it is in this case."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps(asdict(score), indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> Score:
    """Read what `write` wrote. Raises ScoreError."""
    try:
        return TypeAdapter(Score).validate_json(read_regular(path, LARGEST), strict=True)
    except (OSError, ValueError, RecursionError):
        sentence = tr("{path} has no score. Expected a file of `probe lab score --save`.", path=path)
        raise ScoreError(sentence) from None


def read_all(paths: Sequence[Path]) -> Score:
    """Read and merge files. Raises ScoreError if commits differ or a run is in two files."""
    first, *others = [(path, read(path)) for path in paths]
    for path, score in others:
        if score.commit != first[1].commit:
            sentence = tr(
                "{first} is from commit {commit}, but {second} is from {other}. Expected scores of one commit.",
                first=first[0],
                commit=first[1].commit,
                second=path,
                other=score.commit,
            )
            raise ScoreError(sentence)
    return reduce(_both, (score for _, score in others), first[1])


def _both(one: Score, other: Score) -> Score:
    scenarios = dict(one.scenarios)
    for name, count in other.scenarios.items():
        merged = replace(scenarios.get(name, Tally()))  # a copy, since `+=` changes it
        if twice := sorted(set(merged.seeds) & set(count.seeds)):
            sentence = tr(
                "Scenario {name} with seed {seed} is in two of the files. Expected every run once.",
                name=name,
                seed=twice[0],
            )
            raise ScoreError(sentence)
        merged += count
        scenarios[name] = merged
    return replace(one, kinds={**one.kinds, **other.kinds}, scenarios=scenarios)

"""Choose few scenarios that show most features of all scenarios. `make test` runs these in the lab.

A feature is one of these:

- what a transaction of the recording was: its kind, follow-up and dialect,
- how it ended: its dialect, failure and failed step,
- a key that the scenario's file uses: in a table, with the class of the censor, or with the kind of the fault.

`python -m tests.support.lab_runs.cover` prints the scenarios as they are chosen, each with its number of new features.
"""

import gzip
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from probe.lab.recordings import recording_of
from probe.lab.scenario.bundled_scenarios import FOLDER, scenario_names

Feature = tuple[str | None, ...]
TRANSACTIONS = '"x_transactions":'
SELECTORS = {"censor": "class", "fault": "kind"}  # lists of tables, with the key that names a table's keys
SHARE = 0.8
TABLES = ("path", "helper", "run")


@cache
def features() -> Mapping[str, frozenset[Feature]]:
    """Return the features of every bundled scenario."""
    return {name: frozenset([*recorded_features(name), *written_features(name)]) for name in scenario_names()}


def recorded_features(name: str) -> Iterator[Feature]:
    """Yield a feature for each transaction of a scenario's recording."""
    recording = recording_of(name)
    assert recording is not None, f"{name} has no recording. Make it: python -m tests.lab.record {name}"
    text, decoder = gzip.decompress(recording.read_bytes()).decode(), json.JSONDecoder()
    end = 0
    while (start := text.find(TRANSACTIONS, end)) >= 0:  # to parse the rest takes most of the time, and is not needed
        records, end = decoder.raw_decode(text, start + len(TRANSACTIONS))
        for each in records:
            dialect = each["endpoint"].partition("://")[0]
            yield "flow", each["kind"], each["followup"], dialect
            yield "end", dialect, each["failure"], each["failed_operation"]


def written_features(name: str) -> Iterator[Feature]:
    """Yield a feature for each key of a scenario's file."""
    file: dict[str, Any] = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for table, selector in SELECTORS.items():
        yield from ((table, row[selector], key) for row in file.get(table, ()) for key in row)
    yield from (("page", key) for row in file.get("page", ()) for key in row)
    yield from ((table, key) for table in TABLES for key in file.get(table, ()))


def usual_cover(found: Mapping[str, frozenset[Feature]], given: Iterable[str] = ()) -> list[str]:
    """Return the names in `given`, names that have a share of all features, and names for each censor, fault and flow.

    The last features cost a scenario each. They have their turn in the tenth of each commit.
    """
    most = smallest_cover(found, given, SHARE)
    return smallest_cover({name: frozenset(map(_named, has)) for name, has in found.items()}, most)


def _named(feature: Feature) -> Feature:
    """Return what names the feature: the censor, the fault, the flow, or the key of another table."""
    return feature[:3] if feature[0] == "flow" else feature[:2]


def smallest_cover(found: Mapping[str, frozenset[Any]], given: Iterable[str] = (), share: float = 1.0) -> list[str]:
    """Return the names in `given`, and after them names until a share of all features is shown.

    The next name is always the one with most new features, and of equal ones the first of the alphabet.
    """
    chosen = sorted(given)
    missed = round((1 - share) * len(frozenset[Any]().union(*found.values())))
    shown = frozenset[Any]().union(*(found[name] for name in chosen))
    left = {name: found[name] - shown for name in sorted(found)}
    while len(frozenset[Any]().union(*left.values())) > missed:
        best = max(left, key=lambda name: len(left[name]))
        chosen.append(best)
        left = {name: new - found[best] for name, new in left.items()}
    return chosen


def main() -> None:
    """Print the cover."""
    found, seen = features(), frozenset[Feature]()
    for number, name in enumerate(usual_cover(found), 1):
        print(f"{number:4} {len(found[name] - seen):5} {name}")
        seen |= found[name]
    print(f"{len(seen)} features of {len(found)} scenarios")


if __name__ == "__main__":
    main()

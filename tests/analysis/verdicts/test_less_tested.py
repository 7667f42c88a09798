"""Test that an app's verdict never becomes better or surer when something of a run was not tested."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.ruleset.tables import ACCUSING
from probe.analysis.run_result.run_targets import targets_of
from probe.analysis.verdicts.app_sentences import UNTESTED_NEEDS
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.analysis.verdicts.verdicts import judge_each
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.analysis.verdicts.test_ablation import recorded
from tests.support.measurements.removals import removals

DRAWN = 3  # removals of one recording
TOGETHER = 50  # measurements that are judged together
SCENARIOS = sorted(path.name.removesuffix(".jsonl.gz") for path in RECORDED.iterdir())

Records = list[dict[str, Any]]


def _judged(lines: list[dict[str, Any]], engine: SQLiteEngine) -> list[Records]:
    return [records for _, records in judge_each((("x.jsonl", n, line) for n, line in enumerate(lines, 1)), engine)]


def _apps(found: list[Records], lines: list[dict[str, Any]]) -> dict[str, AppVerdict]:
    records = [record for each in found for record in each]
    return {app["app"]: app for app in judge_apps(records, targets_of(lines))}


def _claims_more(before: AppVerdict, after: AppVerdict) -> Iterator[str]:
    """Yield what the verdict after a removal claims beyond the one before."""
    is_told = after["certainty"] != "certain" and after["sentence"] in UNTESTED_NEEDS.values()
    if after["state"] == "ok" and before["state"] != "ok" and not is_told:
        yield f"{before['state']} became ok: {after['sentence']}"
    is_one_blocked = before["state"] == "degraded" and after["state"] in ACCUSING  # without the address that works
    if after["certainty"] == "certain" and before["certainty"] != "certain" and not is_one_blocked:
        yield f"{before['state']}, {before['certainty']} became {after['state']}, certain"
    if after["state"] in ACCUSING and before["state"] not in {*ACCUSING, "impaired", "filtered_locally"}:
        yield f"{before['state']} became {after['state']}"
    for need, state in after["needs"].items():
        if state == "ok" and before["needs"].get(need) != "ok":
            yield f"{need}: {before['needs'].get(need)} became ok"


def check(scenario: str, most: int | None = None) -> None:
    """Compare the apps of a recording before and after each removal, or after some that its name draws."""
    with SQLiteEngine() as engine:
        _check(scenario, engine, most)


def _check(scenario: str, engine: SQLiteEngine, most: int | None) -> None:
    lines = list(recorded(scenario))
    found = _judged(lines, engine)
    before = _apps(found, lines)
    chosen = [(place, one) for place, line in enumerate(lines) for one in removals(line)]
    if most is not None:
        chosen = random.Random(scenario).sample(chosen, min(most, len(chosen)))
    for start in range(0, len(chosen), TOGETHER):
        some = chosen[start : start + TOGETHER]
        cut = _judged([one.of(lines[place]) for place, one in some], engine)
        for (place, one), records in zip(some, cut, strict=True):
            name = lines[place]["test_keys"]["x_target"]["name"]
            after = _apps([*found[:place], records, *found[place + 1 :]], lines)[name]
            more = list(_claims_more(before[name], after))
            assert not more, f"{name} without {one.what}: {more}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_drawn_removal_makes_no_app_better_or_surer(scenario: str) -> None:
    check(scenario, DRAWN)

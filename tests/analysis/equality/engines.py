"""Compare the records and the feature rows that two engines compute from the same measurements."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.verdicts.step_records import Decision, decisions_in
from probe.analysis.verdicts.verdicts import Flattened, judge_batch, to_json


def disagreements(batch: Sequence[Flattened], one: Engine, other: Engine) -> tuple[int, list[str]]:
    """Return the number of rows that an engine computes, and a text for each row and measurement that differs."""
    records = [judge_batch(batch, engine) for engine in (one, other)]
    ours, theirs = decisions_in(one), decisions_in(other)
    found = list(_different_rows(ours, theirs))
    for measurement, mine, yours in zip(batch, *records, strict=True):
        if list(map(to_json, mine)) != list(map(to_json, yours)):
            found.append(f"other records: {measurement.file}")
    return len(ours), found


def _different_rows(ours: Sequence[Decision], theirs: Sequence[Decision]) -> Iterator[str]:
    for mine, yours in zip_longest(ours, theirs):
        if mine != yours:
            rules = [None if each is None else each.rules for each in (mine, yours)]
            yield f"{rules[0]} and {rules[1]}: {mine} and {yours}"

"""Test that flattening can be reversed, and that invalid values fit the tables."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.analysis.store.columns import to_arrow, verdict_rows
from probe.analysis.store.flatten import Flat, facts_from, flatten, head_from
from probe.analysis.verdicts.located_hops import search_results
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_measurement, reason_unusable
from probe.formats.__main__ import FIXTURE
from tests.analysis.verdicts.test_verdict_record import JUNK, PLACES, RICH

LOCATED = Path(__file__).parents[3] / "probe" / "lab" / "recorded" / "sni-reset.jsonl.gz"
RECORDED = [json.loads(line) for file in (FIXTURE, LOCATED) for line in gzip.decompress(file.read_bytes()).splitlines()]


def flat(line: dict[str, Any]) -> Flat:
    return flatten(flat_measurement_of(line), line, line_hash="ab" * 32, size=7, file="a.jsonl", number=3)


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: line["test_keys"]["x_target"]["name"])
def test_flattened_measurement_is_restored(line: dict[str, Any]) -> None:
    found = flat(line)
    assert facts_from(found.measurement, found.observations) == flat_measurement_of(line)
    assert search_results(head_from(found.measurement)) == search_results(line)


def test_some_recordings_have_hops() -> None:
    """Check that the test above covers hops."""
    assert any(map(search_results, RECORDED))


@pytest.mark.parametrize("name", ["measurements", "observations", "verdicts"])
def test_arrow_tables_keep_rows(name: str) -> None:
    found = flat(RECORDED[0])
    records = judge_measurement(RECORDED[0], file="a.jsonl", number=3)
    rows = to_arrow([found], verdict_rows(records, found.measurement))[name].to_pylist()
    if name == "measurements":
        assert rows == [found.measurement]
    elif name == "verdicts":
        assert [row["service"] for row in rows] == [record["service"] for record in records]
        assert [json.loads(row["endpoints"]) for row in rows] == [record["endpoints"] for record in records]
    else:
        assert [row["row"] for row in rows] == list(range(len(found.observations)))
        whole = [tuple(row.values())[6:] for row in rows]
        assert facts_from(found.measurement, whole) == flat_measurement_of(RECORDED[0])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=4))
def test_invalid_value_anywhere_fits_tables(replacements: list[tuple[tuple[Any, ...], Any]]) -> None:
    line = json.loads(RICH)
    for path, junk in replacements:
        try:
            holder = line
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = junk
        except (TypeError, KeyError, IndexError):
            continue  # an earlier replacement removed this path
    if reason_unusable(line) is None:
        found = flat(line)
        records = judge_measurement(line, file="a.jsonl", number=3)
        rows = to_arrow([found], verdict_rows(records, found.measurement))
        assert rows["measurements"].num_rows == 1
        assert rows["observations"].num_rows == len(found.observations)

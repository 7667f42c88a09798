"""Test that the fast ways of judging many measurements give the same bytes as the slow way."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.observations.rows import read_measurement
from probe.analysis.store.columns import SHARED, to_arrow
from probe.analysis.store.flatten import COLUMNS, facts_from, flatten, head_from
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_flat, judge_measurement, to_json
from probe.results.reading import Piece

RECORDINGS = sorted((Path(__file__).parents[3] / "probe" / "lab" / "recorded").glob("*.jsonl.gz"))
ENGINE = SQLiteEngine()  # with the cached rows of all files before


def slow_way(raw: bytes) -> list[str]:
    """Judge like `probe judge --json`, with the standard library's JSON and a new engine."""
    return [to_json(record) for record in judge_measurement(json.loads(raw), file="a", number=1)]


def through_the_store(raw: bytes) -> list[str]:
    """Judge from Arrow tables: parsed like an ingest, flattened, converted and read again."""
    line: Any = Piece("a", 2, raw).document()
    flat = flatten(flat_measurement_of(line), line, line_hash="ab" * 32, size=len(raw), file="a", number=1)
    tables = to_arrow([flat], [])
    (measurement,) = tables["measurements"].to_pylist()
    rows = [tuple(row[column] for column in COLUMNS) for row in tables["observations"].to_pylist()]
    assert set(SHARED) < set(measurement)
    records = judge_flat(facts_from(measurement, rows), head_from(measurement), file="a", number=1, engine=ENGINE)
    return [to_json(record) for record in records]


def before_flattening(raw: bytes) -> list[str]:
    """Judge like an ingest, before the rows are flattened."""
    line: Any = Piece("a", 2, raw).document()
    return [to_json(record) for record in judge_flat(read_measurement(line), line, file="a", number=1, engine=ENGINE)]


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.name.partition(".")[0])
def test_recording_gets_same_bytes_in_every_way(file: Path) -> None:
    for raw in gzip.decompress(file.read_bytes()).splitlines(keepends=True):
        expected = slow_way(raw)
        assert expected
        assert before_flattening(raw) == expected
        assert through_the_store(raw) == expected

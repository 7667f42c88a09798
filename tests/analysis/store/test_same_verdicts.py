"""Test that the fast ways of judging many measurements give the same bytes as the slow way."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.measurement_reader import read_measurement
from probe.analysis.store.columns import SHARED, to_arrow
from probe.analysis.store.flatten import COLUMNS, facts_from, flatten, head_from
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch, judge_measurement, to_json
from probe.results.reading import Piece

RECORDINGS = sorted((Path(__file__).parents[3] / "probe" / "lab" / "recorded").glob("*.jsonl.gz"))
ENGINE = SQLiteEngine()  # which judged all files before


def slow_way(raw: bytes) -> list[str]:
    """Judge like `probe judge --json`, with the standard library's JSON, one by one."""
    return [to_json(record) for record in judge_measurement(json.loads(raw), file="a", number=1)]


def through_the_store(raw: bytes) -> Flattened:
    """Flatten from Arrow tables: parsed like an ingest, flattened, converted and read again."""
    line: Any = Piece("a", 2, raw).document()
    flat = flatten(flat_measurement_of(line), line, line_hash="ab" * 32, size=len(raw), file="a", number=1)
    tables = to_arrow([flat], [])
    (measurement,) = tables["measurements"].to_pylist()
    rows = [tuple(row[column] for column in COLUMNS) for row in tables["observations"].to_pylist()]
    assert set(SHARED) < set(measurement)
    return Flattened(facts_from(measurement, rows), head_from(measurement), "a", 1)


def before_flattening(raw: bytes) -> Flattened:
    """Read like an ingest, before the rows are flattened."""
    line: Any = Piece("a", 2, raw).document()
    return Flattened(read_measurement(line), line, "a", 1)


def together(measurements: Iterable[Flattened]) -> list[list[str]]:
    """Judge like an ingest and a rejudge: all measurements in one batch."""
    return [[to_json(record) for record in records] for records in judge_batch(measurements, ENGINE)]


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.name.partition(".")[0])
def test_recording_gets_same_bytes_in_every_way(file: Path) -> None:
    raws = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    expected = [slow_way(raw) for raw in raws]
    assert all(expected)
    assert together(map(before_flattening, raws)) == expected
    assert together(map(through_the_store, raws)) == expected

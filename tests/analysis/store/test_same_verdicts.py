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
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_each, judge_flat, judge_measurement, to_json
from probe.results.reading import Piece

RECORDINGS = sorted((Path(__file__).parents[3] / "probe" / "lab" / "recorded").glob("*.jsonl.gz"))
ENGINE = SQLiteEngine()  # which judged all files before


def slow_way(raw: bytes) -> list[str]:
    """Judge like `probe judge --json`, with the standard library's JSON, one by one."""
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


def together(raws: list[bytes]) -> list[list[str]]:
    """Judge like `probe judge --json` and a rejudge: all measurements in one batch."""
    located = [("a", 1, json.loads(raw)) for raw in raws]
    return [[to_json(record) for record in records] for _, records in judge_each(located, ENGINE)]


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.name.partition(".")[0])
def test_recording_gets_same_bytes_in_every_way(file: Path) -> None:
    raws = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    for raw, in_batch in zip(raws, together(raws), strict=True):
        expected = slow_way(raw)
        assert expected and in_batch == expected
        assert before_flattening(raw) == expected
        assert through_the_store(raw) == expected

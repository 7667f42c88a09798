"""Test that SQLite has the same rows whether they are stored and copied, or filled directly."""

from collections.abc import Iterator

import pytest

from probe.analysis.engines import repeated_rows
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.input_tables import OBSERVATION
from tests.analysis.pipeline.measurements import alike

COLUMNS = ", ".join(f"{name}, typeof({name})" for name in OBSERVATION.columns)


def batches() -> Iterator[list[FlatMeasurement]]:
    """Yield batches that have rows in common, with measurements in other orders."""
    measurements = [one.facts for one in alike()]
    for start in range(0, len(measurements), 10):
        yield measurements[start : start + 15]
        yield measurements[start : start + 15][::-1]


@pytest.mark.parametrize("most", [repeated_rows.MOST_STORED, 500])
def test_copied_rows_equal_filled_rows(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_rows, "MOST_STORED", most)
    with SQLiteEngine() as direct, SQLiteEngine(repeats=True) as copying:
        for batch in batches():
            for engine in (direct, copying):
                engine.put(OBSERVATION, filled(batch)[OBSERVATION.name])
            query = f"SELECT {COLUMNS} FROM observation ORDER BY rowid"
            assert copying.rows(query) == direct.rows(query) != []

"""Test that SQLite and DuckDB make the same tables, also of measurements with contradictions that no recording has."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import Engine, SQLiteEngine
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.sql.statement import Statement
from probe.analysis.verdicts.verdicts import Flattened
from tests.analysis.equality.engines import disagreements
from tests.analysis.pipeline.measurements import changed, others, recordings

pytestmark = pytest.mark.timeout(600)  # for machines with other load
Engines = tuple[SQLiteEngine, DuckDBEngine]


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with SQLiteEngine() as sqlite, DuckDBEngine() as duckdb:
        yield sqlite, duckdb


def different_tables(one: Engine, other: Engine) -> list[str]:
    """Return the names of the tables that differ, after both engines judged the same measurements."""
    return [each.name for each in STATEMENTS if _rows(each, one) != _rows(each, other)]


def _rows(statement: Statement, engine: Engine) -> Counter[tuple[object, ...]]:
    return Counter(engine.rows(f"SELECT * FROM {statement.name}"))


SOURCES: dict[str, Callable[[], list[Flattened]]] = {
    "recordings": partial(recordings, 14),
    "others": others,
    "changed": partial(changed, 14),
}


@pytest.mark.parametrize("source", SOURCES)
def test_tables_and_records_are_equal(engines: Engines, source: str) -> None:
    batch = SOURCES[source]()
    counted, found = disagreements(batch, *engines)
    assert (found, different_tables(*engines)) == ([], [])
    assert counted > len(batch)


def test_changed_statement_gives_a_different_table() -> None:
    """Let one engine compute one table otherwise, so that the comparison has something to find."""

    class Other(SQLiteEngine):
        def run(self, statement: Statement) -> None:
            text = statement.select.replace("tcp_attempts > 0", "tcp_attempts > 1")
            super().run(replace(statement, select=text) if statement.name == "access_line" else statement)

    with SQLiteEngine() as sqlite, Other() as other:
        disagreements(changed(40), sqlite, other)
        assert "access_line" in different_tables(sqlite, other)

"""Query the tables that the pipeline makes from measurements."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.ruleset.tables import RULES
from probe.analysis.sql.statement import Statement


@cache
def shared_engine() -> SQLiteEngine:
    """Return an engine whose statements are compiled once."""
    return SQLiteEngine()


def rows_after(measurements: Iterable[FlatMeasurement], query: str) -> list[tuple[Any, ...]]:
    """Run all statements for some measurements, numbered from 0. Return the rows of a query."""
    engine = shared_engine()
    engine.fill(filled(measurements))
    for statement in STATEMENTS:
        engine.run(statement)
    return engine.rows(query)


def statements_without(key: str) -> tuple[Statement, ...]:
    """Return the statements of a judge that lacks a rule."""
    branch = f"  WHEN {RULES[key].when} THEN '{key}'\n"
    return tuple(replace(statement, select=statement.select.replace(branch, "")) for statement in STATEMENTS)

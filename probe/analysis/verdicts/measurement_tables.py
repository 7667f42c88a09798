"""Answer SQL about one measurement from the tables of the pipeline."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.input_tables import INPUTS
from probe.analysis.pipeline.rule_facts import CONSTANTS
from probe.analysis.pipeline.steps import STATEMENTS, STEPS
from probe.analysis.verdicts.verdicts import flat_measurement_of


class TableMeaning(NamedTuple):
    """Hold the name of a table, its meaning, and the step that makes it."""

    step: str
    table: str
    meaning: str


def table_meanings() -> list[TableMeaning]:
    """Return the tables in the order in which they are filled."""
    given = [TableMeaning("inputs", each.name, each.meaning) for each in INPUTS]
    rules = [TableMeaning("rules", table.name, table.meaning) for table, _ in CONSTANTS]
    made = [TableMeaning(step, each.name, each.meaning) for step, _, statements in STEPS for each in statements]
    return given + rules + made


def ask(measurement: dict[str, Any], select: str) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of a SELECT over the tables of a measurement that can be judged. Raises QueryError."""
    with SQLiteEngine() as engine:
        engine.fill(filled([flat_measurement_of(measurement)]))
        for statement in STATEMENTS:
            engine.run(statement)
        yield from engine.answers(select)

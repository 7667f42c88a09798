"""Collect the feature rows that measurements give to the rules, each once, and decide made rows on an engine."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Protocol

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.features.rows import WideRow
from probe.analysis.pipeline.input_tables import BOOL, INT, TEXT
from probe.analysis.rules.rule import Rule, first_match
from probe.analysis.sql.statement import InputTable
from probe.analysis.verdicts.step_records import decisions_in
from probe.analysis.verdicts.verdicts import judge_each
from probe.results.reading import Piece

Rows = dict[type[WideRow], list[WideRow]]

_TYPES = {bool: BOOL, int: INT, str: TEXT}


class FillableEngine(Protocol):
    """Hold tables that a test fills. SQLiteEngine and DuckDBEngine do."""

    def put(self, table: InputTable, rows: Sequence[tuple[Any, ...]]) -> None: ...

    def rows(self, query: str) -> list[tuple[Any, ...]]: ...


def rows_of(lines: Iterable[bytes]) -> Rows:
    """Return the distinct rows of all lines that are measurements, by class."""
    found: dict[type[WideRow], dict[tuple[Any, ...], WideRow]] = {}
    documents = (Piece("rows", 1, raw).document() for raw in lines)
    located = [("rows", 1, document) for document in documents if isinstance(document, dict)]
    with SQLiteEngine() as engine:
        for start in range(0, len(located), engine.most_measurements):
            list(judge_each(located[start : start + engine.most_measurements], engine))
            for row in (decision.row for decision in decisions_in(engine)):
                found.setdefault(type(row), {}).setdefault(tuple(vars(row).values()), row)
    return {kind: list(rows.values()) for kind, rows in found.items()}


def made_table(kind: type[WideRow]) -> InputTable:
    """Return the table that holds made rows of this class, numbered from 0."""
    columns = {column.name: _TYPES[type(column.default)] for column in fields(kind) if column.default is not None}
    typed = {column.name: (columns.get(column.name, TEXT), "") for column in fields(kind)}
    return InputTable(f"made_{kind.__name__.lower()}", "", {"number": (INT, ""), **typed})


def decide(
    engine: FillableEngine, rows: Sequence[WideRow], tables: dict[str, tuple[Rule, ...]]
) -> list[dict[str, str]]:
    """Return the ids of the rules that hold for each row, by table. All rows have the same class."""
    made = made_table(type(rows[0]))
    engine.put(made, [(number, *vars(row).values()) for number, row in enumerate(rows)])
    cases = ", ".join(f"{first_match(rules)} AS rule_{table}" for table, rules in tables.items())
    found = engine.rows(f"SELECT {cases} FROM {made.name} ORDER BY number")
    return [dict(zip(tables, rules, strict=True)) for rules in found]

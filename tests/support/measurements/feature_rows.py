"""Collect the feature rows that measurements give to the rules, each once, to decide them on another engine."""

from collections.abc import Iterable
from typing import Any

from probe.analysis.engines.engine import Engine, SQLiteEngine
from probe.analysis.engines.recorder import Recorder
from probe.analysis.features.rows import WideRow
from probe.analysis.rules.tables import tables_for
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.results.reading import Piece

Rows = dict[type[WideRow], list[WideRow]]


def rows_of(lines: Iterable[bytes]) -> Rows:
    """Return the distinct rows of all lines that are measurements, by class."""
    found: dict[type[WideRow], dict[tuple[Any, ...], WideRow]] = {}
    with SQLiteEngine() as engine:
        recorder = Recorder(engine)
        for raw in lines:
            document = Piece("rows", 1, raw).document()
            if isinstance(document, dict):
                judge_measurement(document, file="rows", number=1, engine=recorder)
            for row in (decision.row for decision in recorder.decisions):
                found.setdefault(type(row), {}).setdefault(tuple(vars(row).values()), row)
            recorder.decisions.clear()
    return {kind: list(rows.values()) for kind, rows in found.items()}


def disagreements(rows: Rows, one: Engine, other: Engine) -> list[str]:
    """Return a text for each row for which two engines decide differently."""
    found = []
    for kind, each in rows.items():
        tables = tables_for(kind)
        pairs = zip(each, one.decide(each, tables), other.decide(each, tables), strict=True)
        found += [f"{ours} and {theirs}: {row}" for row, ours, theirs in pairs if ours != theirs]
    return found

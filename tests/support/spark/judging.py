"""Judge measurements in one batch on Spark: `python -m tests.support.spark.judging MASTER`, with the results on stdout.

The process is one of its own, because its Java ends with it. The tests judge the same batch on SQLite.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import chain, islice
from typing import Any, get_args

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.features.rows import WideRow
from probe.analysis.pipeline.feature_table import decided
from probe.analysis.pipeline.inputs import BOOL, INT, TEXT
from probe.analysis.pipeline.statement import InputTable
from probe.analysis.rules.tables import TABLES
from probe.analysis.spark.pipeline import SparkPipeline
from probe.analysis.spark.session import session
from probe.analysis.verdicts.decisions import Decision, decisions_in
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch, reason_unusable, to_json
from probe.formats.__main__ import FIXTURE
from probe.lab.recordings import RECORDED
from probe.results.reading import Piece
from tests.analysis.equality.sources import hostile, lines_of, ooni_samples
from tests.support.measurements.witnesses import WITNESSES

Judged = dict[str, Any]
"""Lists of texts: the records and decisions of the batch, and the rules that hold for the witnesses."""

_TYPES = {bool: BOOL, int: INT, str: TEXT, type(None): TEXT}


ONE_IN = 12  # of the usable measurements, since Spark plans and runs 127 statements for minutes on all 956


def batch() -> list[Flattened]:
    """Return one in `ONE_IN` measurements of the recordings, the fixtures, OONI's samples and the hostile lines."""
    files = [*sorted(RECORDED.glob("*.jsonl.gz")), FIXTURE]
    usable = (
        Flattened(flat_measurement_of(document), document, name, 1)
        for name, raw in chain(*map(lines_of, files), ooni_samples(), hostile())
        if isinstance(document := Piece(name, 1, raw).document(), dict) and reason_unusable(document) is None
    )
    return list(islice(usable, 0, None, ONE_IN))


def judged(engine: SQLiteEngine | SparkPipeline) -> Judged:
    """Judge the batch and the witnesses on one engine."""
    records = judge_batch(batch(), engine)
    return {
        "records": [to_json(record) for each in records for record in each],
        "decisions": list(map(_text, decisions_in(engine))),
        "rules": [json.dumps(row) for kind in get_args(WideRow) for row in _rules(kind, engine)],
    }


def _text(decision: Decision) -> str:
    changed = {
        column.name: value
        for column in fields(decision.row)
        if (value := getattr(decision.row, column.name)) != column.default
    }
    return json.dumps([type(decision.row).__name__, decision.subject, changed, decision.rules])


def _rules(kind: type[WideRow], engine: SQLiteEngine | SparkPipeline) -> Iterator[tuple[Any, ...]]:
    """Yield the number of each witness row of this class, with the ids of the rules that hold for it."""
    columns = {column.name: (_TYPES[type(column.default)], "") for column in fields(kind)}
    made = InputTable(f"made_{kind.__name__.lower()}", "", {"number": (INT, ""), **columns})
    rows = [kind(**cells) for table, (of, _) in TABLES.items() if of is kind for cells in WITNESSES[table].values()]
    engine.put(made, [(number, *(getattr(row, name) for name in columns)) for number, row in enumerate(rows)])
    statement = decided(f"{made.name}_decided", "", kind, ("number",), made.name)
    engine.run(statement)
    yield from engine.rows(f"SELECT * FROM {statement.name} ORDER BY number")


if __name__ == "__main__":
    with session(sys.argv[1]) as spark, SparkPipeline(spark) as pipeline:
        json.dump(judged(pipeline), sys.stdout)

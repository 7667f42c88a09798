"""Compute verdict records, one per service and measurement. The same measurement always gives the same records."""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from probe.analysis.engines.sql_engine import Engine, SQLiteEngine
from probe.analysis.measurement_reader import read_measurement
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table
from probe.analysis.ooni_import import is_ooni, read_ooni
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.ruleset.tables import RULESET
from probe.analysis.verdicts.validity import is_too_large
from probe.analysis.verdicts.verdict_records import Head, Record, head_of, records_of
from probe.messages import mark

__all__ = [
    "RULESET",
    "Flattened",
    "flat_measurement_of",
    "judge_batch",
    "judge_each",
    "judge_flat",
    "judge_measurement",
    "judge_measurements",
    "reason_unusable",
    "to_json",
]

TOO_LARGE = mark("This measurement has more services, endpoints or transactions than any run of the probe.")
_FREE: deque[SQLiteEngine] = deque()  # engines with compiled statements, which no thread uses at the moment


Located = tuple[str, int, dict[str, Any]]
"""File name, line number and measurement."""


class Flattened(NamedTuple):
    """Hold a flattened measurement, where it is, and the keys that its records repeat (`records.head_of`)."""

    facts: FlatMeasurement
    head: dict[str, Any]
    file: str
    number: int


def judge_batch(measurements: Iterable[Flattened], engine: Engine) -> list[list[Record]]:
    """Compute the verdict records of some measurements: the pipeline's statements run once for all of them.

    The measurements are taken one by one, so that no two need to be in memory. Each list is sorted by service. The
    records have the keys of docs/contract.md in their order.
    """
    heads = list[Head]()

    def facts() -> Iterator[FlatMeasurement]:
        for each in measurements:
            heads.append(head_of(each.facts, each.head, file=each.file, number=each.number))
            yield each.facts

    engine.fill(filled(facts()))
    for statement in STATEMENTS:
        engine.run(statement)
    return records_of(engine, heads)


def judge_flat(facts: FlatMeasurement, head: dict[str, Any], *, file: str, number: int, engine: Engine) -> list[Record]:
    (records,) = judge_batch([Flattened(facts, head, file, number)], engine)
    return records


def judge_measurement(
    measurement: dict[str, Any], *, file: str, number: int, engine: Engine | None = None
) -> list[Record]:
    """Compute the verdict records of one measurement.

    `file` and `number` locate the measurement. The first line is 1. Both go into the records. A measurement that cannot
    be judged gives no records. `reason_unusable` then gives the reason.
    """
    if reason_unusable(measurement) is not None:
        return []
    facts = flat_measurement_of(measurement)
    with _engine(engine) as chosen:
        return judge_flat(facts, measurement, file=file, number=number, engine=chosen)


def judge_each(measurements: Iterable[Located], engine: Engine | None = None) -> Iterator[tuple[Located, list[Record]]]:
    """Iterate over the measurements with their verdict records, none for one that cannot be judged.

    Several are judged together, as many as the engine is quick for.
    """
    rest, size = iter(measurements), engine.most_measurements if engine else SQLiteEngine.most_measurements
    while batch := list(islice(rest, size)):
        usable = [place for place, (_, _, one) in enumerate(batch) if reason_unusable(one) is None]
        with _engine(engine) as chosen:
            records = judge_batch((_flattened(*batch[place]) for place in usable), chosen)
        judged = dict(zip(usable, records, strict=True))
        yield from ((each, judged.get(place, [])) for place, each in enumerate(batch))


def _flattened(file: str, number: int, measurement: dict[str, Any]) -> Flattened:
    return Flattened(flat_measurement_of(measurement), measurement, file, number)


def judge_measurements(measurements: Iterable[Located]) -> Iterator[Record]:
    """Iterate over the verdict records of (file name, line number, measurement)."""
    for _, records in judge_each(measurements):
        yield from records


@contextmanager
def _engine(given: Engine | None) -> Iterator[Engine]:
    """Lend the given engine, or a free one, so that statements are compiled once in a process. Others wait for none."""
    if given is not None:
        yield given
        return
    try:
        own = _FREE.pop()
    except IndexError:
        own = SQLiteEngine()
    yield own
    _FREE.append(own)  # not after an error, which may leave a table half filled


def flat_measurement_of(measurement: dict[str, Any]) -> FlatMeasurement:
    """Flatten a measurement of our probe or of OONI, if `reason_unusable` gives no reason."""
    return read_ooni(measurement) if is_ooni(measurement) else read_measurement(measurement)


def to_json(record: dict[str, Any]) -> str:
    """Return a record as one line of JSON without the newline. Equal records give equal bytes."""
    return json.dumps(record, separators=(", ", ": "), allow_nan=False)


def reason_unusable(measurement: object) -> str | None:
    """Return the sentence that says why a measurement cannot be judged, None if it can. `tr` translates it."""
    if is_ooni(table(measurement)):
        return None
    keys = table(table(measurement).get("test_keys"))
    if not keys:
        return mark("This line is no measurement: it has no test_keys.")
    if not table(table(keys.get("x_target")).get("services")):
        return mark("This measurement does not say which services it tested: test_keys.x_target.services is missing.")
    return TOO_LARGE if is_too_large(keys) else None

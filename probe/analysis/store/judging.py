"""Judge many measurements together, with the engine that is quicker for their number."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.verdicts.records import Record
from probe.analysis.verdicts.verdicts import Flattened, judge_batch

MANY = 500  # measurements. DuckDB plans the statements for a second, and then takes half of SQLite's time.


def judged(measurements: Iterable[Flattened], number: int) -> Iterator[list[Record]]:
    """Iterate over the verdict records of each measurement. `number` is about how many there are.

    Both engines give the same records.
    """
    if number >= MANY:
        with DuckDBEngine() as engine:
            yield from judge_batch(measurements, engine)
        return
    rest, sqlite = iter(measurements), _sqlite()
    while batch := list(islice(rest, sqlite.most_measurements)):
        yield from judge_batch(batch, sqlite)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable the search for cycles, which takes a fifth of the time. A batch has almost none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def _sqlite() -> SQLiteEngine:
    """Return the engine of this process, with its compiled statements."""
    return SQLiteEngine()

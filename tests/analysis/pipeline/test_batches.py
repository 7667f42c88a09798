"""Test that no statement mixes measurements: the records are the same in a batch as alone, in any order."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.verdicts.verdicts import Flattened, judge_batch, to_json
from tests.analysis.pipeline.measurements import alike
from tests.support.measurements.pipeline_tables import shared_engine

pytestmark = pytest.mark.timeout(600)  # for machines with other load
Row = tuple[Any, ...]
SIZE = 100  # more than an engine usually judges together


def judged(batch: list[Flattened]) -> dict[str, list[str]]:
    """Return the records of each measurement by its name."""
    records = judge_batch(batch, shared_engine())
    return {one.file: list(map(to_json, each)) for one, each in zip(batch, records, strict=True)}


@pytest.fixture(scope="module")
def measurements() -> list[Flattened]:
    return alike()


@pytest.fixture(scope="module")
def alone(measurements: list[Flattened]) -> dict[str, list[str]]:
    """Return the records of measurements that were judged one by one."""
    found = {name: records for one in measurements for name, records in judged([one]).items()}
    assert len(found) == len(measurements)
    return found


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_batch_gives_the_records_of_single_measurements(
    measurements: list[Flattened], alone: dict[str, list[str]], seed: int | None
) -> None:
    order = list(measurements)
    if seed is not None:
        Random(seed).shuffle(order)
    for start in range(0, len(order), SIZE):
        batch = order[start : start + SIZE]
        assert judged(batch) == {one.file: alone[one.file] for one in batch}


def test_tables_of_a_batch_are_those_of_single_measurements(measurements: list[Flattened]) -> None:
    """Compare the tables too, because a record may not show that a row of another measurement counted."""
    batch, single = measurements[:SIZE], Counter[Row]()
    for m, one in enumerate(batch):
        single.update(rows_after([one], m))
    together = Counter(rows_after(batch))
    assert {name for name, *_ in (single - together) + (together - single)} == set()


def rows_after(batch: list[Flattened], first: int = 0) -> Iterator[Row]:
    """Yield the rows of all tables after a batch. `first` is the number of the batch's first measurement."""
    judge_batch(batch, shared_engine())
    for statement in STATEMENTS:
        for number, m, *row in shared_engine().rows(f"SELECT m, * FROM {statement.name}"):
            assert number == m, statement.name
            yield statement.name, first + m, *row

"""Judge lines as an ingest does, in batches, and say what came of each."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Self, TypeVar

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch, reason_unusable, to_json
from probe.results import Problem
from probe.results.reading import Piece

Item = TypeVar("Item")


@dataclass(frozen=True)
class Outcome:
    """Hold the verdict records of a line as JSON texts, or why there are none."""

    records: list[str] = field(default_factory=list)
    refused: str = ""
    raised: str = ""

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Return the outcome that `packed` wrote."""
        return cls(**stored)

    def packed(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    def text(self) -> str:
        """Return the outcome as one line of JSON, for digests."""
        return json.dumps(self.packed())


@cache
def _engine() -> SQLiteEngine:
    return SQLiteEngine()  # whose statements are compiled once, as in an ingest


def batches(items: Iterable[Item], size: int = SQLiteEngine.most_measurements) -> Iterator[list[Item]]:
    """Yield the items in lists of this size, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def outcomes(lines: Sequence[tuple[str, bytes]]) -> list[Outcome]:
    """Judge some lines together, each with its name.

    An exception is an outcome too, so that one line does not hide the others.
    """
    read = [flattened(name, raw) for name, raw in lines]
    judged = iter(_judged([one for one in read if isinstance(one, Flattened)]))
    return [next(judged) if isinstance(one, Flattened) else one for one in read]


def flattened(name: str, raw: bytes) -> Flattened | Outcome:
    """Flatten the measurement of a line, or say why it cannot be judged."""
    try:
        document = Piece(name, 1, raw).document()
        if isinstance(document, Problem):
            return Outcome(refused=document.sentence)
        if (reason := reason_unusable(document)) is not None:
            return Outcome(refused=reason)
        return Flattened(flat_measurement_of(document), document, name, 1)
    except Exception as error:  # any error of the rewritten code
        return _raised(error)


def _judged(batch: list[Flattened]) -> list[Outcome]:
    """Judge a batch. After an exception, judge each alone to find those that raise one."""
    try:
        return [Outcome(list(map(to_json, records))) for records in judge_batch(batch, _engine())]
    except Exception as error:  # any error of the rewritten code
        return [_raised(error)] if len(batch) == 1 else [each for one in batch for each in _judged([one])]


def _raised(error: Exception) -> Outcome:
    return Outcome(raised=f"{type(error).__name__}: {error}")

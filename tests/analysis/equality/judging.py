"""Judge lines as an ingest does, and say what came of each."""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Self

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.verdicts.verdicts import judge_measurement, reason_unusable, to_json
from probe.results import Problem
from probe.results.reading import Piece


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
        """Return the fields that are not empty."""
        return {name: value for name, value in asdict(self).items() if value}

    def text(self) -> str:
        """Return the outcome as one line of JSON, for digests."""
        return json.dumps(self.packed())


@cache
def _engine() -> SQLiteEngine:
    return SQLiteEngine()  # with the cached rows of everything before, as in an ingest


def judge(raw: bytes, file: str) -> Outcome:
    """Judge one line. An exception is an outcome too, so that one line does not hide the others."""
    try:
        document = Piece(file, 1, raw).document()
        if isinstance(document, Problem):
            return Outcome(refused=document.sentence)
        if (reason := reason_unusable(document)) is not None:
            return Outcome(refused=reason)
        records = judge_measurement(document, file=file, number=1, engine=_engine())
        return Outcome([to_json(record) for record in records])
    except Exception as error:  # any error of the rewritten code
        return Outcome(raised=f"{type(error).__name__}: {error}")

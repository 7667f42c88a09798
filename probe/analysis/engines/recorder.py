"""Record what an engine decides, for explanations and for tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.engines.engine import Engine, Subject, Tables
from probe.analysis.features.rows import WideRow


@dataclass(frozen=True)
class Decision:
    """Hold one row, what it describes, and the ids of the rules that hold for it, by table."""

    subject: Subject
    row: WideRow
    rules: dict[str, str]


class Recorder:
    """Decide with another engine, and keep each row with its rules, in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.decisions: list[Decision] = []

    def decide(self, rows: Sequence[WideRow], tables: Tables, subjects: Sequence[Subject] = ()) -> list[dict[str, str]]:
        """Return the deciding rule ids, as `Engine.decide` says."""
        decided = self._engine.decide(rows, tables, subjects)
        self.decisions += map(Decision, subjects or [()] * len(rows), rows, decided)
        return decided

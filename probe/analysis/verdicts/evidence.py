"""Find the transactions that a verdict rests on, and the changes that would give another verdict.

Nothing is derived from the verdict's sentence. The measurement is changed, and the same rules judge it again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probe.analysis.engines.engine import Engine
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.rows import PROBE, FlatMeasurement
from probe.analysis.verdicts.counterfactuals import ALTERNATIVES, REMOVALS, Change, Known
from probe.analysis.verdicts.verdicts import Flattened, judge_batch

Outcome = tuple[Any, Any, tuple[str, ...]]  # state, rule id, mechanisms


@dataclass(frozen=True)
class Alternative:
    """Hold the state and rule that a service would have after one change.

    `change` is a key of REMOVALS (`removed` is True) or of ALTERNATIVES.
    """

    change: str
    removed: bool
    state: str
    rule_id: str


class DecidingFlows:
    """Judge one service again with changes, to find the transactions that decide its verdict.

    The search ends early when `may_go_on` returns False. Its results are then correct, but incomplete.
    """

    def __init__(
        self,
        facts: FlatMeasurement,
        record: Mapping[str, Any],
        engine: Engine,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        role = str(record["service"]).removeprefix(f"{record['target']}/")  # a role from OONI may contain a slash
        services = {role: table(facts.target.get("services")).get(role)}
        self._facts, self._engine = replace(facts, target={**facts.target, "services": services}), engine
        self._record, self._may_go_on = record, may_go_on
        self._outcome = self._again(self._facts)
        self._known = _known(engine)
        self._changed: dict[str, Outcome] = {}

    def deciding(self) -> list[int]:
        """Return a minimal set of the probe's transactions that gives the same verdict, in order of time.

        Of equivalent transactions the earliest is kept. The control's are not listed, since all of them count together.
        """
        needed = sorted({number for part in self._record["endpoints"] for number in part["transactions"]})
        removed: set[int] = set()
        while (found := self._remove(needed, removed)) != removed:
            removed, needed = found, [number for number in needed if number not in found]
        return needed

    def _remove(self, candidates: list[int], removed: set[int]) -> set[int]:
        """Remove the later half, then the earlier. Divide a half again if the verdict needs part of it."""
        if not self._may_go_on():
            return removed
        together = removed.union(candidates)
        if not candidates or self._again(self._lacking(together)) == self._outcome:
            return together
        if len(candidates) == 1:
            return removed
        middle = len(candidates) // 2
        return self._remove(candidates[:middle], self._remove(candidates[middle:], removed))

    def alternatives(self) -> Iterator[Alternative]:
        """Iterate over the changes that give another state, with that state and its rule."""
        for changes, removed in ((REMOVALS, True), (ALTERNATIVES, False)):
            for words, (state, rule_id, _) in self._outcomes(changes).items():
                if state != self._outcome[0]:
                    yield Alternative(words, removed, state, rule_id)

    def unneeded(self) -> list[str]:
        """Return the kinds of evidence (keys of REMOVALS) without which the state stays the same."""
        outcomes = self._outcomes(REMOVALS)
        return [words for words in outcomes if self._changes_rows(words) and outcomes[words][0] == self._outcome[0]]

    def _changes_rows(self, words: str) -> bool:
        return REMOVALS[words](self._facts, self._known).rows != self._facts.rows

    def _outcomes(self, changes: Mapping[str, Change]) -> dict[str, Outcome]:
        """Return the outcome of each change, judged together once. Return none if the search has to end."""
        if not self._may_go_on():
            return {}
        if missing := [words for words in changes if words not in self._changed]:
            facts = [changes[words](self._facts, self._known) for words in missing]
            self._changed |= dict(zip(missing, _outcomes_of(facts, self._engine), strict=True))
        return {words: self._changed[words] for words in changes}

    def _lacking(self, numbers: set[int]) -> FlatMeasurement:
        rows = [row for row in self._facts.rows if row.origin != PROBE or row.transaction_id not in numbers]
        return replace(self._facts, rows=rows)

    def _again(self, facts: FlatMeasurement) -> Outcome:
        return _outcomes_of([facts], self._engine)[0]


def _outcomes_of(facts: Sequence[FlatMeasurement], engine: Engine) -> list[Outcome]:
    """Judge measurements of one service each, together."""
    judged = judge_batch((Flattened(each, {}, "", 0) for each in facts), engine)
    return [(record["state"], record["rule_id"], tuple(record["mechanisms"])) for (record,) in judged]


def _known(engine: Engine) -> Known:
    """Return what the pipeline found out about the measurement that the engine judged last."""
    own = engine.rows("SELECT n FROM flow WHERE own AND origin = 'probe'")
    verified = engine.rows("SELECT name, address FROM trust WHERE verified")
    return Known(frozenset(n for (n,) in own), frozenset((name, address) for name, address in verified))

"""Find the transactions that a verdict rests on, and the changes that would give another verdict.

Nothing is derived from the verdict's sentence. The measurement is changed, and the same rules judge it again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table, text
from probe.analysis.observations.observation import PROBE
from probe.analysis.phenomena import in_order
from probe.analysis.rules.variant import shown_rule
from probe.analysis.verdicts.counterfactuals import ALTERNATIVES, REMOVALS, Change, Known
from probe.analysis.verdicts.verdicts import Flattened, judge_batch


class RemovalSearch:
    """Remove the later half of the transactions, then the earlier. Divide a half again if the verdict needs part of it.

    `question` is the next set to remove, None at the end. It is repeated until nothing more can be removed, so that the
    set which remains is minimal. Of equivalent transactions the earliest is kept.
    """

    def __init__(self, transactions: Collection[int]) -> None:
        self._transactions = sorted(transactions)
        self._removed = frozenset[int]()
        self._known: dict[frozenset[int], bool] = {frozenset(): True}  # answers by what was removed
        self._parts: list[list[int]] = []  # to remove, the next one last
        self._removed_before: frozenset[int] | None = None
        self.question: frozenset[int] | None = None
        self._advance()

    def needed(self) -> list[int]:
        """Return the transactions that were not removed, in order of time."""
        return [number for number in self._transactions if number not in self._removed]

    def answer(self, same: bool) -> None:
        """Continue the search. `same` is True if the verdict stays the same without the transactions of `question`."""
        if self.question is not None:
            self._known[self.question] = same
            self._advance()

    def _advance(self) -> None:
        """Find the next question that has no answer yet."""
        self.question = None
        while self._parts or self._begin_again():
            part = self._parts.pop()
            without = self._removed.union(part)
            if without not in self._known:
                self._parts.append(part)
                self.question = without
                return
            if self._known[without]:
                self._removed = without
            elif len(part) > 1:
                middle = len(part) // 2
                self._parts += part[:middle], part[middle:]

    def _begin_again(self) -> bool:
        """Begin with all that remains. Return False if nothing was removed since the last time, or nothing remains."""
        if self._removed == self._removed_before or not (remaining := self.needed()):
            return False
        self._removed_before = self._removed
        self._parts = [remaining]
        return True


Outcome = tuple[Any, Any, tuple[str, ...]]  # state, rule id, mechanisms
Outcomes = dict[str, Outcome]  # by service
MOST_ROWS = 2_000  # that are judged together, about a quarter of a second, since the time limit is checked between


@dataclass(frozen=True)
class Alternative:
    """Hold the state and rule that a service would have after one change.

    `change` is a key of REMOVALS (`removed` is True) or of ALTERNATIVES.
    """

    change: str
    removed: bool
    state: str
    rule: str


class MeasurementEvidence:
    """Judge one measurement again with changes, to find the evidence of its verdicts.

    Changes that do not depend on each other are judged together, and each change for all services. A service's verdict
    depends on all transactions, but not on the other services.

    The search ends early when `may_go_on` returns False. Its results are then correct, but incomplete.
    """

    def __init__(
        self,
        facts: FlatMeasurement,
        records: Sequence[Mapping[str, Any]],
        engine: Engine,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._facts, self._records, self._engine, self._may_go_on = facts, records, engine, may_go_on
        (self._unchanged,) = _outcomes_of([facts], engine)
        self._known = _known(engine)
        self._changed: dict[str, Outcomes] = {}  # by the words for the change
        self._tried = set[str]()
        self._searches: dict[str, RemovalSearch] | None = None

    def deciding(self, service: str) -> list[int]:
        """Return a minimal set of the probe's transactions that gives the same verdict, in order of time.

        The verdict must be valid. The control's transactions are not listed, since all of them count together.
        """
        if self._searches is None:
            self._searches = {
                record["service"]: RemovalSearch(self._transactions(record))
                for record in self._records
                if record["valid"]
            }
            self._search(self._searches)
        return self._searches[service].needed()

    def _transactions(self, record: Mapping[str, Any]) -> set[int]:
        """Return the transactions of the endpoints, and those of the figures that the record has."""
        endpoints = {number for part in record["endpoints"] for number in part["transactions"]}
        figures = (each.figures for each in in_order() if each.figures is not None and record[each.figures.key])
        return endpoints.union(*(each.transactions(self._facts) for each in figures))

    def _search(self, searches: Mapping[str, RemovalSearch]) -> None:
        """Answer one question of each search together, until none has a question."""
        own = {service: self._of_service(service) for service in searches}
        while asked := [(service, each.question) for service, each in searches.items() if each.question is not None]:
            outcomes = self._judged(_lacking(own[service], question) for service, question in asked)
            for (service, _), outcome in zip(asked, outcomes, strict=False):  # fewer if the time is over
                searches[service].answer(outcome[service] == self._unchanged[service])
            if not self._may_go_on():
                return

    def alternatives(self, service: str) -> Iterator[Alternative]:
        """Iterate over the changes that give another state, with that state and its rule."""
        for changes, removed in ((REMOVALS, True), (ALTERNATIVES, False)):
            for words, (state, rule, _) in self._outcomes(changes, service).items():
                if state != self._unchanged[service][0]:
                    yield Alternative(words, removed, state, rule)

    def unneeded(self, service: str) -> list[str]:
        """Return the kinds of evidence (keys of REMOVALS) without which the state stays the same."""
        state = self._unchanged[service][0]
        return [words for words, outcome in self._outcomes(REMOVALS, service).items() if outcome[0] == state]

    def _outcomes(self, changes: Mapping[str, Change], service: str) -> Outcomes:
        """Return a service's outcome of each change that changes something, in order."""
        self._try(REMOVALS | ALTERNATIVES)
        return {words: self._changed[words][service] for words in changes if words in self._changed}

    def _try(self, changes: Mapping[str, Change]) -> None:
        missing = {
            words: facts
            for words, change in changes.items()
            if words not in self._tried and (facts := change(self._facts, self._known)) != self._facts
        }
        self._tried.update(changes)
        self._changed |= dict(zip(missing, self._judged(missing.values()), strict=False))  # fewer if the time is over

    def _judged(self, variants: Iterable[FlatMeasurement]) -> Iterator[Outcomes]:
        """Yield the outcomes of changed measurements. End if the search has to end."""
        for batch in batches(variants, self._engine.most_measurements):
            if not self._may_go_on():
                return
            yield from _outcomes_of(batch, self._engine)

    def _of_service(self, service: str) -> FlatMeasurement:
        """Return the measurement with one service alone, which is judged faster."""
        target, services = self._facts.target, table(self._facts.target.get("services"))
        prefix = f"{text(target.get('name'))}/"
        own = {role: each for role, each in services.items() if prefix + text(role) == service}
        return replace(self._facts, target={**target, "services": own})


def _lacking(facts: FlatMeasurement, numbers: frozenset[int]) -> FlatMeasurement:
    rows = [row for row in facts.rows if row.origin != PROBE or row.transaction_id not in numbers]
    return replace(facts, rows=rows)


def batches(variants: Iterable[FlatMeasurement], most: int) -> Iterator[list[FlatMeasurement]]:
    """Divide measurements into lists of limited size. Each has at least one."""
    batch, rows = list[FlatMeasurement](), 0
    for each in variants:
        if batch and (len(batch) == most or rows + len(each.rows) > MOST_ROWS):
            yield batch
            batch, rows = [], 0
        batch.append(each)
        rows += len(each.rows)
    if batch:
        yield batch


def _outcomes_of(facts: Sequence[FlatMeasurement], engine: Engine) -> list[Outcomes]:
    judged = judge_batch((Flattened(each, {}, "", 0) for each in facts), engine)
    return [
        {one["service"]: (one["state"], shown_rule(one), tuple(one["mechanisms"])) for one in each} for each in judged
    ]


def _known(engine: Engine) -> Known:
    """Return what the pipeline found out about the measurement that the engine judged last."""
    own = engine.rows("SELECT n FROM flow WHERE own AND origin = 'probe'")
    verified = engine.rows("SELECT name, address FROM trust WHERE verified")
    return Known(frozenset(n for (n,) in own), frozenset((name, address) for name, address in verified))

"""On what a verdict rests: the flows without which it would be another, and what would have made it another.

Nothing here is told from the verdict's words: the line is changed, and the same rules judge it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from probe.analysis.engines.engine import Engine
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.rows import PROBE, FlatMeasurement
from probe.analysis.verdicts.counterfactuals import ALTERNATIVES, REMOVALS, Change
from probe.analysis.verdicts.verdicts import judge_flat

Outcome = tuple[Any, Any, tuple[str, ...]]  # state, rule id, mechanisms


@dataclass(frozen=True)
class Alternative:
    """What would be said of a service: `state` and `rule_id`, had things been as `words` say."""

    words: str
    state: str
    rule_id: str


class DecidingFlows:
    """One service's verdict, and the facts that it was judged from, to be judged again with changes."""

    def __init__(self, facts: FlatMeasurement, record: Mapping[str, Any], engine: Engine) -> None:
        role = str(record["service"]).rpartition("/")[2]
        services = {role: table(facts.target.get("services")).get(role)}
        self._facts, self._engine = replace(facts, target={**facts.target, "services": services}), engine
        self._record = record
        self._said = self._again(self._facts)

    def deciding(self) -> list[int]:
        """The probe's transactions that suffice for the verdict and of which none can be spared, in order of time.

        Of flows that say the same the earliest is kept. The helper's are not among them: all of them count together.
        """
        needed = sorted({number for part in self._record["endpoints"] for number in part["transactions"]})
        spared: set[int] = set()
        while (found := self._spare(needed, spared)) != spared:
            spared, needed = found, [number for number in needed if number not in found]
        return needed

    def _spare(self, candidates: list[int], spared: set[int]) -> set[int]:
        """Spare the later half, then the earlier, and of what cannot be spared together each half again."""
        together = spared.union(candidates)
        if not candidates or self._again(self._lacking(together)) == self._said:
            return together
        if len(candidates) == 1:
            return spared
        middle = len(candidates) // 2
        return self._spare(candidates[:middle], self._spare(candidates[middle:], spared))

    def otherwise(self) -> Iterator[Alternative]:
        """What would have made another state of it, and with which rule."""
        for title, suppositions in (("without", REMOVALS), ("had", ALTERNATIVES)):
            for words, suppose in suppositions.items():
                state, rule_id, _ = self._again(suppose(self._facts))
                if state != self._said[0]:
                    yield Alternative(f"{title} {words}", state, rule_id)

    def spared(self) -> list[str]:
        """Evidence that the line holds, and without which the state would be the same, by whatever rule."""
        return [
            words
            for words, suppose in REMOVALS.items()
            if self._holds(suppose) and self._again(suppose(self._facts))[0] == self._said[0]
        ]

    def _holds(self, suppose: Change) -> bool:
        return suppose(self._facts).rows != self._facts.rows

    def _lacking(self, numbers: set[int]) -> FlatMeasurement:
        rows = [row for row in self._facts.rows if row.origin != PROBE or row.transaction_id not in numbers]
        return replace(self._facts, rows=rows)

    def _again(self, facts: FlatMeasurement) -> Outcome:
        (record,) = judge_flat(facts, {}, file="", number=0, engine=self._engine)
        return record["state"], record["rule_id"], tuple(record["mechanisms"])

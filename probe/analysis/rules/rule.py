"""Define a rule: an SQL condition over one feature row, a state, and the sentences that explain it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """Name the conclusion about a service. States differ by kind of evidence, not by a score."""

    BLOCKED = "blocked"
    LIKELY_BLOCKED = "likely_blocked"
    DEGRADED = "degraded"
    IMPAIRED = "impaired"
    DOWN = "down"
    INSUFFICIENT = "insufficient"
    OK = "ok"


SEVERITY: tuple[State, ...] = tuple(State)
"""The states from the gravest to the best. The first one that any part has decides for the whole."""

IN_OONI: dict[State, str] = {
    State.BLOCKED: "confirmed",
    State.LIKELY_BLOCKED: "anomaly",
    State.DEGRADED: "anomaly",
    State.IMPAIRED: "anomaly",
    State.DOWN: "anomaly",
    State.OK: "ok",
    State.INSUFFICIENT: "failed",
}
"""OONI Explorer's word for a measurement of that state. Its word `anomaly` covers four states here."""

ACCUSING = frozenset({State.BLOCKED, State.LIKELY_BLOCKED, State.DEGRADED})
"""The states that claim interference. Only these carry mechanisms."""


@dataclass(frozen=True)
class Rule:
    """Hold one published rule. A rule whose meaning changes gets a new id.

    `when` is SQL in the subset that SQLite, DuckDB and Spark share. Its columns are never NULL except `*_failure`.
    `because` is the technical sentence of the verdict record. `plain` is the sentence for users, marked for
    translation. `probe.analysis.verdicts.plain_sentences` fills its placeholders. `mechanism` is a node of the tree.
    In an `ok` rule it names an anomaly. With `defers` the record shows the rule and sentences of the part that
    decides. `untested` marks the rules that say that no test was finished here. `since` is the first ruleset with this
    rule. `supersedes` lists ids that this rule replaced and that old records still name.
    """

    rule_id: str
    when: str
    state: State
    because: str
    plain: str
    mechanism: str = ""
    defers: bool = False
    untested: bool = False
    since: str = "2026.11"
    supersedes: tuple[str, ...] = ()


class Condition(Protocol):
    """Describe what `first_match` reads of a rule."""

    @property
    def rule_id(self) -> str:
        """Return the published id."""

    @property
    def when(self) -> str:
        """Return the SQL condition."""


def first_match(rules: tuple[Condition, ...]) -> str:
    """Return the SQL expression that gives the id of the first rule that holds."""
    branches = "\n".join(f"  WHEN {rule.when} THEN '{rule.rule_id}'" for rule in rules)
    return f"CASE\n{branches}\nEND"

"""What a rule is: an SQL condition over one wide row, the state it gives, and the sentence that says why."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What is said of a service; by kind of evidence, not by a score."""

    BLOCKED = "blocked"
    LIKELY_BLOCKED = "likely_blocked"
    DEGRADED = "degraded"
    IMPAIRED = "impaired"
    DOWN = "down"
    INSUFFICIENT = "insufficient"
    OK = "ok"


SEVERITY: tuple[State, ...] = tuple(State)
"""From the gravest to the best: the first that any part has decides for the whole."""

IN_OONI: dict[State, str] = {
    State.BLOCKED: "confirmed",
    State.LIKELY_BLOCKED: "anomaly",
    State.DEGRADED: "anomaly",
    State.IMPAIRED: "anomaly",
    State.DOWN: "anomaly",
    State.OK: "ok",
    State.INSUFFICIENT: "failed",
}
"""What OONI's explorer would call a measurement of that state: its one word `anomaly` is four states here."""

ACCUSING = frozenset({State.BLOCKED, State.LIKELY_BLOCKED, State.DEGRADED})
"""States that say somebody interferes; only these carry mechanisms."""


@dataclass(frozen=True)
class Rule:
    """One published rule: a rule whose meaning changes gets a new id.

    `when` is SQL in the subset that SQLite, DuckDB and Spark share, over one row whose columns are never NULL except
    `*_failure`. `mechanism` is a node of the tree; of an `ok` rule it names what was seen and did no harm (an anomaly).
    `defers`: the state is that of a part, and the record shows the part's own rule and sentence. `since`: the first
    ruleset that had it; `supersedes`: ids of earlier rules whose place it took, which old records still name.
    """

    rule_id: str
    when: str
    state: State
    because: str
    mechanism: str = ""
    defers: bool = False
    since: str = "2026.11"
    supersedes: tuple[str, ...] = ()


def first_match(rules: tuple[Rule, ...]) -> str:
    """The SQL expression that names the first rule that holds."""
    branches = "\n".join(f"  WHEN {rule.when} THEN '{rule.rule_id}'" for rule in rules)
    return f"CASE\n{branches}\nEND"

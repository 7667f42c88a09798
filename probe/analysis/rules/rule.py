"""Define a rule: an SQL condition over one feature row, a state, and the sentences that explain it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """Name the conclusion about a service. States differ by kind of evidence, not by a score."""

    BLOCKED = "blocked"
    LIKELY_BLOCKED = "likely_blocked"
    DEGRADED = "degraded"
    FILTERED_LOCALLY = "filtered_locally"
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
    State.FILTERED_LOCALLY: "anomaly",
    State.IMPAIRED: "anomaly",
    State.DOWN: "anomaly",
    State.OK: "ok",
    State.INSUFFICIENT: "failed",
}
"""OONI Explorer's word for a measurement of that state. Its word `anomaly` covers five states here."""

ACCUSING = frozenset({State.BLOCKED, State.LIKELY_BLOCKED, State.DEGRADED})
"""The states that claim interference. Only these carry mechanisms."""


class CausePlace(StrEnum):
    """Name the place where the cause of a verdict is. Without evidence for a place it is `unknown`."""

    THIS_COMPUTER = "this_computer"
    HOME_NETWORK = "home_network"
    RESOLVER_OF_CHOICE = "resolver_of_choice"
    ACCESS_PROVIDER = "access_provider"
    BEYOND = "beyond"
    SERVICE = "service"
    UNKNOWN = "unknown"


LOCAL_PLACES = frozenset({CausePlace.THIS_COMPUTER, CausePlace.HOME_NETWORK, CausePlace.RESOLVER_OF_CHOICE})
"""The places of the user's own side. A verdict has the state `filtered_locally` if, and only if, it has one of them."""


@dataclass(frozen=True)
class Rule:
    """Hold one condition, the kind of evidence that it shows, and what varies within the kind.

    `rule_id` is the published id of the kind. A kind whose meaning changes gets a new id. Rules of one kind differ in
    `layer` (`tls`), `way` in which it failed (`reset`) and what was `forged` (`blockpage`). These are keys of the
    verdict record, empty where they do not apply. `when` is SQL in the subset that SQLite and DuckDB share. Its
    columns are never NULL except `*_failure`. `because` is the technical sentence of the verdict record. `plain` is the
    sentence for users, marked for translation. `words` fill its placeholders, each with a text that is translated too,
    and `probe.analysis.verdicts.plain_sentences` fills the others. `mechanism` is a node of the tree. In an `ok` rule
    it names an anomaly. With `defers` the record shows the rule and sentences of the part that decides. `untested`
    marks the rules that say that no test was finished here. `cause_place` is where the evidence of the rule puts the
    cause, None if the rule says nothing about it. `since` is the first ruleset with this kind. `key` is
    unique among all rules. `probe.analysis.ruleset.tables` sets it.
    """

    rule_id: str
    when: str
    state: State
    because: str
    plain: str
    mechanism: str = ""
    layer: str = ""
    way: str = ""
    forged: str = ""
    words: tuple[tuple[str, str], ...] = ()
    defers: bool = False
    untested: bool = False
    cause_place: CausePlace | None = None
    since: str = "2026.11"
    key: str = ""


@dataclass(frozen=True)
class Kind:
    """Hold what all rules of one kind have in common.

    `because` and `plain` have placeholders for what varies.
    """

    rule_id: str
    state: State
    because: str
    plain: str
    untested: bool = False
    cause_place: CausePlace | None = None

    def rule(
        self,
        when: str,
        *,
        layer: str = "",
        way: str = "",
        forged: str = "",
        mechanism: str = "",
        because: Mapping[str, str] | None = None,
        plain: Mapping[str, str] | None = None,
    ) -> Rule:
        """Return a rule of this kind. `because` and `plain` are the texts for the placeholders of the sentences."""
        return Rule(
            self.rule_id,
            when,
            self.state,
            because=self.because.format_map(because or {}),
            plain=self.plain,
            mechanism=mechanism,
            layer=layer,
            way=way,
            forged=forged,
            words=tuple((plain or {}).items()),
            untested=self.untested,
            cause_place=self.cause_place,
        )

    def failing(self, when: str, way: str, mechanism: str, technical: str, plain: str) -> Rule:
        """Return the rule about one way of failing, whose clauses stand for `{failure}` in the sentences."""
        return self.rule(when, way=way, mechanism=mechanism, because={"failure": technical}, plain={"failure": plain})


class Condition(Protocol):
    """Describe what `first_match` reads of a rule."""

    @property
    def key(self) -> str:
        """Return the text that the expression gives."""

    @property
    def when(self) -> str:
        """Return the SQL condition."""


def first_match(rules: tuple[Condition, ...]) -> str:
    """Return the SQL expression that gives the key of the first rule that holds."""
    branches = "\n".join(f"  WHEN {rule.when} THEN '{rule.key}'" for rule in rules)
    return f"CASE\n{branches}\nEND"

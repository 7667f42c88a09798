"""Represent the policy of follow-ups: rows with their conditions, in chains and groups."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from probe.connectivity.conditions import Condition
from probe.connectivity.facts import AttemptFacts
from probe.followups.planned_flow import Claim
from probe.formats.transactions import FollowUp

Where = Literal[
    "endpoint", "neutral", "last neutral", "other neutral", "neutral same port", "quic neutral", "echo", "resolvers"
]
"""`neutral`: the first neutral host. `last neutral`: another one, if there are two. `other neutral`: one that did not
get the target's name, if there is one. `neutral same port`: one with the endpoint's port, if possible outside a
residual window. `quic neutral`: those that are looked up and verified over QUIC."""

Name = Literal["target", "innocuous", "nonexistent", "neutral", ""]


@dataclass(frozen=True)
class Row:
    """Hold one row of the policy: a follow-up, where it is sent with which name, when, and what it is done once for."""

    row: str
    followup: FollowUp
    where: Where
    name: Name
    when: tuple[Condition, ...]
    claim: Callable[[AttemptFacts], Claim] | None = None

    def due(self, facts: AttemptFacts) -> bool:
        """Return whether the flow is next: not begun, not done by another attempt, and each condition holds."""
        if any(flow.row == self.row for flow in facts.begun()):
            return False
        if self.claim is not None and self.claim(facts) in facts.claimed:
            return False
        return all(condition.holds(facts) for condition in self.when)


@dataclass(frozen=True)
class Group:
    """Hold rows that belong together. Chains run side by side, and the first row that is due in a chain is next.

    A group begins when the group before it has ended.
    """

    name: str
    chains: tuple[tuple[Row, ...], ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the rows of all chains."""
        return tuple(row for chain in self.chains for row in chain)

    @cached_property
    def row_ids(self) -> frozenset[str]:
        """Return the ids of the rows."""
        return frozenset(row.row for row in self.rows)

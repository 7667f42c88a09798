"""Represent the policy of follow-ups: rows with their conditions, in chains and groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from probe.connectivity.attempt_facts import AttemptFacts
from probe.connectivity.policy.claims import ONCE_PER
from probe.connectivity.policy.followup_conditions import FollowUpCondition
from probe.followups.planned_flow import Claim
from probe.formats.followups import FOLLOWUP_KINDS, FollowUp

Where = Literal[
    "endpoint",
    "neutral",
    "last neutral",
    "other neutral",
    "neutral same port",
    "quic neutral",
    "home",
    "echo",
    "resolvers",
]
"""`neutral`: the first neutral host. `last neutral`: another one, if there are two. `other neutral`: one that did not
get the target's name, if there is one. `neutral same port`: one with the endpoint's port, if possible outside a
residual window. `quic neutral`: those that are looked up and verified over QUIC. `home`: a host in the
country of the run."""

Name = Literal["target", "innocuous", "nonexistent", "neutral", ""]


@dataclass(frozen=True)
class PolicyRow:
    """Hold one row of the policy: a follow-up with its destination, name and conditions.

    `claim` names the shared test that several attempts make only once.
    """

    row: str
    followup: FollowUp
    where: Where
    name: Name
    when: tuple[FollowUpCondition, ...]
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
    chains: tuple[tuple[PolicyRow, ...], ...]

    @property
    def rows(self) -> tuple[PolicyRow, ...]:
        """Return the rows of all chains."""
        return tuple(row for chain in self.chains for row in chain)

    @cached_property
    def row_ids(self) -> frozenset[str]:
        return frozenset(row.row for row in self.rows)


def markdown_rows(policy: Sequence[Group]) -> list[str]:
    """Return a policy as rows of a Markdown table, the heading first."""
    heading = "| group | chain | follow-up | what is sent | to | triggers | conditions | once per |"
    chains = [(group, number, chain) for group in policy for number, chain in enumerate(group.chains, 1)]
    rows = [_markdown_row(group, number, row) for group, number, chain in chains for row in chain]
    return [heading, "|---|---|---|---|---|---|---|---|", *rows]


def _markdown_row(group: Group, chain: int, row: PolicyRow) -> str:
    kind = FOLLOWUP_KINDS[row.followup]
    conditions = "<br>".join(condition.words for condition in row.when)
    once = ONCE_PER[row.claim] if row.claim else "attempt"
    cells = (group.name, str(chain), f"`{row.followup}`", kind.sends, row.where, str(kind.triggers), conditions, once)
    return f"| {' | '.join(cells)} |"

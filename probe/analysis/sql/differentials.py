"""Declare differentials: whether another flow to the same place, before or after a flow, had an outcome.

They exclude that the network, the server or residual censorship changed between two flows. One statement computes all.
"""

from dataclasses import dataclass

from probe.analysis.sql.expressions import quoted
from probe.analysis.sql.subject import same_subject

BEFORE, AFTER = "b.t0 <= k.t0", "b.t0 >= k.t0"


@dataclass(frozen=True)
class Differential:
    """Name a column that is TRUE for a linked flow `k` beside another one `b` of the same subject and flow address.

    `roles` are those of `k`, and `other_roles` those of `b`. `when` is BEFORE or AFTER, and `outcome` is what `b` had.
    Several may have one column. It is NULL for flows beside which there is none of the roles.
    """

    column: str
    roles: tuple[str, ...]
    when: str
    other_roles: tuple[str, ...]
    outcome: str = "TRUE"

    @property
    def condition(self) -> str:
        """Return the condition about both flows."""
        roles = f"k.role IN {quoted(self.roles)} AND b.role IN {quoted(self.other_roles)}"
        return f"({roles} AND {self.when} AND {self.outcome})"


COMPARED_FLOWS = (
    f"linked k LEFT JOIN differential d ON {same_subject('d', 'k')} AND d.of_role = k.role AND d.of_n = k.n"
)
"""The linked flows `k` with their differentials `d`, behind FROM."""

"""Describe a flow that was decided and not begun yet. It is plain data for the planner and the follow-ups."""

from dataclasses import dataclass

from probe.formats.followups import FollowUp
from probe.formats.transactions import Kind

Claim = tuple[str, ...]
"""What is done once in a measurement: the id of a flow, then what it is done once for (endpoint, service, family)."""


@dataclass(frozen=True)
class PlannedFlow:
    """Hold one flow to one endpoint at one address, or a differential of it."""

    row: str
    """The row of the policy table that asks for it, or `innocuous`, `own` or `confirmation`."""
    kind: Kind
    address: str
    port: int
    sent_name: str
    """The name that is sent, "" where the payload shows none."""
    followup: FollowUp = ""
    cause: int | None = None
    cost: int = 0
    """Triggers that the flow spends if it gets past the first hop."""
    at_endpoint: bool = True
    """True: the address is the endpoint's. False: it is a neutral host's or the helper's."""
    is_visit: bool = False
    """True: the flow is the one visit of the run to an unverified address (P7)."""
    over_budget: bool = False
    """True: the flow is not sent, because no trigger is left. It counts as a flow that was decided."""
    claim: Claim | None = None
    in_turn: bool = False
    """True: the flow waits until no other flow of the measurement runs, because all may share a limited rate."""

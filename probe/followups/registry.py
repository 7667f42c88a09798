"""Find the code that carries out each kind of follow-up. A module names its kinds in `CARRIES_OUT`.

What each kind is and costs stands in `probe/formats/followups/`. When it is tried, and in which order, is the policy
in `probe/connectivity/policy/policy_table.py`.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import walk_packages

from probe import followups
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats.followups import FOLLOWUP_KINDS, FollowUp, FollowUpKind
from probe.formats.transactions import TransactionRecord

CarryOut = Callable[[FollowUpContext, PlannedFlow], Awaitable[TransactionRecord | None]]

_ELSEWHERE = {
    "innocuous_name_system_resolver": "probe.resolution.lookup",
    "same_name_system_resolver": "probe.resolution.lookup",
    "alternative_address": "probe.connectivity.endpoint",
}
"""Kinds that no module of this package carries out."""


@dataclass(frozen=True)
class RegisteredFollowUp:
    """Hold one kind, the module that carries it out, and the function for a single flow if there is one."""

    kind: FollowUpKind
    module: str
    carry_out: CarryOut | None


def _registered() -> Iterator[RegisteredFollowUp]:
    """Find the kinds that each module of this package carries out, in its `CARRIES_OUT`."""
    found: dict[str, tuple[str, CarryOut | None]] = {name: (module, None) for name, module in _ELSEWHERE.items()}
    for module in walk_packages(followups.__path__, f"{followups.__name__}."):
        if module.name != __name__:
            for name, function in getattr(import_module(module.name), "CARRIES_OUT", {}).items():
                found[name] = module.name, function
    return (RegisteredFollowUp(kind, *found[name]) for name, kind in FOLLOWUP_KINDS.items())


REGISTRY: dict[FollowUp, RegisteredFollowUp] = {each.kind.name: each for each in _registered()}


async def carry_out(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Carry out one planned follow-up. Return its record, None if it was not begun."""
    send = REGISTRY[flow.followup].carry_out
    if send is None:
        raise ValueError(f"{flow.followup} is not a single flow")
    return await send(context, flow)


def markdown_rows() -> list[str]:
    """Return the kinds of follow-ups as rows of a Markdown table, the heading first."""
    heading = "| follow-up | what is sent | changes | triggers | tried | if it is absent | module |"
    return [heading, "|---|---|---|---|---|---|---|", *map(_markdown_row, REGISTRY.values())]


def _markdown_row(followup: RegisteredFollowUp) -> str:
    kind = followup.kind
    changes, module = kind.changes or "nothing", followup.module.replace(".", "/") + ".py"
    cells = (f"`{kind.name}`", kind.sends, changes, str(kind.triggers), kind.tried, kind.absence, f"`{module}`")
    return f"| {' | '.join(cells)} |"

"""Decide which follow-ups come next at one endpoint and address, from the policy table and facts alone."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from probe.connectivity.attempt_facts import AttemptFacts, NeutralAddress, Wait
from probe.connectivity.policy.followup_conditions import DATAGRAMS_SILENT, DOUBTFUL_TWICE, SILENT_OR_REFUSED_TWICE
from probe.connectivity.policy.policy_rows import Group, PolicyRow
from probe.connectivity.policy.policy_table import ECHO_AFTER_DOUBT, ECHO_PAIR, SIZES
from probe.followups.planned_flow import PlannedFlow
from probe.formats.followups import FOLLOWUP_KINDS


class End(Enum):
    """Mark that nothing more is tried."""

    FINISHED = "finished"


FINISHED = End.FINISHED
Plan = tuple[PlannedFlow, ...] | Wait | End
"""The flows to begin now, side by side, in this order. Empty while flows are under way and none may begin."""


@dataclass(frozen=True)
class Receiver:
    """Hold where a follow-up goes, and the triggers that are left for it there. `host`: the neutral host's name."""

    address: str
    port: int
    triggers_left: int
    host: str = ""


def follow_ups(groups: Iterable[Group], facts: AttemptFacts) -> Plan:
    """Return the flows of the first group in which any is due."""
    if not facts.followups:
        return FINISHED
    for group in groups:
        needs_echo = any(group is each and when.holds(facts) for each, when in _NEED_ECHO)
        if needs_echo and Wait.CONTROL_BEFORE_ECHO not in facts.waits:
            return () if facts.under_way else Wait.CONTROL_BEFORE_ECHO
        flows = tuple(_within_budget(_next_of_chains(group, facts), facts))
        if flows or any(flow.row in group.row_ids for flow in facts.under_way):
            return flows
    return FINISHED


_NEED_ECHO = ((ECHO_PAIR, SILENT_OR_REFUSED_TWICE), (ECHO_AFTER_DOUBT, DOUBTFUL_TWICE), (SIZES, DATAGRAMS_SILENT))
"""Groups that send to the helper's echo, and after what they do so."""


def any_due(group: Group, facts: AttemptFacts) -> bool:
    return any(row.due(facts) for row in group.rows)


def _next_of_chains(group: Group, facts: AttemptFacts) -> Iterator[tuple[PlannedFlow, int]]:
    """Return the next flow of each chain in which none is under way, with the triggers that are left for it."""
    under_way = {flow.row for flow in facts.under_way}
    for chain in group.chains:
        if any(row.row in under_way for row in chain):
            continue
        due = (_flow(row, facts) for row in chain if row.due(facts))
        if (flow := next(filter(None, due), None)) is not None:
            yield flow


def _within_budget(flows: Iterable[tuple[PlannedFlow, int]], facts: AttemptFacts) -> Iterator[PlannedFlow]:
    """Mark the flows for which no trigger is left, those of this plan counted."""
    spent: Counter[str] = Counter()
    for flow, left in flows:
        yield replace(flow, over_budget=flow.cost > max(0, left - spent[flow.address]))
        spent[flow.address] += flow.cost


def _flow(row: PolicyRow, facts: AttemptFacts) -> tuple[PlannedFlow, int] | None:
    """Return the row's flow and the triggers that are left for it, None where it cannot be sent to anything."""
    to = _receiver(row, facts)
    if to is None:
        return None
    names = {
        "target": facts.endpoint.host,
        "innocuous": facts.innocuous_name,
        "nonexistent": facts.nonexistent_name,
        "neutral": to.host,
        "": "",
    }
    flow = PlannedFlow(
        row.row,
        "followup",
        to.address,
        to.port,
        names[row.name],
        followup=row.followup,
        cause=cause_of(facts),
        cost=FOLLOWUP_KINDS[row.followup].triggers,
        at_endpoint=row.where == "endpoint",
        claim=row.claim(facts) if row.claim else None,
    )
    return flow, to.triggers_left


def _receiver(row: PolicyRow, facts: AttemptFacts) -> Receiver | None:
    """Return where the row's flow goes, None where there is no such host."""
    if row.where == "endpoint":
        return Receiver(*facts.place, facts.triggers_left)
    if row.where == "echo":
        echo = facts.echo
        return Receiver(echo.address, echo.port, echo.triggers_left) if echo else None
    if row.where == "quic neutral":
        return Receiver("", facts.endpoint.port, 0)  # the hosts are not known before
    host = _neutral_host(row, facts)
    if host is None:
        return None
    port = facts.endpoint.port if facts.endpoint.scheme == "http" else host.port
    return Receiver(host.address, port, host.triggers_left, host.host)


def _neutral_host(row: PolicyRow, facts: AttemptFacts) -> NeutralAddress | None:
    if row.where == "neutral same port":
        hosts = [host for host in reversed(facts.neutral) if host.port == facts.endpoint.port]
        return min(hosts, key=lambda host: host.in_residual, default=None)
    if row.where == "other neutral":
        got_the_name = {address for address, _ in facts.name_at_neutral}
        hosts = [host for host in facts.neutral if host.scheme != "quic"]
        return next((host for host in hosts if host.address not in got_the_name), hosts[0] if hosts else None)
    if row.where == "home":
        return next(iter(facts.home), None)
    return facts.neutral[-1 if row.where == "last neutral" else 0] if facts.neutral else None


def cause_of(facts: AttemptFacts) -> int | None:
    return facts.own.transaction_id if facts.own else None

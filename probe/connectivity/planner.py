"""Decide what is tried next at one endpoint and address, from facts alone: no socket, no clock, no task.

The executor (`endpoint.py`) asks `plan` after each change of the facts, carries out what it returns, and adds the
outcome to the facts. The follow-ups stand in the policy table (`policy.py`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from probe.connectivity.conditions import DOUBTFUL_TWICE, SILENT_TWICE, innocuous_claim, may_be_policed
from probe.connectivity.facts import AttemptFacts, NameFacts, NeutralHost, Wait
from probe.connectivity.policy import (
    AFTER_FAILURE,
    AFTER_SUCCESS,
    BEFORE_ALONE,
    ECHO_AFTER_DOUBT,
    ECHO_PAIR,
    HOP_SEARCH,
    RESOLVERS,
    SILENT_TRANSFERS,
)
from probe.connectivity.policy_rows import Group, Row
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.followups import FOLLOWUP_KINDS


class End(Enum):
    """Mark that nothing more is tried."""

    FINISHED = "finished"


FINISHED = End.FINISHED
ATTEMPT_ROWS = frozenset({"innocuous", "own", "confirmation", "alone"})  # flows that are no follow-ups

Plan = tuple[PlannedFlow, ...] | Wait | End
"""The flows to begin now, side by side, in this order. Empty while flows are under way and none may begin."""


@dataclass(frozen=True)
class Conclusion:
    """Hold what an attempt came to.

    `reached`: the genuine service answered. `contradicted`: an unverified server answered for a name of which trusted
    sources gave addresses. `not_visited`: the address was left out, because its one visit was in vain (P7).
    `worth_a_search`: what failed may be looked for on the path.
    """

    reached: bool = False
    contradicted: bool = False
    not_visited: bool = False
    worth_a_search: bool = False


@dataclass(frozen=True)
class Addresses:
    """Hold addresses that are tried side by side. `alternative`: other sources than the first gave them."""

    addresses: tuple[str, ...]
    alternative: bool = False


@dataclass(frozen=True)
class Receiver:
    """Hold where a follow-up goes, and the triggers that are left for it there. `host`: the neutral host's name."""

    address: str
    port: int
    triggers_left: int
    host: str = ""


def plan(facts: AttemptFacts) -> Plan:
    """Return what is tried next."""
    own = facts.own
    if facts.stopping:
        return () if facts.under_way else FINISHED
    if own is None:
        return () if facts.under_way else _opening(facts)
    if any(flow.row in ATTEMPT_ROWS for flow in facts.under_way):
        return ()
    if not own.was_sent:
        return FINISHED
    if own.failure is None:
        return _after_success(facts)
    if facts.as_control or f.is_local(own.failure):
        return FINISHED
    return _after_failure(facts)


def conclude(facts: AttemptFacts) -> Conclusion:
    """Return what the attempt came to, once `plan` has finished it."""
    own, confirmation = facts.own, facts.confirmation
    if own is None or not own.was_sent:
        in_vain = Wait.VISIT in facts.waits and facts.visit == "in_vain" and not facts.verified
        return Conclusion(not_visited=own is None and in_vain)
    if own.failure is None:
        reached = own.corroborated or own.authenticated or facts.verified
        contradicted = not reached and facts.trusted_addresses
        return Conclusion(reached, contradicted, worth_a_search=DOUBTFUL_TWICE.holds(facts))
    if any(outcome is not None and outcome.passed for outcome in (confirmation, facts.outcome("alone"))):
        return Conclusion(reached=True)
    unknown = own.fell_silent or (may_be_policed(facts) and facts.sent("alone") is None)
    return Conclusion(worth_a_search=not unknown and _any_due(HOP_SEARCH, facts))


# -- addresses ---------------------------------------------------------------------------------------------------------


def plan_addresses(facts: NameFacts) -> Addresses | Wait | End:
    """Return the addresses at which an endpoint with a name is tried next."""
    if not facts.tried:
        if not (facts.as_control or facts.all_trusted) and Wait.SECOND_ANSWERS_FIRST not in facts.waits:
            return Wait.SECOND_ANSWERS_FIRST
        return Addresses(facts.first_addresses)
    if facts.alternatives_tried or not facts.followups:
        return FINISHED
    if Wait.SECOND_ANSWERS not in facts.waits:
        return Wait.SECOND_ANSWERS
    if Wait.RESOLVERS not in facts.waits:
        return Wait.RESOLVERS if facts.suspect else FINISHED
    return FINISHED if facts.reached else _alternatives(facts)


def _alternatives(facts: NameFacts) -> Addresses | Wait | End:
    if facts.trusted_addresses:
        return Addresses(facts.trusted_addresses, alternative=True)
    return FINISHED if Wait.CONTROL_BEFORE_ALTERNATIVES in facts.waits else Wait.CONTROL_BEFORE_ALTERNATIVES


# -- the first flow ----------------------------------------------------------------------------------------------------


def _opening(facts: AttemptFacts) -> Plan:
    """Return the endpoint's own flow, after the innocuous one at a verified address, or what to wait for."""
    if Wait.VISIT in facts.waits:
        return _after_visit(facts)
    if facts.verified:
        return _innocuous_and_own(facts)
    if not facts.endpoint.facts.authenticates_server and Wait.CONTROL_BEFORE_VISIT not in facts.waits:
        return Wait.CONTROL_BEFORE_VISIT  # the one visit is not spent on an attempt that can prove nothing (P7)
    return (_own(facts, is_visit=True),) if facts.visit == "none" else Wait.VISIT


def _after_visit(facts: AttemptFacts) -> Plan:
    if facts.visit == "verified":
        return (_own(facts),)
    if Wait.CONTROL_AFTER_VISIT not in facts.waits:
        return Wait.CONTROL_AFTER_VISIT
    return _innocuous_and_own(facts) if facts.verified else FINISHED


def _innocuous_and_own(facts: AttemptFacts) -> tuple[PlannedFlow, ...]:
    """Return both flows. The connection for the own name is made meanwhile, and the name is sent afterwards (P8)."""
    claim = innocuous_claim(facts)
    if facts.as_control or not facts.shows_name or claim in facts.claimed:
        return (_own(facts),)
    innocuous = PlannedFlow("innocuous", "innocuous", *facts.place, facts.innocuous_name, claim=claim)
    return innocuous, _own(facts)


def _own(facts: AttemptFacts, *, is_visit: bool = False) -> PlannedFlow:
    """Return the first flow with the own name or payload. Without a trigger left it is made up to the connect."""
    flow = PlannedFlow(
        "own",
        "followup" if facts.is_alternative else "first",
        *facts.place,
        facts.endpoint.host if facts.shows_name else "",
        cost=min(1, facts.triggers_left),
        is_visit=is_visit,
    )
    if not facts.is_alternative:
        return flow
    return replace(flow, followup="alternative_address", cause=facts.alternative_cause)


# -- after a success ---------------------------------------------------------------------------------------------------


def _after_success(facts: AttemptFacts) -> Plan:
    """Return the confirmation of a doubtful or incomplete answer, or follow-ups."""
    own = facts.own
    doubtful = own is not None and (own.doubtful or own.fell_silent) and facts.verified and not facts.as_control
    if doubtful and facts.outcome("confirmation") is None:
        return (_confirmation(facts),) if Wait.PAUSE in facts.waits else Wait.PAUSE
    return _follow_ups(AFTER_SUCCESS, facts)


# -- after a failure ---------------------------------------------------------------------------------------------------


def _after_failure(facts: AttemptFacts) -> Plan:
    """Return the next wait, the confirmation, or follow-ups."""
    own, confirmation = facts.own, facts.outcome("confirmation")
    if confirmation is None and own is not None:
        if facts.followups and Wait.RESOLVERS not in facts.waits and _any_due(RESOLVERS, facts):
            return Wait.RESOLVERS
        if not (own.verified or facts.encrypted_resolver) and Wait.CONTROL_BEFORE_CONFIRMATION not in facts.waits:
            return Wait.CONTROL_BEFORE_CONFIRMATION  # only the helper can verify the address now
        if facts.verified:
            return (_confirmation(facts),) if Wait.PAUSE in facts.waits else Wait.PAUSE
    if confirmation is not None and confirmation.passed:
        return _follow_ups(SILENT_TRANSFERS, facts)
    alone = facts.outcome("alone")
    if alone is None and facts.followups and may_be_policed(facts):
        return _alone(facts)
    if alone is not None and alone.passed:
        return () if facts.under_way else FINISHED
    return _follow_ups(AFTER_FAILURE, facts)


def _alone(facts: AttemptFacts) -> Plan:
    """Return the repetition without other connections to the network, after the name was sent to neutral hosts.

    They may show that the name fails elsewhere too, so that no other connection is at fault. An innocuous name may show
    that the address is. What else is sent to the endpoint waits, because each hello begins the cool-down again.
    """
    flows = _follow_ups((BEFORE_ALONE,), facts)
    if not isinstance(flows, End):
        return flows
    if Wait.COOL_DOWN not in facts.waits:
        return Wait.COOL_DOWN
    return (replace(_confirmation(facts), row="alone"),)


def _confirmation(facts: AttemptFacts) -> PlannedFlow:
    flow = replace(_own(facts), row="confirmation", kind="confirm", followup="", cause=_cause(facts))
    return replace(flow, cost=1, over_budget=facts.triggers_left < 1)


def _cause(facts: AttemptFacts) -> int | None:
    return facts.own.transaction_id if facts.own else None


# -- follow-ups --------------------------------------------------------------------------------------------------------


def _follow_ups(groups: Iterable[Group], facts: AttemptFacts) -> Plan:
    """Return the flows of the first group in which any is due."""
    if not facts.followups:
        return FINISHED
    for group in groups:
        needs_echo = (group is ECHO_PAIR and SILENT_TWICE.holds(facts)) or (
            group is ECHO_AFTER_DOUBT and DOUBTFUL_TWICE.holds(facts)
        )
        if needs_echo and Wait.CONTROL_BEFORE_ECHO not in facts.waits:
            return () if facts.under_way else Wait.CONTROL_BEFORE_ECHO
        flows = tuple(_within_budget(_next_of_chains(group, facts), facts))
        if flows or any(flow.row in group.row_ids for flow in facts.under_way):
            return flows
    return FINISHED


def _any_due(group: Group, facts: AttemptFacts) -> bool:
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


def _flow(row: Row, facts: AttemptFacts) -> tuple[PlannedFlow, int] | None:
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
        cause=_cause(facts),
        cost=FOLLOWUP_KINDS[row.followup].triggers,
        at_endpoint=row.where == "endpoint",
        claim=row.claim(facts) if row.claim else None,
    )
    return flow, to.triggers_left


def _receiver(row: Row, facts: AttemptFacts) -> Receiver | None:
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


def _neutral_host(row: Row, facts: AttemptFacts) -> NeutralHost | None:
    if row.where == "neutral same port":
        hosts = [host for host in reversed(facts.neutral) if host.port == facts.endpoint.port]
        return min(hosts, key=lambda host: host.in_residual, default=None)
    if row.where == "other neutral":
        got_the_name = {address for address, _ in facts.name_at_neutral}
        hosts = [host for host in facts.neutral if host.scheme != "quic"]
        return next((host for host in hosts if host.address not in got_the_name), hosts[0] if hosts else None)
    return facts.neutral[-1 if row.where == "last neutral" else 0] if facts.neutral else None

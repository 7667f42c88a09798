"""Decide what is tried next at one endpoint and address, from facts alone: no socket, no clock, no task.

The executor (`endpoint.py`) asks `plan` after each change of the facts, carries out what it returns, and adds the
outcome to the facts. The follow-ups stand in the policy table (`policy/policy_table.py`).
"""

from dataclasses import dataclass, replace

from probe.connectivity.attempt_facts import AttemptFacts, NameFacts, Wait
from probe.connectivity.connection_limits import may_be_policed, may_share_limit
from probe.connectivity.followup_plan import FINISHED, End, Plan, any_due, cause_of, follow_ups
from probe.connectivity.policy.claims import innocuous_claim
from probe.connectivity.policy.followup_conditions import DOUBTFUL_TWICE, FELL_SILENT, page_may_be_forged
from probe.connectivity.policy.policy_table import AFTER_FAILURE, AFTER_SUCCESS, HOP_SEARCH, INNOCUOUS_AGAIN, RESOLVERS
from probe.connectivity.policy.repetitions import (
    AFTER_CONFIRMATION,
    ALONE,
    CONFIRMATION,
    OWN_ROWS,
    PLANNED,
    AttemptRepetition,
)
from probe.connectivity.policy.silent_transfers import SILENT_TRANSFERS
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f

ATTEMPT_ROWS = OWN_ROWS | {"innocuous"}  # flows that are no follow-ups


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


def plan(facts: AttemptFacts) -> Plan:
    """Return what is tried next."""
    own = facts.own
    if facts.stopping:
        return () if facts.under_way else FINISHED
    if own is None:
        return () if facts.under_way else _opening(facts)
    if any(flow.row in ATTEMPT_ROWS for flow in facts.under_way):
        return _beside_confirmation(facts)
    if not own.was_sent:
        return FINISHED
    if own.failure is None:
        return _after_success(facts)
    if facts.as_control or f.is_local(own.failure):
        return FINISHED
    return _after_failure(facts)


def conclude(facts: AttemptFacts) -> Conclusion:
    """Return what the attempt came to, once `plan` has finished it."""
    own = facts.own
    if own is None or not own.was_sent:
        in_vain = Wait.VISIT in facts.waits and facts.visit == "in_vain" and not facts.verified
        return Conclusion(not_visited=own is None and in_vain)
    if own.failure is None:
        reached = own.corroborated or own.authenticated or facts.verified
        contradicted = not reached and facts.trusted_addresses
        return Conclusion(reached, contradicted, worth_a_search=DOUBTFUL_TWICE.holds(facts))
    if _any_passed(PLANNED, facts):
        return Conclusion(reached=True)
    unknown = own.fell_silent or own.too_slow or (may_be_policed(facts) and facts.sent(ALONE.row) is None)
    return Conclusion(worth_a_search=not unknown and any_due(HOP_SEARCH, facts))


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
    incomplete = own is not None and (own.doubtful or own.fell_silent or own.too_slow)
    unsure = (incomplete or page_may_be_forged(facts)) and facts.verified and not facts.as_control
    if unsure and CONFIRMATION.due(facts):
        return _repeat(CONFIRMATION, facts)
    return follow_ups(AFTER_SUCCESS, facts)


def _beside_confirmation(facts: AttemptFacts) -> Plan:
    """Return the comparisons of an answer that fell silent. They follow whatever the confirmation comes to.

    The confirmation of such an answer waits up to ten seconds.
    """
    if facts.as_control or not FELL_SILENT.holds(facts):
        return ()
    flows = follow_ups(SILENT_TRANSFERS, facts)
    return flows if isinstance(flows, tuple) else ()


# -- after a failure ---------------------------------------------------------------------------------------------------


def _after_failure(facts: AttemptFacts) -> Plan:
    """Return the next wait, the confirmation, or follow-ups."""
    own, confirmation = facts.own, facts.outcome(CONFIRMATION.row)
    if confirmation is None and own is not None:
        if facts.followups and Wait.RESOLVERS not in facts.waits and any_due(RESOLVERS, facts):
            return Wait.RESOLVERS
        if not (own.verified or facts.encrypted_resolver) and Wait.CONTROL_BEFORE_CONFIRMATION not in facts.waits:
            return Wait.CONTROL_BEFORE_CONFIRMATION  # only the helper can verify the address now
        if facts.verified:
            return _repeat(CONFIRMATION, facts)
    if confirmation is not None and confirmation.passed:
        return follow_ups((*SILENT_TRANSFERS, INNOCUOUS_AGAIN), facts)
    if facts.network_lost:  # nothing that fails now says anything about the endpoint
        return () if facts.under_way else FINISHED
    if (repetition := next((each for each in AFTER_CONFIRMATION if each.due(facts)), None)) is not None:
        return _repeat(repetition, facts)
    if _any_passed(AFTER_CONFIRMATION, facts):
        return () if facts.under_way else FINISHED
    return follow_ups(AFTER_FAILURE, facts)


def _any_passed(repetitions: tuple[AttemptRepetition, ...], facts: AttemptFacts) -> bool:
    outcomes = (facts.outcome(each.row) for each in repetitions)
    return any(outcome is not None and outcome.passed for outcome in outcomes)


def _repeat(repetition: AttemptRepetition, facts: AttemptFacts) -> Plan:
    """Return the follow-ups that come before a repetition, then what it waits for, then its flow."""
    flows = follow_ups(repetition.before, facts)
    if not isinstance(flows, End):
        return flows
    if repetition.wait is not None and repetition.wait not in facts.waits:
        return repetition.wait
    flow = replace(_own(facts), row=repetition.row, kind="confirm", followup="", cause=cause_of(facts), cost=1)
    in_turn = repetition.may_wait_for_turn and may_share_limit(facts)
    return (replace(flow, over_budget=facts.triggers_left < 1, in_turn=in_turn),)

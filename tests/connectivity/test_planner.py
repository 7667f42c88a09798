"""Test properties of the planner on facts alone. Hypothesis draws the runs, with every order and outcome of flows."""

from collections import Counter

from hypothesis import HealthCheck, given, settings

from probe.connectivity.attempt_facts import Wait
from probe.connectivity.planner import conclude
from probe.connectivity.policy.claims import innocuous_claim
from probe.connectivity.policy.policy_rows import markdown_rows
from probe.connectivity.policy.policy_table import POLICY
from probe.followups.planned_flow import Claim
from probe.formats.followups import FOLLOWUP_KINDS
from tests.connectivity.planner_simulation import ADDRESSES, BUDGET, Run, runs

thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@given(runs())
@thorough
def test_planner_ends_and_starts_nothing_after_stop(run: Run) -> None:
    assert all(attempt.finished for attempt in run.attempts)
    for attempt in run.attempts:
        rows = [flow.row for one, _, flow in run.begun if one is attempt]
        assert len(rows) == len(set(rows))
        assert conclude(run.facts(attempt)).reached in {True, False}


@given(runs(as_control=False))
@thorough
def test_budget_of_six_triggers_is_never_exceeded(run: Run) -> None:
    assert max(run.spent.values()) <= BUDGET


@given(runs())
@thorough
def test_unverified_address_is_visited_once(run: Run) -> None:
    for address in ADDRESSES:
        unverified = [
            flow
            for attempt, facts, flow in run.begun
            if flow.address == address and not (facts.verified or facts.visit == "verified")
        ]
        assert len(unverified) <= 1
        assert all(flow.is_visit for flow in unverified)


@given(runs(as_control=False))
@thorough
def test_innocuous_name_is_sent_before_the_own_name_at_a_verified_address(run: Run) -> None:
    known: set[Claim] = set()
    for attempt, facts, flow in run.begun:
        if flow.row == "innocuous" and flow.claim is not None:
            known.add(flow.claim)
        elif flow.row == "own" and facts.shows_name and facts.verified and Wait.VISIT not in facts.waits:
            assert innocuous_claim(facts) in known, attempt.url


@given(runs(as_control=True))
@thorough
def test_control_sends_only_the_own_name_or_payload(run: Run) -> None:
    assert {flow.row for _, _, flow in run.begun} <= {"own"}


@given(runs(as_control=False))
@thorough
def test_once_per_measurement_is_once(run: Run) -> None:
    once = {"innocuous", "nonexistent_name", "random_bytes", "random_echo", "name_at_neutral"}
    claims = Counter(flow.claim for _, _, flow in run.begun if flow.claim and flow.row in once)
    assert not claims or max(claims.values()) == 1


# -- the table ---------------------------------------------------------------------------------------------------------


def test_policy_names_every_kind_that_follows_an_attempt() -> None:
    kinds = {row.followup for group in POLICY for row in group.rows}
    of_lookups = {"alternative_address", "innocuous_name_system_resolver", "same_name_system_resolver"}
    of_the_run = {"media_shape", "media_opaque", "sip_call", "webrtc_call"}
    of_the_run |= {"transfer_name", "transfer_innocuous", "transfer_host", "transfer_innocuous_host"}
    of_the_run |= {"upload_beside_media", "transfer_beside_media", "upload_name", "upload_innocuous"}
    of_the_run |= {"quic_page_name", "quic_page_innocuous", "address_page_innocuous"}
    of_the_run |= {kind for kind in FOLLOWUP_KINDS if kind.startswith("kept_connection")}
    assert kinds == set(FOLLOWUP_KINDS) - of_lookups - of_the_run


def test_policy_is_printed_with_one_row_each() -> None:
    rows = markdown_rows(POLICY)
    assert len(rows) == 2 + sum(len(group.rows) for group in POLICY)
    assert len({row.count(" | ") for row in rows[2:]}) == 1

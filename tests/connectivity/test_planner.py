"""Test the planner on facts alone: several attempts share a simulated run, and hypothesis draws every outcome."""

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.connectivity.conditions import innocuous_claim
from probe.connectivity.facts import AttemptFacts, Echo, NameFacts, NeutralHost, Outcome, Wait
from probe.connectivity.planner import FINISHED, Addresses, End, conclude, plan, plan_addresses
from probe.connectivity.policy import POLICY, markdown_rows
from probe.followups.planned_flow import Claim, PlannedFlow
from probe.formats import failures as f
from probe.formats.followups import FOLLOWUP_KINDS
from probe.targets.target import parse_endpoint

BUDGET, MOST_STEPS = 6, 200
HELPER = "helper"
URLS = (
    "https://service.example:443/",
    "https://service.example:443/other",
    "http://service.example:80/",
    "tls://service.example:443",
    "quic://service.example:443/",
    "smtps://mail.example:465",
    "imap+starttls://mail.example:143",
    "mtproto://service.example:443",
    "stun://service.example:3478",
    "dns+udp://service.example:53",
    "tcp://service.example:443",
)
ADDRESSES = ("192.0.2.1", "192.0.2.2")
NEUTRAL = (("192.0.2.101", "one.example"), ("192.0.2.102", "two.example"))
FAILURES = (None, f.RESET, f.RESET, f.TIMEOUT, f.TIMEOUT, f.SSL_INVALID_HOSTNAME, f.REFUSED, f.BUDGET)
OPERATIONS = {"tls": "tls_handshake", "quic": "quic_handshake", "http": "http_round_trip"}


@dataclass
class Attempt:
    """Hold one endpoint at one address in the simulated run."""

    url: str
    address: str
    literal: bool
    verified: bool
    outcomes: list[Outcome] = field(default_factory=list)
    under_way: list[PlannedFlow] = field(default_factory=list)
    waits: set[Wait] = field(default_factory=set)
    claims: set[Claim] = field(default_factory=set)
    finished: bool = False


@dataclass
class Run:
    """Simulate what the attempts of a run share. `verified` are the addresses that a trusted source gave."""

    as_control: bool = False
    followups: bool = True
    deep: bool = False
    encrypted: bool = True
    stopping: bool = False
    verified: set[str] = field(default_factory=set)
    visits: dict[str, str] = field(default_factory=dict)
    visitors: dict[str, Attempt] = field(default_factory=dict)
    claimed: set[Claim] = field(default_factory=set)
    spent: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    at_neutral: list[tuple[str, str, str | None]] = field(default_factory=list)
    pairs_left: int = 3
    attempts: list[Attempt] = field(default_factory=list)
    begun: list[tuple[Attempt, AttemptFacts, PlannedFlow]] = field(default_factory=list)
    next_id: int = 0

    def left(self, name: str, address: str, transport: str) -> int:
        return BUDGET - self.spent[name, address, transport]

    def is_verified(self, attempt: Attempt) -> bool:
        return attempt.literal or attempt.address in self.verified or self.visits.get(attempt.address) == "verified"

    def facts(self, attempt: Attempt) -> AttemptFacts:
        endpoint = parse_endpoint(attempt.url)
        left = self.left(endpoint.host, attempt.address, endpoint.carrier)
        neutral = tuple(
            NeutralHost(ip, host, 443, triggers_left=self.left(endpoint.host, ip, endpoint.carrier))
            for ip, host in NEUTRAL
        )
        return AttemptFacts(
            service="web",
            endpoint=endpoint,
            address=attempt.address,
            has_name=not attempt.literal,
            verified=attempt.verified,
            visit=self.visits.get(attempt.address, "none"),  # type: ignore[arg-type]
            triggers_left=left,
            stopping=self.stopping,
            as_control=self.as_control,
            followups=self.followups and not self.as_control and not self.stopping,
            deep=self.deep,
            encrypted_resolver=self.encrypted,
            innocuous_name="innocuous.example",
            nonexistent_name="none.invalid",
            neutral=neutral,
            name_at_neutral=tuple((ip, operation) for url, ip, operation in self.at_neutral if url == attempt.url),
            echo=Echo(HELPER, 3478, 4, self.pairs_left, self.left(endpoint.host, HELPER, "udp")),
            claimed=frozenset(self.claimed - attempt.claims),
            outcomes=tuple(attempt.outcomes),
            under_way=tuple(attempt.under_way),
            waits=frozenset(attempt.waits),
        )

    def begin(self, attempt: Attempt, facts: AttemptFacts, flow: PlannedFlow) -> None:
        if flow.claim is not None:
            attempt.claims.add(flow.claim)
            self.claimed.add(flow.claim)
        if flow.over_budget:
            attempt.outcomes.append(Outcome(flow, was_sent=False))
            return
        self.begun.append((attempt, facts, flow))
        self.spent[facts.endpoint.host, flow.address, facts.endpoint.carrier] += flow.cost
        if flow.is_visit:
            self.visits[attempt.address], self.visitors[attempt.address] = "under_way", attempt
        if flow.followup == "other_payload_echo":
            self.pairs_left -= 1
        attempt.under_way.append(flow)

    def end(self, attempt: Attempt, flow: PlannedFlow, failure: str | None, at_connect: bool, was_sent: bool) -> None:
        """End a flow. An endpoint whose dialect authenticates the server proves itself by a success."""
        dialect = parse_endpoint(attempt.url).facts
        attempt.under_way.remove(flow)
        authenticated = was_sent and failure is None and dialect.authenticates_server
        if flow.is_visit:
            self.visits[attempt.address] = "verified" if authenticated else "in_vain"
        if not was_sent:
            attempt.outcomes.append(Outcome(flow, was_sent=False))
            return
        operation = "connect" if at_connect else OPERATIONS.get(dialect.name_layer, "payload")
        if flow.followup == "same_name_neutral_host":
            self.at_neutral.append((attempt.url, flow.address, operation if failure else None))
        if flow.row == "own":
            attempt.verified = authenticated or self.is_verified(attempt)
        self.next_id += 1
        outcome = Outcome(
            flow,
            transaction_id=self.next_id,
            failure=failure,
            failed_operation=operation if failure else None,
            triggered=bool(flow.cost) and not at_connect,
            authenticated=authenticated,
            verified=attempt.verified,
        )
        attempt.outcomes.append(outcome)

    def wait(self, attempt: Attempt, wait: Wait) -> None:
        attempt.waits.add(wait)
        sent = any(outcome.flow.row == "own" for outcome in attempt.outcomes)
        attempt.verified = self.is_verified(attempt) or (attempt.verified and sent)


@st.composite
def runs(draw: st.DrawFn, as_control: bool | None = None) -> Run:
    """Draw a run with up to five attempts, and carry it out to its end. `chance` decides the order and the outcomes."""
    chance = Random(draw(st.integers(0, 2**32)))
    run = Run(
        as_control=draw(st.booleans()) if as_control is None else as_control,
        followups=as_control is not None or draw(st.booleans()),
        deep=draw(st.booleans()),
        encrypted=draw(st.booleans()),
        verified=draw(st.sets(st.sampled_from(ADDRESSES))),
    )
    for url, address in draw(st.lists(st.tuples(st.sampled_from(URLS), st.sampled_from(ADDRESSES)), min_size=1)):
        attempt = Attempt(url, address, literal=chance.random() < 0.1, verified=False)
        attempt.verified = run.is_verified(attempt)
        run.attempts.append(attempt)
    for name in ("service.example", "mail.example"):
        for address in (*ADDRESSES, *(ip for ip, _ in NEUTRAL), HELPER):
            for transport in ("tcp", "udp"):
                run.spent[name, address, transport] = chance.choice([0, 0, 0, 4, 5, 6])
    carry_out(chance, run)
    return run


def carry_out(chance: Random, run: Run) -> None:
    """Carry out a run. In each step one attempt is planned, and one of its flows or waits may end."""
    failures = chance.choices(FAILURES, k=chance.choice([1, 1, 2, 3]))
    for _ in range(MOST_STEPS * len(run.attempts)):
        open_attempts = [attempt for attempt in run.attempts if not attempt.finished]
        if not open_attempts:
            return
        attempt = chance.choice(open_attempts)
        run.stopping |= chance.random() < 0.005
        if chance.random() < 0.02:
            run.verified.add(attempt.address)
        take(chance, run, attempt, failures)
    raise AssertionError("the planner does not end")


def take(chance: Random, run: Run, attempt: Attempt, failures: list[str | None]) -> None:
    """Ask the planner once, and do what it says."""
    facts = run.facts(attempt)
    step = plan(facts)
    if isinstance(step, End):
        assert not attempt.under_way
        attempt.finished = True
        return
    assert not (run.stopping and step), step
    if isinstance(step, Wait):
        if step is Wait.VISIT and run.visits[attempt.address] == "under_way":
            end_any(chance, run, run.visitors[attempt.address], failures)
        run.wait(attempt, step)
        return
    for flow in step:
        run.begin(attempt, facts, flow)
    assert attempt.under_way or step, "nothing is begun and nothing is waited for"
    if attempt.under_way and (not step or chance.random() < 0.5):
        end_any(chance, run, attempt, failures)


def end_any(chance: Random, run: Run, attempt: Attempt, failures: list[str | None]) -> None:
    """End one flow of the attempt with one of the failures."""
    was_sent = not run.stopping or chance.random() < 0.5
    run.end(attempt, chance.choice(attempt.under_way), chance.choice(failures), chance.random() < 0.1, was_sent)


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


# -- one attempt, step by step -----------------------------------------------------------------------------------------


def steps(url: str, outcomes: dict[str, str | None], **facts: object) -> list[str]:
    """Return the waits and rows of one attempt at a verified address, side by side joined by " + ".

    `outcomes`: row, then its failure as `operation failure`. Rows that are not named pass.
    """
    run = Run(verified={ADDRESSES[0]})
    attempt = Attempt(url, ADDRESSES[0], literal=False, verified=True)
    for name, value in facts.items():
        setattr(run, name, value)
    attempt.verified = run.is_verified(attempt)
    taken: list[str] = []
    while not isinstance(step := plan(seen := run.facts(attempt)), End):
        assert len(taken) < MOST_STEPS, taken
        if isinstance(step, Wait):
            taken.append(step.name)
            run.wait(attempt, step)
            continue
        taken.append(" + ".join(f"{flow.row}{' (over budget)' * flow.over_budget}" for flow in step))
        for flow in step:
            run.begin(attempt, seen, flow)
        for flow in list(attempt.under_way):
            operation, _, failure = (outcomes.get(flow.row) or "").partition(" ")
            run.end(attempt, flow, failure or None, operation == "connect", was_sent=True)
    return taken


RESET = "tls_handshake connection_reset"
FIRST = ["innocuous + own", "PAUSE", "confirmation"]
BOTH = {"own": RESET, "confirmation": RESET}
HTTPS = URLS[0]


def test_success_needs_nothing_more() -> None:
    assert steps(HTTPS, {}) == ["innocuous + own"]


def test_confirmed_success_needs_no_follow_up() -> None:
    assert steps(HTTPS, {"own": RESET}) == FIRST


def test_failed_connect_needs_no_follow_up() -> None:
    refused = "connect connection_refused"
    assert steps(HTTPS, {"own": refused, "confirmation": refused}) == FIRST


def test_name_that_fails_everywhere_is_followed_up_at_neutral_hosts_and_once_more_at_the_endpoint() -> None:
    hellos = {"neutral_browser": RESET, "neutral_other_size": RESET}
    neutral = {"name_at_neutral": RESET, "nonexistent_at_neutral": RESET}
    assert steps(HTTPS, BOTH | neutral | hellos) == [
        *FIRST,
        "name_at_neutral + nonexistent_name",
        "nonexistent_at_neutral + other_name",
        "own_name_at_neutral",
        "neutral_browser + neutral_other_size",
    ]


def test_names_at_the_endpoint_do_not_wait_for_those_at_neutral_hosts() -> None:
    run = Run(verified={ADDRESSES[0]})
    attempt = Attempt(HTTPS, ADDRESSES[0], literal=False, verified=True, waits={Wait.PAUSE})
    for rows in (("innocuous", "own"), ("confirmation",), ("name_at_neutral", "nonexistent_name")):
        planned = plan(facts := run.facts(attempt))
        assert isinstance(planned, tuple) and tuple(flow.row for flow in planned) == rows
        for flow in planned:
            run.begin(attempt, facts, flow)
        for flow in planned:
            if flow.row != "name_at_neutral":
                run.end(attempt, flow, f.RESET if flow.row in BOTH else None, at_connect=False, was_sent=True)
    planned = plan(run.facts(attempt))
    assert isinstance(planned, tuple) and [flow.row for flow in planned] == ["other_name"]


def test_hello_that_passes_at_neutral_host_is_sent_to_the_endpoint_and_the_own_hello_again() -> None:
    taken = steps(HTTPS, BOTH | {"name_at_neutral": RESET, "neutral_other_size": RESET})
    assert taken[-3:] == ["neutral_browser + neutral_other_size", "browser", "same_hello"]


def test_name_that_passes_at_neutral_host_costs_the_endpoint_one_more_hello() -> None:
    assert steps(HTTPS, BOTH | {"browser": RESET})[-2:] == ["other_name", "browser"]
    assert steps(HTTPS, BOTH | {"browser": RESET}, deep=True)[-3:] == ["browser", "other_size", "same_hello"]


def test_deep_run_repeats_the_browsers_hello_and_then_sends_an_innocuous_name() -> None:
    taken = steps(HTTPS, {"deep_browser": RESET, "deep_browser_again": RESET}, deep=True)
    assert taken == ["innocuous + own", "deep_browser", "deep_browser_again", "deep_innocuous"]


def test_page_in_clear_text_is_requested_from_a_neutral_host() -> None:
    assert steps("http://service.example:80/", {}) == ["innocuous + own", "name_at_neutral"]


def test_quic_looks_for_neutral_hosts_first() -> None:
    failed = "quic_handshake generic_timeout_error"
    taken = steps("quic://service.example:443/", {"own": failed, "confirmation": failed})
    assert taken[3:] == ["quic_neutral + nonexistent_name", "name_at_neutral + other_name"]


def test_unlisted_protocol_is_compared_with_random_bytes() -> None:
    silent = "mtproto_exchange generic_timeout_error"
    taken = steps("mtproto://service.example:443", {"own": silent, "confirmation": silent})
    assert taken == ["own", "PAUSE", "confirmation", "random_bytes"]


def test_silent_call_waits_for_the_helper_and_sends_the_echo_pair() -> None:
    silent = "stun_exchange generic_timeout_error"
    taken = steps("stun://service.example:3478", {"own": silent, "confirmation": silent})
    assert taken == ["own", "PAUSE", "confirmation", "CONTROL_BEFORE_ECHO", "random_echo", "own_echo"]


def test_unverified_address_waits_for_resolvers_and_the_helper_and_is_not_confirmed() -> None:
    taken = steps(HTTPS, BOTH, verified=set(), encrypted=False)
    assert taken == ["own", "RESOLVERS", "CONTROL_BEFORE_CONFIRMATION", "name_at_neutral"]


def test_attempt_that_proves_nothing_waits_for_the_helper_before_the_visit() -> None:
    assert steps("stun://service.example:3478", {}, verified=set()) == ["CONTROL_BEFORE_VISIT", "own"]


def test_address_whose_visit_was_in_vain_is_left_out() -> None:
    run = Run(visits={ADDRESSES[0]: "in_vain"})
    attempt = Attempt(HTTPS, ADDRESSES[0], literal=False, verified=False)
    for wait in (Wait.VISIT, Wait.CONTROL_AFTER_VISIT):
        assert plan(run.facts(attempt)) is wait
        run.wait(attempt, wait)
    assert plan(run.facts(attempt)) is FINISHED
    assert conclude(run.facts(attempt)).not_visited


def test_without_triggers_nothing_is_confirmed() -> None:
    spent = Counter({("service.example", ADDRESSES[0], "tcp"): 5})
    taken = steps(HTTPS, BOTH, spent=spent)
    assert taken[:3] == ["innocuous + own", "PAUSE", "confirmation (over budget)"]


# -- addresses ---------------------------------------------------------------------------------------------------------


def names(**facts: object) -> NameFacts:
    known = NameFacts(ADDRESSES[:1], ADDRESSES[1:], all_trusted=True, suspect=True)
    return replace(known, **facts)  # type: ignore[arg-type]


def test_alternatives_are_tried_after_resolvers_were_asked() -> None:
    assert plan_addresses(names()) == Addresses(ADDRESSES[:1])
    tried = names(tried=True)
    assert plan_addresses(tried) is Wait.SECOND_ANSWERS
    assert plan_addresses(replace(tried, waits=frozenset({Wait.SECOND_ANSWERS}))) is Wait.RESOLVERS
    asked = replace(tried, waits=frozenset({Wait.SECOND_ANSWERS, Wait.RESOLVERS}), suspect=False)
    assert plan_addresses(asked) == Addresses(ADDRESSES[1:], alternative=True)
    assert plan_addresses(replace(asked, alternatives_tried=True)) is FINISHED
    assert plan_addresses(replace(asked, reached=True)) is FINISHED
    assert plan_addresses(replace(asked, trusted_addresses=())) is Wait.CONTROL_BEFORE_ALTERNATIVES


def test_answer_that_nothing_contradicts_needs_no_alternatives() -> None:
    facts = names(tried=True, suspect=False, waits=frozenset({Wait.SECOND_ANSWERS}))
    assert plan_addresses(facts) is FINISHED


def test_answer_that_is_not_trusted_waits_for_a_second_one() -> None:
    assert plan_addresses(names(all_trusted=False)) is Wait.SECOND_ANSWERS_FIRST
    assert plan_addresses(names(all_trusted=False, as_control=True)) == Addresses(ADDRESSES[:1])


@pytest.mark.parametrize("facts", [{"followups": False}, {"followups": False, "as_control": True}])
def test_without_follow_ups_no_alternative_is_tried(facts: dict[str, bool]) -> None:
    assert plan_addresses(names(tried=True, **facts)) is FINISHED


# -- the table ---------------------------------------------------------------------------------------------------------


def test_policy_names_every_kind_but_the_alternative_address() -> None:
    kinds = {row.followup for group in POLICY for row in group.rows}
    assert kinds == set(FOLLOWUP_KINDS) - {"alternative_address"}


def test_policy_is_printed_with_one_row_each() -> None:
    rows = markdown_rows()
    assert len(rows) == 2 + sum(len(group.rows) for group in POLICY)
    assert len({row.count(" | ") for row in rows[2:]}) == 1

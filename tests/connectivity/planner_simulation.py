"""Simulate a run for the planner: several attempts share budget, visits and claims, and nothing is sent."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from probe.connectivity.attempt_facts import AttemptFacts, EchoFacts, NeutralAddress, Outcome, Wait
from probe.connectivity.followup_plan import End
from probe.connectivity.planner import plan
from probe.followups.hops.clear_text_page import ClearTextPage
from probe.followups.planned_flow import Claim, PlannedFlow
from probe.formats import failures as f
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
    "dtls://service.example:5684",
    "sip://service.example:5060",
    "dns+udp://service.example:53",
    "tcp://service.example:443",
)
ADDRESSES = ("192.0.2.1", "192.0.2.2")
NEUTRAL = (("192.0.2.101", "one.example"), ("192.0.2.102", "two.example"))
FAILURES = (None, f.RESET, f.RESET, f.TIMEOUT, f.TIMEOUT, f.SSL_INVALID_HOSTNAME, f.REFUSED, f.BUDGET)
OPERATIONS = {"tls": "tls_handshake", "quic": "quic_handshake", "http": "http_round_trip"}


TRANSFERS = ("own", "confirmation", "small_segments", "small_again", "transfer_again", "transfer_once_more")
TRANSFERS += ("pings_first", "pings_again")


def is_web(url: str) -> bool:
    """Return whether the endpoint answers HTTP."""
    return parse_endpoint(url).scheme in {"http", "https", "quic"}


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
    doubtful: frozenset[str] = frozenset()  # rows whose answer a middlebox may have sent
    pages: dict[str, ClearTextPage] = field(default_factory=dict)  # by row, of answers in the clear
    silent: frozenset[str] = frozenset()  # rows whose answer stops in the middle
    slow: frozenset[str] = frozenset()  # rows whose bytes still arrive at the time limit
    slow_beside: int = 0
    may_be_limited: bool = False
    spares_turns: bool = False
    crowded: bool = False  # every hello has three or more others beside it
    at_limit: bool = False  # servers receive hellos that get no answer, beside others of the run
    network_answers: bool = False  # some hellos beside three or more others are answered
    network_lost: bool = False  # and checks of the network get no handshake any more
    home: bool = False  # a host in the country is verified
    elsewhere: bool = False  # neutral hosts answer other hellos while the name fails there
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
            NeutralAddress(ip, host, 443, triggers_left=self.left(endpoint.host, ip, endpoint.carrier))
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
            home=(NeutralAddress("192.0.2.111", "home.example", 443),) if self.home else (),
            name_at_neutral=tuple((ip, operation) for url, ip, operation in self.at_neutral if url == attempt.url),
            network_answers=self.network_answers,
            network_lost=self.network_lost,
            slow_beside=self.slow_beside,
            may_be_limited=self.may_be_limited,
            spares_turns=self.spares_turns,
            fails_elsewhere=self.elsewhere
            and any(url == attempt.url and operation == "tls_handshake" for url, _, operation in self.at_neutral),
            echo=EchoFacts(HELPER, 3478, 4, self.pairs_left, self.left(endpoint.host, HELPER, "udp")),
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
            doubtful=failure is None and flow.row in self.doubtful and parse_endpoint(attempt.url).scheme == "sip",
            page=self.pages.get(flow.row) if failure is None else None,
            fell_silent=failure in {None, f.TIMEOUT} and flow.row in self.silent and is_web(attempt.url),
            too_slow=failure in {None, f.TIMEOUT} and flow.row in self.slow,
            crowded=self.crowded and operation == "tls_handshake",
            at_limit=self.at_limit and failure is not None and operation == "tls_handshake",
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
        doubtful=draw(st.frozensets(st.sampled_from(("own", "confirmation")))),
        silent=draw(st.frozensets(st.sampled_from(TRANSFERS))),
        slow=draw(st.frozensets(st.sampled_from(("own", "confirmation")))),
        slow_beside=draw(st.integers(0, 3)),
        may_be_limited=draw(st.booleans()),
        spares_turns=draw(st.booleans()),
        crowded=draw(st.booleans()),
        at_limit=draw(st.booleans()),
        elsewhere=draw(st.booleans()),
        network_lost=draw(st.booleans()),
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
        run.network_answers |= chance.random() < 0.1
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

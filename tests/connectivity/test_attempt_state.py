"""Test what an attempt reads from its records about hellos that our own other connections may have made fail."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from probe.connectivity.attempt_state import AttemptState, MeasurementState
from probe.connectivity.cool_down import CoolDown
from probe.followups.planned_flow import PlannedFlow
from probe.formats.exchanges.tls import ParallelHellos, TLSHandshake
from probe.formats.failures import EOF, REFUSED, RESET, TIMEOUT
from probe.formats.followups import FollowUp
from probe.formats.transactions import Kind, StreamEnd
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.session.pacing import Pace
from probe.session.parallel_hellos import HelloCounts
from probe.session.trace import Trace, TransactionFacts
from probe.steps.tls.client_hello import OWN
from probe.targets.target import parse_endpoint
from tests.support.faults.attempts import a_session
from tests.support.measurements.lines import GENUINE

NEAR = GENUINE.rpartition(".")[0]
NEIGHBOUR = f"{NEAR}.250"
URL, NEUTRAL, BESIDE_NEUTRAL = "https://service.example:443/", "192.0.2.1", "192.0.2.9"
KINDS: tuple[Kind, ...] = ("first", "confirm")
BESIDE = {"open": 0, "elsewhere": 0, "crowded": 0, "crowded_answered": 0}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Attempt:
    """Hold one attempt and add what became of its flows."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.trace = Trace(clock=self.clock)
        session = a_session(Pace())
        session.pace.hellos = HelloCounts(self.clock)
        self.hellos = session.pace.hellos
        self.measurement = MeasurementState(self.trace, session, AddressTrust(session))
        self.state = AttemptState(AddressAttempt("web", parse_endpoint(URL), GENUINE, None), self.measurement)

    async def sent(self, row: str, failure: str | None, address: str = GENUINE, **parts: Any) -> None:
        """Add a handshake. `parallel` and `stream` are what its record says."""
        followup: FollowUp = "same_name_neutral_host" if row == "name_at_neutral" else ""
        facts = TransactionFacts("followup", followup, service="web", endpoint=URL, address=address, family=4)
        async with self.trace.transaction(facts) as tx:
            entry = TLSHandshake(address=f"{address}:443", failure=failure, t0=self.trace.elapsed())
            entry.x_parallel, tx.record.stream = parts.get("parallel"), parts.get("stream")
            tx.keep(entry)
        tx.record.failure, tx.record.failed_operation = failure, "tls_handshake" if failure else None
        self.state.add(PlannedFlow(row, "followup", address, 443, "service.example"), tx.record)

    async def tried(self, row: str, kind: Kind, failure: str | None, seconds: float = 0.1) -> None:
        """Add a connection that ends after these seconds."""
        facts = TransactionFacts(kind, service="web", endpoint=URL, address=GENUINE, family=4)
        async with self.trace.transaction(facts) as tx:
            tx.record.steps = ["connect"] if failure else ["connect", "tls_handshake"]
            self.clock.now += seconds
        tx.record.failure, tx.record.failed_operation = failure, "tls_handshake" if failure else None
        self.state.add(PlannedFlow(row, kind, GENUINE, 443, "service.example"), tx.record)

    async def answered(self, address: str, name: str = "", *, answered: bool = True) -> None:
        async with self.hellos.open(address, OWN.engine, name) as hello:
            hello.ended(answered=answered)


@pytest.mark.parametrize(
    ("seconds", "answers", "fails_elsewhere"),
    [(2.0, BESIDE_NEUTRAL, True), (0.01, NEUTRAL, False), (60.0, NEUTRAL, False), (2.0, GENUINE, False)],
    ids=["others are answered soon", "at the same time", "a policer has forgotten", "in another network"],
)
async def test_name_fails_elsewhere_if_others_are_answered_there_soon_after(
    seconds: float, answers: str, fails_elsewhere: bool
) -> None:
    attempt = Attempt()
    await attempt.answered(NEUTRAL)
    attempt.clock.now += 1.0
    await attempt.sent("name_at_neutral", RESET, NEUTRAL)
    attempt.clock.now += seconds
    await attempt.answered(answers)
    assert attempt.state.facts().fails_elsewhere is fails_elsewhere


@pytest.mark.parametrize(
    ("failure", "in_run", "stream", "at_limit"),
    [
        (TIMEOUT, 3, StreamEnd(bytes_sent=517, bytes_acked=518), True),
        (TIMEOUT, 3, StreamEnd(bytes_sent=517, bytes_acked=None), True),
        (EOF, 3, StreamEnd(bytes_sent=517, bytes_acked=518), False),
        (TIMEOUT, 3, StreamEnd(bytes_sent=517, bytes_acked=1), False),
        (TIMEOUT, 2, StreamEnd(bytes_sent=517, bytes_acked=518), False),
        (RESET, 3, StreamEnd(bytes_sent=517, bytes_acked=518), False),
        (None, 3, StreamEnd(bytes_sent=517, bytes_acked=518), False),
    ],
)
async def test_server_may_be_at_a_limit_if_it_received_the_hello_beside_others_of_the_run(
    failure: str | None, in_run: int, stream: StreamEnd, at_limit: bool
) -> None:
    attempt = Attempt()
    parallel = ParallelHellos(**BESIDE, most=0, most_in_run=in_run)
    await attempt.sent("own", failure, parallel=parallel, stream=stream)
    assert attempt.state.outcomes[0].at_limit is at_limit


@pytest.mark.parametrize(
    ("innocuous", "later", "network_answers"), [(RESET, 1, False), (RESET, 0, True), (None, 1, True)]
)
async def test_address_is_at_fault_if_any_name_fails_there_while_others_are_answered(
    innocuous: str | None, later: int, network_answers: bool
) -> None:
    attempt = Attempt()
    async with AsyncExitStack() as stack:
        for other in range(1, 6):
            beside = attempt.hellos.open(f"{GENUINE.rpartition('.')[0]}.{other}", OWN.engine)
            (await stack.enter_async_context(beside)).ended(answered=True)
    attempt.clock.now += 1.0
    await attempt.sent("innocuous", innocuous)
    await attempt.sent("own", RESET, parallel=ParallelHellos(**BESIDE, most=5))
    await attempt.answered(GENUINE, "service.example", answered=False)
    attempt.clock.now += 1.0
    if later:
        await attempt.answered(NEIGHBOUR)
    assert attempt.state.facts().network_answers is network_answers


def cooling_down(attempt: Attempt, answers: set[str]) -> tuple[CoolDown, list[str]]:
    """Return what waits, and the names that it sends. `answers` are those that are answered again."""
    sent = list[str]()

    async def send_own(at: AddressAttempt, cause: int) -> None:
        sent.append(at.endpoint.host)
        await attempt.answered(at.ip, at.endpoint.host, answered=at.endpoint.host in answers)

    async def send_innocuous(state: AttemptState) -> None:
        sent.append("innocuous")

    made = CoolDown(attempt.measurement.session, send_own, send_innocuous)
    for name in ("first.example", "second.example"):
        at = AddressAttempt("web", parse_endpoint(f"https://{name}:443/"), NEIGHBOUR, None)
        made.note_answered(at, 1)
    return made, sent


@pytest.mark.parametrize(
    ("names", "answers", "sent", "waits"),
    [
        (["first.example", "second.example"], {"first.example", "second.example"}, 2, False),
        (["first.example", "second.example"], set(), 1, True),
        (["first.example", "unknown.example"], {"first.example"}, None, True),
        ([], set(), 0, False),
    ],
    ids=["all are answered again", "one is not", "another measurement sent one", "none was answered"],
)
async def test_repetition_waits_unless_all_names_of_the_network_are_answered_again(
    names: list[str], answers: set[str], sent: int | None, waits: bool
) -> None:
    attempt = Attempt()
    async with AsyncExitStack() as stack:
        for other in range(1, 6):
            hello = await stack.enter_async_context(attempt.hellos.open(f"{NEAR}.{other}", OWN.engine, "first.example"))
            hello.ended(answered="first.example" in names)
    for name in names:
        await attempt.answered(NEIGHBOUR, name)
    attempt.clock.now += 1.0
    crowded = ParallelHellos(**BESIDE, most=5)
    for row in ("own", "confirmation"):
        await attempt.sent(row, RESET, parallel=crowded)
        await attempt.answered(GENUINE, "service.example", answered=False)
    attempt.clock.now += 1.0
    cool_down, names_sent = cooling_down(attempt, answers)
    for _ in range(2):
        assert await cool_down._are_answered_again(attempt.state) is not waits
    assert sent is None or len(names_sent) == sent, "no name is sent twice"


@pytest.mark.parametrize(
    ("failures", "may_be_limited"),
    [
        ((RESET, RESET), True),
        ((REFUSED, EOF), True),
        ((TIMEOUT, TIMEOUT), False),
        ((RESET, TIMEOUT), False),
        ((RESET, None), False),
        ((RESET,), False),
    ],
    ids=str,
)
async def test_limit_may_explain_two_attempts_that_were_cut_off(
    failures: tuple[str | None, ...], may_be_limited: bool
) -> None:
    attempt = Attempt()
    await attempt.tried("innocuous", "innocuous", None)
    for row, kind, failure in zip(("own", "confirmation"), KINDS, failures, strict=False):
        await attempt.tried(row, kind, failure)
    assert attempt.state.facts().may_be_limited is may_be_limited

"""Carry out what the planner decides for one endpoint at one address, and report the outcomes to it as facts."""

import asyncio
import random
from collections.abc import Coroutine
from functools import partial
from typing import Any

from probe.connectivity.attempt_facts import CONTROL_WAITS, Wait
from probe.connectivity.attempt_state import AttemptState, MeasurementState
from probe.connectivity.ban_checks import BanChecks
from probe.connectivity.connection_limits import gained_alone, may_be_at_limit
from probe.connectivity.cool_down import CoolDown, Rests
from probe.connectivity.followup_plan import End
from probe.connectivity.planner import conclude, plan
from probe.connectivity.policy.followup_conditions import NO_CONNECT
from probe.connectivity.policy.repetitions import (
    AFTER_BURST,
    AGAIN,
    BESIDE_CONTROL,
    CONFIRMATION,
    OWN_ROWS,
    PLANNED,
    REPETITIONS,
    AttemptRepetition,
)
from probe.connectivity.port_checks import check_port
from probe.connectivity.priorities import confirmation_priority
from probe.dialogue import (
    Method,
    RequestOptions,
    always_get,
    has_exchangeable_name,
    proves,
    run_dialogue,
)
from probe.followups.flow import FlowFacts, FlowRunner, Trigger
from probe.followups.flow_context import FollowUpContext
from probe.followups.hops.hop_search import HopSearch
from probe.followups.neutral_quic import find_neutral_hosts
from probe.followups.other_name import send_name
from probe.followups.other_resolvers import OtherResolvers
from probe.followups.planned_flow import PlannedFlow
from probe.followups.registry import carry_out
from probe.formats.transactions import TransactionRecord
from probe.resolution.address_trust import AddressAttempt
from probe.resolution.lookup import Names
from probe.session.innocuous_flows import InnocuousFlows
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.client_hello import OWN
from probe.targets.target import family_of

CONTROL_SECONDS = 30.0  # the helper answers within that
QUIET_SECONDS = 15.0  # at most, until no other flow of a measurement is under way
PAUSE_SECONDS = (0.2, 0.8)  # before a confirmation, so that one short outage of the access line does not fail both


class AttemptRunner:
    """Run the attempts of one measurement. `target` and the like are set for the one that is tried."""

    def __init__(self, measurement: MeasurementState, names: Names, roots: Roots) -> None:
        self._measurement, self._names = measurement, names
        self._session, self._trust = measurement.session, measurement.trust
        self._runner = FlowRunner(measurement.trace, measurement.session)
        self._public_roots = self.roots = roots
        self.method: Method = always_get
        self.options: RequestOptions | None = None
        self.target = ""
        self.resolvers = OtherResolvers(self._runner, roots)
        self.hop_search = HopSearch(self._runner)
        self._innocuous = InnocuousFlows(measurement.session.pace)
        self._rests = Rests()
        self._bans = BanChecks(self._session, measurement.trace, partial(self.repeat, repetition=AGAIN))
        self._cool_down = CoolDown(self._session, partial(self.repeat, repetition=AGAIN), self._send_innocuous_again)

    async def run(self, at: AddressAttempt) -> bool:
        """Try one address until the planner has finished. Return whether the genuine service was reached."""
        state = AttemptState(at, self._measurement)
        try:
            while not isinstance(step := plan(state.facts()), End):
                if isinstance(step, Wait):
                    await self._wait(step, state)
                    state.waited(step)
                    continue
                for flow in step:
                    self._begin(flow, state)
                if not any(flow.row == CONFIRMATION.row for flow in step):  # something may be due beside it
                    await state.next_outcome()
        finally:
            await state.abandon()
        if NO_CONNECT.holds(state.facts()):
            await check_port(self._session, at.endpoint.port)
        return self._conclude(state)

    async def repeat(self, at: AddressAttempt, cause: int, repetition: AttemptRepetition = BESIDE_CONTROL) -> None:
        """Try one address once more, as a confirmation of the transaction `cause` and within its budget (P7)."""
        state = AttemptState(at, self._measurement)
        name = at.endpoint.host if state.facts().shows_name else ""
        await self._send_own(PlannedFlow(repetition.row, "confirm", *at.place, name, cause=cause, cost=1), state)

    def _conclude(self, state: AttemptState) -> bool:
        at, own = state.at, state.records.get("own")
        if own is not None and own.failure is None:
            state.verify()
            self._bans.note_answered(at, own.transaction_id)
            if "tls_handshake" in own.steps:
                self._cool_down.note_answered(at, own.transaction_id)
        if own is not None:
            self.hop_search.cases.note_attempt(own, at.endpoint)
        conclusion = conclude(state.facts())
        if conclusion.contradicted and at.name is not None and own is not None:
            at.name.suspect(own.transaction_id)
        if conclusion.not_visited:
            self._note_not_visited(at)
        if conclusion.worth_a_search and own is not None:
            self.hop_search.cases.note(own, state.records["confirmation"], at.endpoint)
        return conclusion.reached

    def _note_not_visited(self, at: AddressAttempt) -> None:
        if at.name is not None:
            at.name.suspect(at.name.lookups.get("system"))
        if (failure := self._session.visited_in_vain.get(at.ip)) is not None:
            self._measurement.trace.not_visiting(at.endpoint.url, failure)

    # -- waits ---------------------------------------------------------------------------------------------------

    async def _wait(self, wait: Wait, state: AttemptState) -> None:
        at = state.at
        if wait in CONTROL_WAITS:
            await self.control_or_stop()
        elif wait is Wait.PAUSE:
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        elif wait is Wait.COOL_DOWN:
            await self._cool_down.wait(state)
        elif wait is Wait.REST:
            await self._rests.wait(state, self._session.stopping)
        elif wait is Wait.BAN:
            await self._bans.rest(state.records["confirmation"])
        elif wait is Wait.VISIT and (visit := self._trust.visit(at.ip)) is not None:
            await asyncio.shield(visit)
        elif wait is Wait.RESOLVERS and at.name is not None:
            cause = state.records["own"].transaction_id
            at.name.suspect(cause)
            await self.resolvers.ask(at.name, cause)

    async def _send_innocuous_again(self, state: AttemptState) -> None:
        facts = state.facts()
        flow = PlannedFlow("innocuous_again", "innocuous", *facts.place, facts.innocuous_name)
        await send_name(self._context(state), flow)

    async def control_or_stop(self) -> None:
        """Wait for the helper's answer, at most `CONTROL_SECONDS` and until the run is stopping."""
        self._names.want_control()
        await self._or_stop(self._names.control_answered.wait(), CONTROL_SECONDS)

    async def _or_stop(self, awaited: Coroutine[Any, Any, object], seconds: float | None = None) -> None:
        """Wait for something, at most `seconds` and until the run is stopping."""
        waiting = [asyncio.create_task(awaited), asyncio.create_task(self._session.stopping.wait())]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    # -- flows ---------------------------------------------------------------------------------------------------

    def _begin(self, flow: PlannedFlow, state: AttemptState) -> None:
        """Begin a flow that was planned. No other task runs between the plan and this call, so the plan still holds."""
        state.claim(flow)
        if flow.over_budget:
            state.add(flow, None)
            return
        if flow.followup == "other_payload_echo" and (offer := self._measurement.echo_offer) is not None:
            offer.pairs_left -= 1
        if flow.is_visit:
            self._trust.begin_visit(state.at.ip)
        task = asyncio.create_task(self._visit(flow, state) if flow.is_visit else self._carry_out(flow, state))
        state.begin(flow, task)
        if flow.is_visit:  # also if the task is cancelled before its first step
            task.add_done_callback(lambda _: self._trust.end_visit(state.at.ip, verified=False))
        if flow.kind == "innocuous":
            self._innocuous.add(state.at.place, task)

    async def _visit(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        """Carry out the one visit to an unverified address (P7), and tell the other attempts its outcome."""
        record: TransactionRecord | None = None
        try:
            record = await self._carry_out(flow, state)
        finally:
            verified = record is not None and proves(record)
            if record is not None and record.failure is not None and not (verified or self._session.as_control):
                self._session.visited_in_vain[state.at.ip] = record.failure
            self._trust.end_visit(state.at.ip, verified=verified)
        return record

    async def _carry_out(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        if not flow.in_turn:
            return await self._counted(flow, state)
        turns = self._session.turns
        async with turns.turn():
            if turns.are_useful:
                await self._or_stop(self._measurement.open_flows.none.wait(), QUIET_SECONDS)
            record = await self._counted(flow, state)
            turns.ended(gained=record is not None and gained_alone(record, state.records["own"]))
        return record

    async def _counted(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        with self._measurement.open_flows.one():
            return await self._send(flow, state)

    async def _send(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        if flow.row in OWN_ROWS:
            repetition = REPETITIONS.get(flow.row)
            send_own = self._send_alone if repetition is not None and repetition.alone else self._send_own
            return await send_own(flow, state)
        context = self._context(state)
        if flow.kind == "innocuous":
            return await send_name(context, flow)
        if flow.row == "quic_neutral":
            state.quic_neutral = await find_neutral_hosts(context, flow)
            return None
        return await carry_out(context, flow)

    async def _send_alone(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        """Repeat the attempt alone. If it is answered, open fewer connections from now on.

        Otherwise the follow-ups wait until all others are repeated, since they send hellos to the same network.
        """
        hellos, place, in_run = self._session.pace.hellos, (state.at.ip, OWN.engine), may_be_at_limit(state.facts())
        async with hellos.alone(*place, in_run=in_run):
            record = await self._send_own(flow, state)
            answered = record is not None and "tls_handshake" in record.steps
            hellos.limit(*place) if answered else hellos.failed_alone(*place, in_run=in_run)
        if not answered:
            await self._or_stop(hellos.all_repeated(*place, in_run=in_run))
        return record

    def _context(self, state: AttemptState) -> FollowUpContext:
        at, own = state.at, state.records.get("own")
        return FollowUpContext(
            runner=self._runner,
            roots=self.roots,
            public_roots=self._public_roots,
            service=at.service,
            endpoint=at.endpoint,
            family=family_of(at.ip),
            address_sources=tuple(own.address_sources if own else self._trust.sources(at)),
            corroborated=own.corroborated if own else self._trust.is_corroborated(at),
            echo_offer=self._measurement.echo_offer,
            priority=at.priority,
            method=self.method,
            options=self.options,
            target=self.target,
        )

    async def _send_own(self, flow: PlannedFlow, state: AttemptState) -> TransactionRecord | None:
        """Run the endpoint's dialogue with its own name or payload."""
        at, endpoint, repetition = state.at, state.at.endpoint, REPETITIONS.get(flow.row)

        async def steps(tx: Transaction) -> None:
            tx.record.address_sources, tx.record.corroborated = self._trust.sources(at), self._trust.is_corroborated(at)
            await run_dialogue(
                tx,
                self._session,
                self.roots,
                endpoint,
                at.ip,
                self.method,
                confirm=repetition is not None and repetition.longer_deadlines,
                turn=partial(self._innocuous.ended, at.place, endpoint.carrier),
                options=self.options,
            )

        facts = FlowFacts(
            _own_transaction(flow, at),
            Trigger(endpoint.host, at.ip, endpoint.carrier, endpoint.port) if repetition else None,
            confirmation_priority(at.priority) if repetition else at.priority,
            residual="never" if has_exchangeable_name(endpoint) else "other_ports",
            again=not flow.is_visit,
        )
        record = await self._runner.carry_out(facts, steps)
        if record is not None and record.failure is not None:
            self._names.want_control()
        if flow.row == AFTER_BURST.row:
            self._bans.ended(record)
            self._measurement.ban_goes_on = self._bans.goes_on
        if record is not None and record.failure is not None and repetition in PLANNED:
            await self._bans.ask_again(at, record)
        return record


def _own_transaction(flow: PlannedFlow, at: AddressAttempt) -> TransactionFacts:
    """Return the facts of a transaction with the endpoint's own name or payload."""
    return TransactionFacts(
        flow.kind,
        followup=flow.followup,
        cause=flow.cause,
        service=at.service,
        endpoint=at.endpoint.url,
        address=at.ip,
        port=at.endpoint.port,
        family=family_of(at.ip),
        sent_name=flow.sent_name,
    )

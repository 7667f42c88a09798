"""Carry out one flow: wait for a slot, check that it may begin, open the transaction, count the trigger.

A flow is not begun when the run is stopping, or when no trigger is left for it (P7).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from probe.formats.transactions import TransactionRecord
from probe.session.flow_slots import Priority
from probe.session.session import Session
from probe.session.trace import Trace, Transaction, TransactionFacts

QUESTIONS = frozenset({"resolver_udp", "resolver_assigned", "dark_resolver"})  # about a name with a suspect answer
ResidualMark = Literal["never", "at_start", "until_failure", "other_ports"]
"""When a flow is marked `in_residual` (P8).

`at_start`: an earlier trigger to the same address and port is recent when the flow begins. `until_failure`: the same,
and a flow that fails is checked again, triggers to other ports included. `other_ports`: only a flow that fails is
checked, and only triggers to other ports count.
"""


@dataclass(frozen=True)
class Trigger:
    """Hold what one trigger is counted for. `name` is the target's host name, sent or not."""

    name: str
    address: str
    transport: str
    port: int


@dataclass(frozen=True)
class FlowFacts:
    """Hold what is known of a flow before it begins.

    `trigger` is the trigger that the flow must have left in the budget, None for a flow that needs none.
    """

    transaction: TransactionFacts
    trigger: Trigger | None = None
    priority: Priority = Priority.LATER
    residual: ResidualMark = "never"
    again: bool = False
    """True: if a step of the flow overslept, the flow is tried again once.

    False where a limit allows one connection (P7).
    """


def always() -> bool:
    return True


class FlowRunner:
    """Carry out the flows of one measurement."""

    def __init__(self, trace: Trace, session: Session) -> None:
        self.trace, self.session = trace, session
        self.bursts_left = 2  # of SYNs with TTL 1, which take three seconds each (followups/near_reactions.py)

    async def carry_out(
        self,
        flow: FlowFacts,
        steps: Callable[[Transaction], Awaitable[None]],
        *,
        still_useful: Callable[[], bool] = always,
    ) -> TransactionRecord | None:
        """Run `steps` in a transaction of their own. Return its record, None if the flow was not begun.

        `still_useful` is asked once the flow has a slot. A flow is tried again once if this computer was so busy that a
        step overslept, because its failure then says nothing about the network.
        """
        tx = await self._once(flow, steps, still_useful)
        if tx is not None and tx.overslept and flow.again:
            second = await self._once(flow, steps, still_useful)
            if second is not None:
                self.trace.tried_again.add(tx.record.transaction_id)
                return second.record
        return None if tx is None else tx.record

    async def _once(
        self,
        flow: FlowFacts,
        steps: Callable[[Transaction], Awaitable[None]],
        still_useful: Callable[[], bool],
    ) -> Transaction | None:
        pace, facts = self.session.pace, flow.transaction
        async with pace.slot(flow.priority):
            if self.session.stopping.is_set() or not self._in_budget(flow.trigger) or not still_useful():
                return None
            at_start = flow.residual in {"at_start", "until_failure"}
            marked = at_start and pace.in_residual(facts.address, facts.port)
            self._check_network_beside(facts)
            async with self.trace.transaction(replace(facts, in_residual=marked)) as tx:
                await steps(tx)
            if tx.record.failure is not None:
                self._mark_failed(tx.record, flow.residual)
            self.session.note_flow(self.trace, tx.record)
        return tx

    def _check_network_beside(self, facts: TransactionFacts) -> None:
        """Begin a check of the network if a failure of the flow accuses only in a network that works then."""
        watch, neutral = self.session.watch, {ip for ip, _ in self.session.neutral_addresses}
        if watch is None:
            return
        if facts.kind == "followup" and facts.address in neutral:
            watch.beside(facts.address)
        elif facts.kind == "confirm" or facts.followup in QUESTIONS:
            watch.beside()

    def count(self, tx: Transaction, trigger: Trigger) -> None:
        """Count the trigger that is about to be sent. Raises LocalFailure if the budget is spent."""
        self.session.pace.spend_trigger(trigger.name, trigger.address, trigger.transport, trigger.port)
        tx.record.trigger = True

    def _in_budget(self, trigger: Trigger | None) -> bool:
        return trigger is None or self.session.pace.can_trigger(trigger.name, trigger.address, trigger.transport)

    def _mark_failed(self, record: TransactionRecord, residual: ResidualMark) -> None:
        pace, place = self.session.pace, (record.address, record.port)
        if residual == "until_failure":
            record.in_residual = record.in_residual or pace.in_residual(*place) or pace.in_address_residual(*place)
        elif residual == "other_ports":
            record.in_residual = pace.in_address_residual(*place)

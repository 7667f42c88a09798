"""Try the endpoints of a target: each at the addresses of its name, as the planner decides."""

import asyncio
import ipaddress
import random
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from probe.connectivity.attempt import AttemptRunner
from probe.connectivity.attempt_facts import NameFacts, Wait
from probe.connectivity.attempt_state import MeasurementState
from probe.connectivity.followup_plan import End
from probe.connectivity.planner import Addresses, plan_addresses
from probe.connectivity.priorities import Place, address_priority, endpoint_priorities
from probe.connectivity.stale_control import StaleFailure
from probe.dialogue import DIALOGUE_BY_DIALECT, Method, RequestOptions, always_get, can_prove
from probe.followups.helper_offer import EchoOffer
from probe.formats.transactions import Kind
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.resolution.lookup import TRUSTED, Name, Names
from probe.session.flow_slots import Priority
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.steps.tls.certificate_checks import Roots
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import Endpoint, Service, Target, family_of

ALTERNATIVES = 2  # other addresses per family that are tried
SECOND_ANSWER_SECONDS = 1.0  # at most, for a second answer before the first address is tried


class RepeatedAttempt(NamedTuple):
    """Hold an attempt that is made once more. `cause` is the transaction that failed last."""

    at: AddressAttempt
    cause: int


@dataclass
class NameState:
    """Hold what was tried for one endpoint with a name."""

    tried: list[str] = field(default_factory=list)
    rounds: int = 0
    """1 after the first addresses, 2 after the alternatives."""
    reached: bool = False
    waits: set[Wait] = field(default_factory=set)


class Reach:
    """Try the endpoints of one measurement. Nothing begins once `session.stopping` is set. A bug costs its own flow."""

    def __init__(self, trace: Trace, session: Session, names: Names, roots: Roots) -> None:
        self.trace, self.session, self.names = trace, session, names
        self._measurement = MeasurementState(trace, session, AddressTrust(session))
        self._attempts = AttemptRunner(self._measurement, names, roots)
        self._hosts: set[str] = set()
        self._one_address = False
        self._priorities: dict[Place, Priority] = {}

    def compare_hellos(self) -> None:
        """Send a browser's hellos with Encrypted ClientHello after a success, also in a standard run."""
        self._measurement.compares_hellos = True

    async def services(
        self,
        target: Target,
        roles: Collection[str],
        method: Method = always_get,
        *,
        one_address: bool = False,
        options: RequestOptions | None = None,
    ) -> None:
        """Try the endpoints of the given roles side by side, by priority and else in random order.

        With `one_address` each is tried at its lowest address only (IPv4 before IPv6), the same at all vantage points.
        """
        self._one_address = one_address
        self._attempts.target, self._attempts.method, self._attempts.options = target.name, method, options
        self._attempts.roots = self._attempts.roots.trusting(target.roots)
        endpoints = [pair for pair in target.endpoints() if pair[0].role in roles]
        endpoints = [pair for pair in endpoints if pair[1].dialect in DIALOGUE_BY_DIALECT]
        self._hosts |= {endpoint.host for _, endpoint in endpoints}
        random.shuffle(endpoints)
        endpoints.sort(key=lambda pair: (not can_prove(pair[1]), pair[1].carrier))  # first those that verify addresses
        self._priorities |= endpoint_priorities(endpoints)
        endpoints.sort(key=lambda pair: self._priorities[pair[0].role, pair[1].url])
        try:
            async with asyncio.TaskGroup() as tasks:
                for service, endpoint in endpoints:
                    tasks.create_task(self._guarded(service.role, endpoint, self._endpoint(service, endpoint)))
        finally:
            await self._attempts.resolvers.finish()

    async def repetitions(self, target: Target, planned: Iterable[StaleFailure]) -> list[RepeatedAttempt]:
        """Return the attempts at verified addresses. Another one may be forged and has had its connection (P7)."""
        endpoints = {endpoint.url: endpoint for _, endpoint in target.endpoints()}
        found = []
        for each in planned:
            if (endpoint := endpoints.get(each.endpoint)) is not None:
                name = None if endpoint.is_literal else await self.names.of(endpoint.host)
                found.append(RepeatedAttempt(AddressAttempt(each.service, endpoint, each.address, name), each.cause))
        return [each for each in found if self._measurement.trust.is_verified(each.at)]

    async def try_again(self, planned: Iterable[RepeatedAttempt]) -> None:
        """Try endpoints once more, each at one address, side by side."""
        async with asyncio.TaskGroup() as tasks:
            for at, cause in planned:
                tasks.create_task(self._guarded(at.service, at.endpoint, self._attempts.repeat(at, cause)))

    async def search_hops(self) -> None:
        """Find the hops that act on names or payloads, after everything else: the search causes residual censorship."""
        if self._measurement.followups:
            await self._attempts.hop_search.find(self._hosts)

    def take_echo_offer(self, offer: EchoOffer) -> None:
        """Keep what the helper's echo offers."""
        self._measurement.echo_offer = offer

    async def _guarded(self, role: str, endpoint: Endpoint, flow: Coroutine[Any, Any, None]) -> None:
        """Let a bug outside of any transaction cost only this endpoint.

        The bug is recorded in a transaction of its own (P2).
        """
        try:
            await flow
        except Exception as bug:
            async with self.trace.transaction(TransactionFacts("first", service=role, endpoint=endpoint.url)):
                raise bug

    async def _endpoint(self, service: Service, endpoint: Endpoint) -> None:
        if endpoint.is_literal:
            if self.session.family_works(family_of(endpoint.host)):
                priority = self._priority(service, endpoint)
                await self._attempts.run(AddressAttempt(service.role, endpoint, endpoint.host, None, priority=priority))
            return
        name = await self.names.of(endpoint.host, self._priority(service, endpoint))
        tried = NameState()
        while not isinstance(step := plan_addresses(self._facts(name, tried)), End):
            if isinstance(step, Wait):
                await self._wait(step, name)
                tried.waits.add(step)
            else:
                await self._try(service, endpoint, name, step, tried)

    async def _try(self, service: Service, endpoint: Endpoint, name: Name, step: Addresses, state: NameState) -> None:
        kind: Kind = "followup" if step.alternative else "first"
        first = self._priority(service, endpoint)
        attempts = [
            AddressAttempt(service.role, endpoint, ip, name, kind, address_priority(first, len(state.tried) + number))
            for number, ip in enumerate(step.addresses)
        ]
        reached = await asyncio.gather(*map(self._attempts.run, attempts))
        state.rounds += 1
        state.tried += step.addresses
        state.reached |= any(reached)

    def _priority(self, service: Service, endpoint: Endpoint) -> Priority:
        return self._priorities[service.role, endpoint.url]

    async def _wait(self, wait: Wait, name: Name) -> None:
        if wait is Wait.SECOND_ANSWERS_FIRST:
            await self.trace.settled(patience=SECOND_ANSWER_SECONDS)
        elif wait is Wait.SECOND_ANSWERS:
            await self.trace.settled()
        elif wait is Wait.RESOLVERS:
            await self._attempts.resolvers.ask(name, name.suspect_cause())
        else:
            await self._attempts.control_or_stop()

    def _facts(self, name: Name, state: NameState) -> NameFacts:
        return NameFacts(
            first_addresses=tuple(self._first_addresses(name)),
            trusted_addresses=tuple(self._alternatives(name, state.tried)),
            all_trusted=set(name.given_by({"system"})) <= set(name.given_by(TRUSTED)),
            suspect=name.is_suspect(),
            as_control=self.session.as_control,
            followups=self._measurement.followups,
            tried=state.rounds > 0,
            reached=state.reached,
            alternatives_tried=state.rounds > 1,
            waits=frozenset(state.waits),
        )

    # -- which addresses -----------------------------------------------------------------------------------------

    def _first_addresses(self, name: Name) -> list[str]:
        """Return the addresses that are tried first.

        A helper takes one address of each source: the probe's address may be forged.
        """
        if not self._one_address:
            return self._usable(name.given_by({"system", "probe"}))
        lowest = (sorted(self._usable(name.given_by({source})), key=self._rank)[:1] for source in ("system", "probe"))
        return list(dict.fromkeys(ip for found in lowest for ip in found))

    def _alternatives(self, name: Name, tried: Collection[str]) -> list[str]:
        trusted = [ip for ip in self._usable(name.given_by(TRUSTED)) if ip not in tried]
        by_family = [[ip for ip in trusted if family_of(ip) == family][:ALTERNATIVES] for family in (4, 6)]
        found = by_family[0] + by_family[1]
        return found[:1] if self._one_address else found

    def _usable(self, addresses: list[str]) -> list[str]:
        """Leave out what our probe may not contact for a server that redirects. A helper's sockets refuse by name."""
        working = [ip for ip in addresses if self.session.family_works(family_of(ip))]
        options = self._attempts.options
        if self.session.public_only or options is None or not options.public_only:
            return working
        return [ip for ip in working if may_contact(ip, Contacts.REDIRECTS)]

    def _rank(self, ip: str) -> tuple[bool, int, int]:
        """Return the position of an address in the order of choice. Refused addresses come last."""
        address = ipaddress.ip_address(ip)
        return not may_contact(ip, self.session.pace.contacts), address.version, int(address)

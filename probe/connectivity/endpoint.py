"""One endpoint on every one of its addresses: a harmless name first, then its own, confirmed and followed up."""

import asyncio
import ipaddress
import random
from collections import defaultdict
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

from probe.dialogue import (
    DIALOGUE_BY_DIALECT,
    Method,
    RequestOptions,
    always_get,
    can_prove,
    has_exchangeable_name,
    proves,
    run_dialogue,
)
from probe.followups.hop_search import Location
from probe.followups.other_hello import OtherHellos
from probe.followups.other_name import FollowUps
from probe.followups.other_resolvers import OtherResolvers
from probe.followups.udp_echo import Twins, silent_twice
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.resolution.encrypted_dns import family_of
from probe.resolution.lookup import TRUSTED, Name, Names
from probe.session.session import Session
from probe.session.trace import Trace
from probe.signatures.bogons import is_bogon
from probe.steps.tls.certificates import Roots
from probe.targets.target import Endpoint, Service, Target

ALTERNATIVES = 2  # addresses per family that a follow-up tries
CONTROL_PATIENCE = 30.0  # seconds; the helper answers within that
CONFLICT_SECONDS = 1.0  # at most, for the own UDP socket to hear a second answer
BREATH = (0.2, 0.8)  # seconds before a confirmation, so that one hiccup of the line does not cost both


def _rank(ip: str) -> tuple[int, int]:
    address = ipaddress.ip_address(ip)
    return address.version, int(address)


class Reach:
    """What one measurement tries. Nothing new starts once `session.stopping` is set; a bug costs its own flow."""

    def __init__(self, trace: Trace, session: Session, names: Names, roots: Roots) -> None:
        self.trace, self.session, self.names = trace, session, names
        self._roots = roots
        self._followups = FollowUps(trace, session, roots)
        self._resolvers = OtherResolvers(trace, session, roots)
        self._other_hellos = OtherHellos(trace, session, lambda: self._roots)
        self._one_address = False
        self._errand: RequestOptions | None = None
        self.twins = Twins(trace, session)
        self._location = Location(trace, session)
        self._hosts: set[str] = set()
        self._innocuous_done: set[tuple[str, str, int, str, int]] = set()
        self._innocuous_at: dict[tuple[str, int], set[asyncio.Task[None]]] = defaultdict(set)  # under way, by place
        self._vouching = AddressTrust(session)

    async def services(
        self,
        target: Target,
        roles: Collection[str],
        method: Method = always_get,
        *,
        one_address: bool = False,
        errand: RequestOptions | None = None,
    ) -> None:
        """Try the endpoints of the given roles side by side, in random order.

        `one_address`: each at one of its addresses only, the lowest (IPv4 before IPv6), so that vantage points agree.
        """
        self._one_address, self._errand = one_address, errand
        self._roots = self._roots.trusting(target.roots)  # its own authorities too; follow-ups do not need them
        todo = [pair for pair in target.endpoints() if pair[0].role in roles and pair[1].dialect in DIALOGUE_BY_DIALECT]
        self._hosts |= {endpoint.host for _, endpoint in todo}
        random.shuffle(todo)
        todo.sort(key=lambda pair: (not can_prove(pair[1]), pair[1].carrier))  # who can prove an address goes first
        try:
            async with asyncio.TaskGroup() as tasks:
                for service, endpoint in todo:
                    tasks.create_task(self._guarded(service.role, endpoint, self._endpoint(service, endpoint, method)))
        finally:
            await self._resolvers.finish()

    async def locate(self) -> None:
        """Find out how far away those stand that act on a name or payload; last of all, for it draws punishment."""
        if self._follows_up():
            await self._location.find(self._hosts)

    async def _guarded(self, role: str, endpoint: Endpoint, flow: Coroutine[Any, Any, None]) -> None:
        """Let a bug outside any transaction cost this endpoint only; it is written down as a transaction of its own."""
        try:
            await flow
        except Exception as bug:
            async with self.trace.transaction("first", service=role, endpoint=endpoint.url):
                raise bug

    async def _endpoint(self, service: Service, endpoint: Endpoint, method: Method) -> None:
        if endpoint.is_literal:
            if self.session.family_works(family_of(endpoint.host)):
                await self._try(AddressAttempt(service.role, endpoint, endpoint.host, None), method)
            return
        name = await self.names.of(endpoint.host)
        if not (self.session.as_control or set(name.given_by({"system"})) <= set(name.given_by(TRUSTED))):
            await self.trace.settled(patience=CONFLICT_SECONDS)  # an address in doubt: a second datagram may tell
        first = [AddressAttempt(service.role, endpoint, ip, name) for ip in self._given(name)]
        reached = await asyncio.gather(*(self._try(attempt, method) for attempt in first))
        if self._follows_up() and await self._in_doubt(name) and not any(reached):
            await self._alternatives(service, endpoint, name, [attempt.ip for attempt in first], method)

    def _given(self, name: Name) -> list[str]:
        """Where the name's endpoints are tried; a helper takes one address of each source, the probe's may be a lie."""
        if not self._one_address:
            return self._usable(name.given_by({"system", "probe"}))
        lowest = (sorted(self._usable(name.given_by({source})), key=_rank)[:1] for source in ("system", "probe"))
        return list(dict.fromkeys(ip for found in lowest for ip in found))

    def _usable(self, addresses: list[str]) -> list[str]:
        here = [ip for ip in addresses if self.session.family_works(family_of(ip))]
        public = self.session.public_only or (self._errand is not None and self._errand.public_only)
        return [ip for ip in here if not is_bogon(ip)] if public else here

    def _follows_up(self) -> bool:
        session = self.session
        return session.settings.followups and not session.as_control and not session.stopping.is_set()

    # -- one address ---------------------------------------------------------------------------------------------

    async def _try(self, attempt: AddressAttempt, method: Method) -> bool:
        """Try one address to its end; says whether the genuine service was reached there."""
        if not self._vouching.genuine(attempt) and not can_prove(attempt.endpoint):
            await self._control_or_stop()  # the one visit is too dear for who can prove nothing by it (law 7)
        if self._vouching.genuine(attempt):
            first = await self._innocuous_first(attempt, method)
        else:
            first = await self._approach(attempt, method)
        if first is None:
            return False
        if first.failure is None:
            if attempt.endpoint.scheme == "http" and self._follows_up():
                await self._followups.page_elsewhere(first, attempt.endpoint)
            if self._follows_up():
                await self._other_hellos.try_as_browsers(first, attempt.endpoint)
            return self._reached(attempt, first)
        if self.session.as_control or f.is_local(first.failure):
            return False
        return await self._failed(attempt, first, method)

    def _reached(self, attempt: AddressAttempt, answered: TransactionRecord) -> bool:
        """Whether it was the genuine service that answered; an answer that proves nothing, where somebody trusted
        speaks of other addresses, is a reason to ask further: a block page's server answers too."""
        if answered.corroborated or proves(answered) or self._vouching.genuine(attempt):
            return True
        if attempt.name is not None and attempt.name.given_by(TRUSTED):
            self._doubt(attempt.name, answered)
        return False

    async def _failed(self, attempt: AddressAttempt, first: TransactionRecord, method: Method) -> bool:
        genuine = self._vouching.genuine(attempt) or proves(first)
        if attempt.name is not None and (not genuine or first.failure in f.CERTIFICATE_FAILURES):
            self._doubt(attempt.name, first)
            if self._follows_up():
                await self._resolvers.ask(attempt.name, first.transaction_id)
            if not genuine and self.session.encrypted is None:
                await self._control_or_stop()  # where nothing encrypted answers, only the helper can vouch
            genuine = genuine or self._vouching.genuine(attempt)
        again: TransactionRecord | None = None
        if genuine:
            await asyncio.sleep(random.uniform(*BREATH))
            again = await self._say_own_name(attempt, method, confirms=first)
            if again is not None and again.failure is None:
                return True
        never_said = {first.failed_operation, again.failed_operation if again else "connect"} == {"connect"}
        if self._follows_up() and not never_said:
            await self._followups.differential(first, attempt.endpoint, genuine=genuine)
            await self._other_hellos.try_them(first, again, attempt.endpoint)
        if self._follows_up() and silent_twice(first, again, attempt.endpoint):
            await self._control_or_stop()  # the helper's answer says where its echo is
            await self.twins.send(first, attempt.endpoint)
        if genuine:
            self._location.note(first, again, attempt.endpoint)
        return False

    def _doubt(self, name: Name, record: TransactionRecord) -> None:
        if name.doubted_by is None:
            name.doubted_by = record.transaction_id

    async def _approach(self, attempt: AddressAttempt, method: Method) -> TransactionRecord | None:
        """Go to an address that nobody vouches for: one connect and one hello in the whole run (law 7).

        Others who have been given the same address wait for the outcome; if it proved genuine they may go there too.
        """
        outcome = self._vouching.approached(attempt.ip)
        if outcome is not None:
            if await asyncio.shield(outcome):
                return await self._say_own_name(attempt, method)
            await self._control_or_stop()  # somebody may vouch for it yet
            if self._vouching.genuine(attempt):
                return await self._innocuous_first(attempt, method)
            if attempt.name is not None and attempt.name.doubted_by is None:
                attempt.name.doubted_by = attempt.name.lookups.get("system")
            if (failure := self.session.visited_in_vain.get(attempt.ip)) is not None:
                self.trace.spare(attempt.endpoint.url, failure)
            return None
        outcome = self._vouching.approach(attempt.ip)
        record: TransactionRecord | None = None
        try:
            record = await self._say_own_name(attempt, method)
        finally:
            proven = record is not None and proves(record)
            if record is not None and record.failure is not None and not (proven or self.session.as_control):
                self.session.visited_in_vain[attempt.ip] = record.failure
            outcome.set_result(proven)
        return record

    async def _innocuous_first(self, attempt: AddressAttempt, method: Method) -> TransactionRecord | None:
        """Say a harmless name and then the own one (law 8); the connection for the second is made meanwhile."""
        harmless = asyncio.create_task(self._innocuous(attempt))
        self._innocuous_at[attempt.place].add(harmless)
        harmless.add_done_callback(self._innocuous_at[attempt.place].discard)
        await asyncio.sleep(0)  # it takes its place in the queue first
        try:
            record = await self._say_own_name(attempt, method)
        except BaseException:
            harmless.cancel()
            raise
        await harmless
        return record

    async def _innocuous(self, attempt: AddressAttempt) -> None:
        """Send a harmless name ahead of the target's own, once per endpoint and family (law 8)."""
        family = family_of(attempt.ip)
        endpoint = attempt.endpoint
        key = (attempt.service, endpoint.host, endpoint.port, endpoint.carrier, family)
        if self.session.as_control or not has_exchangeable_name(attempt.endpoint) or key in self._innocuous_done:
            return
        self._innocuous_done.add(key)
        innocuous = self.session.neutral.innocuous[0]
        about = self._vouching.about(attempt) | {"service": attempt.service}
        await self._followups.say("innocuous", attempt.endpoint, *attempt.place, innocuous, **about)

    async def _say_own_name(
        self,
        attempt: AddressAttempt,
        method: Method,
        *,
        confirms: TransactionRecord | None = None,
    ) -> TransactionRecord | None:
        """Open with the target's own name or payload. None when nothing was tried: stopping, or no trigger left."""
        endpoint, pace = attempt.endpoint, self.session.pace

        async def turn() -> None:
            """Wait for harmless flows, whichever endpoint they are for; with a datagram not for long.

            Over TCP this is asked only once connected. A datagram would wait for others to connect to a dead address.
            """
            with suppress(TimeoutError):
                async with asyncio.timeout(pace.innocuous_timeout() if endpoint.carrier == "udp" else None):
                    while harmless := set(self._innocuous_at[attempt.place]):
                        await asyncio.wait(harmless)

        async with pace.place(urgent=attempt.name is not None and confirms is None):
            if self.session.stopping.is_set():
                return None
            if confirms is not None and not pace.can_trigger(endpoint.host, attempt.ip, endpoint.carrier):
                return None
            async with self.trace.transaction(**self._own(attempt, confirms)) as tx:
                again = confirms is not None
                about = (tx, self.session, self._roots, endpoint, attempt.ip, method)
                await run_dialogue(*about, confirm=again, turn=turn, errand=self._errand)
            if tx.record.failure is not None and not has_exchangeable_name(endpoint):
                tx.record.in_residual = pace.in_shadow(*attempt.place)  # maybe for what was said to another port
        return tx.record

    def _own(self, attempt: AddressAttempt, confirms: TransactionRecord | None) -> dict[str, Any]:
        endpoint = attempt.endpoint
        about = self._vouching.about(attempt) | {
            "kind": "confirm" if confirms else attempt.kind,
            "service": attempt.service,
            "endpoint": endpoint.url,
            "address": attempt.ip,
            "port": endpoint.port,
            "family": family_of(attempt.ip),
            "sent_name": endpoint.host if has_exchangeable_name(endpoint) else "",
        }
        if confirms is not None:
            return about | {"cause": confirms.transaction_id}
        if attempt.kind == "followup" and attempt.name is not None:
            return about | {"followup": "alternative_address", "cause": attempt.name.cause()}
        return about

    # -- other addresses -----------------------------------------------------------------------------------------

    async def _in_doubt(self, name: Name) -> bool:
        """Say whether the name's answer is in doubt; then others have been asked."""
        await self.trace.settled()  # a conflicting datagram may come after the first answer
        if not name.doubtful() or not self._follows_up():
            return False
        await self._resolvers.ask(name, name.cause())
        return True

    async def _alternatives(
        self, service: Service, endpoint: Endpoint, name: Name, tried: list[str], method: Method
    ) -> None:
        """Try the endpoint at the addresses that trusted sources give."""
        if not self._others(name, tried):
            await self._control_or_stop()
        todo = [AddressAttempt(service.role, endpoint, ip, name, "followup") for ip in self._others(name, tried)]
        if self._follows_up():
            await asyncio.gather(*(self._try(attempt, method) for attempt in todo))

    def _others(self, name: Name, tried: list[str]) -> list[str]:
        trusted = [ip for ip in self._usable(name.given_by(TRUSTED)) if ip not in tried]
        by_family = [[ip for ip in trusted if family_of(ip) == family][:ALTERNATIVES] for family in (4, 6)]
        found = by_family[0] + by_family[1]
        return found[:1] if self._one_address else found

    async def _control_or_stop(self) -> None:
        waiting = [
            asyncio.create_task(self.names.control_answered.wait()),
            asyncio.create_task(self.session.stopping.wait()),
        ]
        try:
            await asyncio.wait(waiting, timeout=CONTROL_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

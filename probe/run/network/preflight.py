"""Check within 8 s that the network is fit to measure from: neutral hosts, portal, UDP, IPv6, MTU, clock, VPN."""

import asyncio
import base64
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import datetime
from typing import Any

from probe.dialogue import written_url
from probe.formats import failures as f
from probe.platforms.configured_resolvers import system_resolvers
from probe.platforms.own_addresses import source_addresses
from probe.resolution.assigned_resolver import learn_assigned_resolvers
from probe.resolution.encrypted_dns import addresses_in, first_warm_resolver, public_resolvers
from probe.run.network.check_results import CheckResults, fill_session
from probe.run.network.neutral_host import NeutralResult
from probe.run.network.neutral_lookups import NeutralLookups
from probe.run.network.segment_size import LARGE, SegmentTrial
from probe.session.innocuous_resets import InnocuousName
from probe.session.session import Session
from probe.session.trace import StepFailed, Trace, Transaction, TransactionFacts
from probe.steps.dns.dns import query_udp, resolve_system
from probe.steps.http.http import http_request
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.steps.tls.client_hello import ONE_SEGMENT
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import Endpoint, family_of
from probe.targets.translator_prefix import KNOWN_NAME, prefix_in

PATIENCE = 8.0  # seconds. A dead network must be known within that time.
SILENT_RESOLVER = 1.5  # seconds after which the encrypted resolver is asked too
NAMELESS_AFTER = 2.5  # seconds without an address of any neutral host. A silent connect after it ends within PATIENCE.


async def preflight(session: Session, roots: Roots | None = None) -> None:
    """Check the network and fill the session: facts, working families, neutral addresses, the encrypted resolver."""
    began = session.preflight_began = time.monotonic()
    check = PreflightChecks(session, roots or load_roots(session.settings.public_roots))
    await asyncio.gather(check.run(), learn_assigned_resolvers(session))
    facts = fill_session(session, check.found)
    facts.runtime = round(time.monotonic() - began, 3)
    session.preflight = facts.model_dump(mode="json")
    session.bugs += check.trace.bugs


class PreflightChecks:
    """Run the checks concurrently. Their entries are not written, because they are facts about the run, not about a
    target.
    """

    def __init__(self, session: Session, roots: Roots) -> None:
        self._session, self._roots = session, roots
        self.trace, self.found = Trace(on_opened=session.own_flows.opened), CheckResults()
        self._families = sorted(session.settings.families)
        self._warmed = asyncio.Event()
        self._warming: asyncio.Task[None] | None = None  # the latest attempt
        self._named = asyncio.Event()  # neutral hosts have addresses, or the encrypted resolver will give them
        self._segments = SegmentTrial(session.pace, self._visit, self._warm_up)
        self._slot: Callable[[], AbstractAsyncContextManager[None]] = session.pace.slot
        self._small_slot: Callable[[], AbstractAsyncContextManager[None]] = session.pace.lookup_slot
        self._first = True  # the preflight, which finds the segment size of the run

    async def run(self) -> None:
        """Run every check. Checks that are unfinished after PATIENCE are cancelled."""
        neutral, began = self._session.neutral, asyncio.get_running_loop().time()
        await self._find_translator()
        flows: list[Coroutine[Any, Any, None]] = [self._warm_up(), self._ask_udp()]
        flows += [self._neutral_host(endpoint) for endpoint in neutral.endpoints if endpoint.scheme == "https"]
        flows += [self._portal(endpoint, status, body) for endpoint, status, body in neutral.portal]
        flows += [self._reach(endpoint) for endpoint in neutral.reachability]
        flows += [self._neutral_host(endpoint) for endpoint in neutral.home_of(self._session.country)]
        flows += [self._reach_nameless()]
        tasks = [asyncio.create_task(flow) for flow in flows]
        questions, deadline = NeutralLookups(self._session, self.trace), began + PATIENCE
        beside = asyncio.create_task(questions.ask())  # silence is expected there, so nothing waits for it
        try:
            await asyncio.wait(tasks, timeout=deadline - asyncio.get_running_loop().time())
            await self._segments.settle(deadline)
        finally:
            tasks += [beside, *self._segments.tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.trace.finish(patience=0.0)
        self.found.resolver, self.found.dark_answers = questions.resolver(), questions.dark_answers()
        self._session.resolver_ttl = questions.resolver_ttl()
        self.found.heard |= questions.families_heard()
        self.found.provider = questions.providers_resolver_family()
        self.found.mtu = self._segments.conclude(self.trace.entries)
        self.found.neutral = self._segments.as_reached(self.found.neutral)
        for task in tasks:
            if not task.cancelled() and (bug := task.exception()) is not None:
                raise bug

    async def _find_translator(self) -> None:
        """Ask the system's resolver for the prefix of a translator (RFC 7050), if no IPv4 packet can leave.

        Neutral hosts must then prove themselves through it, or it is not used.
        """
        pace, literals = self._session.pace, self._session.public_addresses()
        pace.translator = None
        if self._session.as_control or not {4, 6} <= set(self._families):
            return
        if any(":" not in source for source in source_addresses(literals)):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_RESOLVER), self.trace.transaction(TransactionFacts("lookup")) as tx:
                pace.translator = prefix_in(await resolve_system(tx, KNOWN_NAME, pace=pace, families=frozenset({6})))

    async def run_again(
        self, places: Sequence[tuple[Endpoint, str]], names: Iterable[str], proving: Collection[str]
    ) -> None:
        """Test neutral hosts at known addresses, UDP, and resolve `names`. The measured flows wait for none of this.

        Only the lookups wait for slots. Lookups without an answer hold theirs until an outage is over, so that the
        other contacts would come too late to see it.

        Only the hosts `proving` show their certificate, to save traffic. If none does over some family, the others of
        that family are asked for theirs too. If no host is proven, a portal is looked for.
        """
        self._warmed.set()
        self._first, self._slot, self._small_slot = False, nullcontext, nullcontext
        hosts = [self._neutral_at(*at) if at[0].host in proving else self._reach_at(*at) for at in places]
        await self._within_patience([self._ask_udp(), *hosts, *map(self._resolve, names)])
        proven, neutral = {family_of(one.ip) for one in self.found.neutral if one.proven}, self._session.neutral
        connected_only = {*neutral.reachability, *neutral.by_address}
        others = [at for at in places if at[0] not in connected_only and at[0].host not in proving]
        await self._within_patience(self._neutral_at(*at) for at in others if family_of(at[1]) not in proven)
        if not any(one.proven for one in self.found.neutral):
            await self._within_patience(self._portal(*portal) for portal in neutral.portal)

    async def _within_patience(self, flows: Iterable[Coroutine[Any, Any, Any]]) -> None:
        with suppress(TimeoutError):  # what is finished by then counts
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                for flow in flows:
                    tasks.create_task(flow)
        await self.trace.finish(patience=0.0)

    async def _warm_up(self) -> None:
        """Open the connection to the encrypted resolver. A second call replaces an attempt that has no answer yet."""
        earlier, self._warming = self._warming, asyncio.current_task()
        if earlier is not None:
            earlier.cancel()
            await asyncio.gather(earlier, return_exceptions=True)
        if self.found.warm is not None:
            return
        try:
            self.found.warm = await first_warm_resolver(self._session, self._roots, self._families)
            if self.found.warm is not None:
                self._named.set()
        finally:
            if self._warming is asyncio.current_task():
                self._warmed.set()

    # -- neutral hosts -------------------------------------------------------------------------------------------

    async def _neutral_host(self, endpoint: Endpoint) -> None:
        await asyncio.gather(*(self._neutral_at(endpoint, ip) for ip in await self._one_of_each_family(endpoint)))

    async def _one_of_each_family(self, endpoint: Endpoint) -> list[str]:
        published = self._session.neutral.published.get(endpoint.url)
        ips = list(published or await self._resolve(endpoint.host))
        chosen = (next((ip for ip in ips if family_of(ip) == family), None) for family in self._families)
        return [ip for ip in chosen if ip is not None]

    async def _reach(self, endpoint: Endpoint) -> None:
        """Connect to a host that only shows which networks are reachable, at one address of each family."""
        await asyncio.gather(*(self._reach_at(endpoint, ip) for ip in await self._one_of_each_family(endpoint)))

    async def _reach_nameless(self) -> None:
        """Connect to hosts abroad with known addresses, if no neutral host has one after NAMELESS_AFTER.

        They have no names that a resolver must know. Without them a dead resolver hides that nothing abroad answers.
        """
        try:
            await asyncio.wait_for(self._named.wait(), NAMELESS_AFTER)
        except TimeoutError:
            hosts = [one for one in self._session.neutral.by_address if family_of(one.host) in self._families]
            await asyncio.gather(*(self._reach_at(endpoint, endpoint.host) for endpoint in hosts))

    async def _reach_at(self, endpoint: Endpoint, ip: str) -> None:
        """Connect and close. This costs no more than a lookup, so that it needs no slot among the flows."""
        seen, pace = NeutralResult(endpoint, ip, connect_only=True), self._session.pace
        async with self._small_slot(), self.trace.transaction(TransactionFacts("first", address=ip)) as tx:
            await tcp_connect(tx, ip, endpoint.port, pace=pace, far=True)
            seen.connected = True
        seen.failure, seen.failed_operation = tx.record.failure, tx.record.failed_operation
        self.found.neutral.append(seen)

    async def _neutral_at(self, endpoint: Endpoint, ip: str) -> None:
        size = 0 if self._first else self._session.pace.segment_sizes.get(family_of(ip), 0)
        home = any(endpoint is one for _, one in self._session.neutral.home)
        seen = NeutralResult.unanswered(endpoint, ip, size, home)
        try:
            await self._visit(seen)
        finally:
            self._segments.ended(seen)
        self.found.neutral.append(seen)

    async def _visit(self, seen: NeutralResult) -> None:
        pace, endpoint, size = self._session.pace, seen.endpoint, seen.segment_size
        async with self._slot(), self.trace.transaction(TransactionFacts("first", address=seen.ip)) as tx:
            conn = await tcp_connect(tx, seen.ip, endpoint.port, pace=pace, segment_size=size)
            seen.connected = True
            if self._first:
                self._segments.connected(seen, conn)
            tls = await tls_handshake(
                tx, conn, endpoint.host, pace=pace, roots=self._roots, alpn=("http/1.1",), check=False
            )
            chain = [base64.b64decode(der.data) for der in tls.entry.peer_certificates]
            date = await self._date(tx, tls, seen) if tls.entry.x_completed else None
            seen.judge(chain, date, self._roots)
        if tx.record.failure is not None:
            seen.failure, seen.failed_operation = tx.record.failure, tx.record.failed_operation
        place = InnocuousName(seen.ip, endpoint.port, endpoint.host, endpoint.host)
        entries, named = self.trace.entries_of(tx.record), pace.was_named(seen.ip)
        self._session.innocuous_resets.note(place, tx.record, entries, named=named)
        tx.record.port = endpoint.port
        self._session.note_flow(self.trace, tx.record, endpoint.host)

    async def _date(self, tx: Transaction, tls: Any, seen: NeutralResult) -> datetime | None:
        more = LARGE if self._first and tls.hello_length <= ONE_SEGMENT else None
        try:
            url, pace = written_url(seen.endpoint), self._session.pace
            return (await http_request(tx, tls, "HEAD", url, pace=pace, more=more)).date
        except StepFailed as failed:  # the certificate is the proof, the server's clock only helps
            seen.lost_request = more is not None and failed.failure in f.SILENT
            return None

    async def _resolve(self, hostname: str) -> list[str]:
        """Ask the system, and the encrypted resolver if the system is silent or does not know a neutral name."""
        asking = asyncio.create_task(self._resolve_by_system(hostname))
        warmed = asyncio.create_task(self._warmed.wait())
        try:
            await asyncio.wait({asking}, timeout=SILENT_RESOLVER)
            await asyncio.wait({asking, warmed}, return_when=asyncio.FIRST_COMPLETED)
            if (self.found.warm is None or asking.done()) and (ips := await asking):
                return ips
            await warmed
            return await self._resolve_encrypted(hostname)
        finally:
            for task in (asking, warmed):
                task.cancel()
            await asyncio.gather(asking, warmed, return_exceptions=True)

    async def _resolve_by_system(self, hostname: str) -> list[str]:
        pace, ips = self._session.pace, list[str]()
        async with pace.lookup_slot(), self.trace.transaction(TransactionFacts("lookup", hostname=hostname)) as tx:
            ips = await resolve_system(tx, hostname, pace=pace, families=frozenset(self._families))
        ips = pace.untranslated(ips)
        if ips:
            self.found.led_to[hostname] = sorted(ips)
            neutral = self._session.neutral
            if hostname in {endpoint.host for endpoint in (*neutral.endpoints, *neutral.reachability)}:
                self._named.set()
        return ips

    async def _resolve_encrypted(self, hostname: str) -> list[str]:
        ips, warm = list[str](), self.found.warm
        for query_type, family in (("A", 4), ("AAAA", 6)):
            if warm is not None and family in self._families:
                async with self.trace.transaction(TransactionFacts("lookup", hostname=hostname)) as tx:
                    ips = [*ips, *addresses_in([await warm.ask(tx, hostname, query_type)])]
        return ips

    # -- portal, UDP ---------------------------------------------------------------------------------------------

    async def _portal(self, endpoint: Endpoint, status: int, body: str) -> None:
        ips = await self._resolve(endpoint.host)
        pace = self._session.pace
        async with self._slot(), self.trace.transaction(TransactionFacts("first", address=ips[0] if ips else "")) as tx:
            if not ips:
                return
            conn = await tcp_connect(tx, ips[0], endpoint.port, pace=pace)
            answer = await http_request(tx, conn, "GET", written_url(endpoint), pace=pace)
            code = answer.entry.response.code
            expected = code == status and body.encode() in answer.body
            self.found.portal.append(None if expected else "redirect" if 300 <= code < 400 else "content")
            self.found.pages |= {family_of(ips[0])} if expected else set()

    async def _ask_udp(self) -> None:
        if not (known := self._session.neutral.endpoints):
            return
        hostname = known[0].host
        public = [resolver.ip for resolver in public_resolvers(self._session, "dns+udp", self._families)]
        servers = dict.fromkeys([*public[:2], *system_resolvers()[:1]])
        asking = {asyncio.create_task(self._ask_one_over_udp(server, hostname, server in public)) for server in servers}
        try:
            while asking and not any(self.found.udp_public):  # one public answer is enough, and silence takes time
                _, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _ask_one_over_udp(self, server: str, hostname: str, public: bool) -> None:
        async with self._slot(), self.trace.transaction(TransactionFacts("lookup", address=server)) as tx:
            await query_udp(tx, server, hostname, "A", pace=self._session.pace, of_system=not public)
        answered = tx.record.failure is None or tx.record.failure.startswith("dns_")
        self.found.udp.append(answered)
        if public:
            self.found.udp_public.append(answered)

"""Look up names: each address with its sources (system resolver, own UDP query, encrypted resolver, control)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.plain_json import places_of_entries
from probe.platforms.configured_resolvers import system_resolvers
from probe.resolution.encrypted_dns import addresses_in, ask_types
from probe.session.classify import LocalFailure
from probe.session.flow_slots import Priority
from probe.session.session import Session
from probe.session.trace import Trace, Transaction, TransactionFacts
from probe.signatures.bogons import is_bogon
from probe.signatures.resolver_fingerprint import ResolverPrint, print_of
from probe.steps.dns.dns import query_udp, resolve_system
from probe.targets.target import family_of, is_address

TRUSTED = frozenset({"dot", "doh", "control"})  # sources that no device on the path can forge
MOST_ADDRESSES = 16  # of one source, because a forged answer may hold hundreds
LIBRARY_QUERIES = 2  # A and AAAA
AT_RESOLVER = frozenset({f.DNS_REFUSED, f.DNS_SERVFAIL, f.DNS_MISBEHAVING, f.TIMEOUT})
"""Failures of the system's lookup that may concern one name, or the whole resolver."""
DENIALS = frozenset({f.DNS_NXDOMAIN, f.DNS_NO_ANSWER})
ANSWER_DUE = 1.5  # seconds (or three round trips) after which the system resolver is asked for an innocuous name too
REST = 6.0  # seconds after which a failed lookup is repeated
ALONE = 0.2  # seconds between two repeated lookups
SYSTEM = "system"  # what records show in place of the system resolver's address


@dataclass
class Name:
    """Hold what is known of one host name in one measurement. More becomes known while the measurement runs."""

    hostname: str
    sources: dict[str, list[str]] = field(default_factory=dict)  # sources by address, in order of arrival
    lookups: dict[str, int] = field(default_factory=dict)  # transaction ids by source: "system", "udp", …
    failure: str | None = None  # of the system's lookup
    asked: list[DNSQuery] = field(default_factory=list)  # own UDP queries, whose x_responses fill up later
    normal: ResolverPrint | None = None  # how the system's resolver answered an innocuous query
    suspect_transaction: int | None = None
    """The first transaction that contradicts the system's answer, or proved nothing at one of its addresses."""

    def add(self, addresses: Iterable[str], source: str) -> None:
        """Add addresses of one source, at most `MOST_ADDRESSES`."""
        for address in list(dict.fromkeys(addresses))[:MOST_ADDRESSES]:
            given_by = self.sources.setdefault(address, [])
            if source not in given_by:
                given_by.append(source)

    def given_by(self, wanted: Iterable[str]) -> list[str]:
        """Return the addresses that one of the `wanted` sources gave."""
        wanted = set(wanted)
        return [address for address, sources in self.sources.items() if wanted & set(sources)]

    def corroborates(self, address: str, asn_of: Callable[[str], int]) -> bool:
        """Return whether a trusted source gave the address, or one of the same autonomous system.

        If answers contradict each other, the system is not enough: injectors use addresses of a few companies.
        """
        trusted = self.given_by(TRUSTED)
        if address in trusted:
            return True
        asn = asn_of(address)
        return asn != 0 and asn in map(asn_of, trusted) and not any(map(conflicting, self.asked))

    def suspect(self, transaction_id: int | None) -> None:
        """Note the transaction that contradicts the answer. The first one stays."""
        if self.suspect_transaction is None:
            self.suspect_transaction = transaction_id

    def is_suspect(self) -> bool:
        """Return whether anything contradicts the system's answer: failure, bogon, conflict, other sender, no proof."""
        if f.is_local(self.failure):
            return False
        if self.failure is not None or self.suspect_transaction is not None:
            return True
        untrusted = [address for address in self.given_by({"system", "udp"}) if address not in self.given_by(TRUSTED)]
        if any(map(is_bogon, untrusted)) or any(map(conflicting, self.asked)):
            return True
        return any(unlike_resolver(query, self.normal) for query in self.asked)

    def suspect_cause(self) -> int | None:
        """Return the transaction that makes the answer suspect."""
        return self.suspect_transaction if self.suspect_transaction is not None else self.lookups.get("system")


def conflicting(query: DNSQuery) -> bool:
    """Return whether the datagrams for one query have different contents. TTLs and order do not count."""
    contents = {
        (r.failure, r.rcode, tuple(sorted(a.address or a.hostname or "" for a in r.answers)))
        for r in query.x_responses or []
    }
    return len(contents) > 1


def unlike_resolver(query: DNSQuery, normal: ResolverPrint | None) -> bool:
    """Return whether the first valid answer has another TTL or other flags than the resolver's usual answers."""
    first = next((response for response in query.x_responses or [] if response.failure is None), None)
    return normal is not None and first is not None and normal.unlike(first.ip_ttl or 0, first.flags)


class Names:
    """Look up the names of one measurement, each once.

    `given` are the addresses that the probe sent to the helper. They get the source "probe".
    """

    def __init__(self, trace: Trace, session: Session, given: dict[str, list[str]] | None = None) -> None:
        self._trace, self._session, self._given = trace, session, given or {}
        self._tasks: dict[str, asyncio.Task[Name]] = {}
        self._from_control: dict[str, list[str]] = {}
        self.known: dict[str, Name] = {}
        self.control_wanted, self.control_answered = asyncio.Event(), asyncio.Event()
        self.all_tried = False  # no endpoint will be tried for the first time

    async def of(self, hostname: str, priority: Priority = Priority.NEEDED) -> Name:
        """Return the name with the answers of the system resolver and of the encrypted one, if there is one.

        The first call for a name decides its priority.
        """
        if hostname not in self._tasks:
            self._tasks[hostname] = asyncio.create_task(self._look_up(hostname, priority))
        return await asyncio.shield(self._tasks[hostname])

    async def finish(self) -> None:
        """Cancel the lookups that are still running."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def want_control(self, *, all_tried: bool = False) -> None:
        """Note that a flow failed or waits for the helper's answer, or that all flows have ended."""
        self.all_tried |= all_tried
        self.control_wanted.set()

    def learn_from_control(self, answers: dict[str, list[str]]) -> None:
        """Add the addresses of the helper's resolver, except private ones."""
        self._from_control = answers  # kept for names that a redirect adds later
        for name in self.known.values():
            self._add_from_control(name)
        self.control_answered.set()

    def _add_from_control(self, name: Name) -> None:
        name.add((ip for ip in self._from_control.get(name.hostname, []) if not is_bogon(ip)), "control")

    async def _look_up(self, hostname: str, priority: Priority) -> Name:
        normal = print_of(self._session.preflight.get("resolver"))
        name = self.known.setdefault(hostname, Name(hostname, normal=normal))
        self._add_from_control(name)
        if self._session.stopping.is_set():
            return name
        paid = self._pay(hostname, LIBRARY_QUERIES)  # before any own query: the endpoints depend on this answer
        own_query = asyncio.create_task(self._own_query(name, priority))
        await asyncio.gather(self._system(name, paid, priority), self._corroborate(name, priority))
        name.add(self._given.get(hostname, []), "probe")
        if self._session.as_control:
            await own_query
        else:  # only the trace waits for it, not the endpoints
            self._trace.later(_awaited(own_query))
        return name

    async def _system(self, name: Name, paid: bool, priority: Priority) -> None:
        async with self._session.pace.lookup_slot(priority):
            asking = asyncio.create_task(self._ask_system(name, paid))
            if not self._session.as_control:
                self._trace.later(self._compare_names(name, asking))
                self._trace.later(self._repeat_after_rest(name, asking))
            await asking

    async def _ask_system(self, name: Name, paid: bool) -> None:
        async with self._lookup(name, 0) as tx:
            if not paid:
                raise LocalFailure(f.BUDGET)
            tx.record.trigger = True
            both = frozenset({4, 6})  # as OONI asks, whatever works here
            found = await resolve_system(tx, name.hostname, pace=self._session.pace, families=both)
            name.add(self._session.pace.untranslated(found), "system")
        name.failure = tx.record.failure
        name.lookups["system"] = tx.record.transaction_id

    async def _own_query(self, name: Name, priority: Priority) -> None:
        """Query the system's first resolver with a socket of the probe, which receives every datagram.

        A lost query is not repeated: the system's library repeats its own, and both stay within the budget (P7). It is
        left out if an earlier measurement of the run spent the budget. That measurement then holds it.
        """
        servers = system_resolvers()
        async with self._session.pace.lookup_slot(priority):
            if not servers or not self._pay(name.hostname, len(self._types())):
                return
            async with self._lookup(name, 53) as tx:
                tx.record.trigger = True
                try:
                    answers = await ask_types(lambda t: self._ask(tx, servers[0], name.hostname, t), self._types())
                    name.add(self._session.pace.untranslated(addresses_in(answers)), "udp")
                finally:
                    name.asked += [entry for entry in tx.entries if isinstance(entry, DNSQuery)]
        name.lookups["udp"] = tx.record.transaction_id

    async def _compare_names(self, name: Name, asking: asyncio.Task[None]) -> None:
        """Ask the system's resolver for an innocuous name if it does not give a usual answer for this name in time.

        A resolver or an access line that fails for a time fails for both names. The query needs no slot among the
        lookups, because it would come too late, and the lookup that waits holds one.
        """
        done, _ = await asyncio.wait({asking}, timeout=max(ANSWER_DUE, 3 * self._session.pace.round_trip))
        innocuous = self._innocuous_beside(name, ended=bool(done))
        if innocuous is None or self._session.stopping.is_set():
            return
        facts = TransactionFacts(
            "followup",
            followup="innocuous_name_system_resolver",
            hostname=innocuous,
            address=SYSTEM,
            sent_name=innocuous,
        )
        async with self._trace.transaction(facts) as tx:
            await resolve_system(tx, innocuous, pace=self._session.pace, families=frozenset({4, 6}))

    async def _repeat_after_rest(self, name: Name, asking: asyncio.Task[None]) -> None:
        """Query the system's resolver once more, alone and after a rest, if it refused or failed.

        A resolver that limits the queries of one client, or that failed for a time, answers then. Our own load must
        not look like censorship (P8).
        """
        await asyncio.wait({asking})
        servers, session = system_resolvers(), self._session
        if not servers or name.failure not in AT_RESOLVER:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(session.stopping.wait(), REST)
        async with session.repeated_lookups:
            if session.stopping.is_set() or not self._pay(name.hostname, 1):
                return
            facts = TransactionFacts(
                "followup",
                followup="same_name_system_resolver",
                cause=name.lookups.get("system"),
                hostname=name.hostname,
                address=SYSTEM,
                port=53,
                sent_name=name.hostname,
            )
            async with self._trace.transaction(facts) as tx:
                tx.record.trigger = True
                await self._ask(tx, servers[0], name.hostname, self._types()[0])
            await asyncio.sleep(ALONE)

    def _innocuous_beside(self, name: Name, *, ended: bool) -> str | None:
        """Return the innocuous name that is looked up for comparison, None if the system's answer is a usual one.

        After a denial, or an answer with addresses that no server can have, this is the name of a neutral host, because
        that name certainly exists.
        """
        neutral = self._session.neutral
        if not ended or name.failure in AT_RESOLVER:
            return next(iter(neutral.innocuous), None)
        if name.failure in DENIALS or any(map(is_bogon, name.given_by({"system"}))):
            return next((endpoint.host for endpoint in neutral.endpoints), None)
        return None

    async def _ask(self, tx: Transaction, server: str, hostname: str, query_type: str) -> DNSQuery:
        pace, usual = self._session.pace, self._session.resolver_ttl
        return await query_udp(
            tx,
            server,
            hostname,
            query_type,
            pace=pace,
            shown_as=SYSTEM,
            usual_ttl=usual,
            retransmit=False,
            of_system=True,
        )

    async def _corroborate(self, name: Name, priority: Priority) -> None:
        warm = self._session.encrypted
        if warm is None or self._session.as_control:
            return
        facts = TransactionFacts(
            "lookup",
            hostname=name.hostname,
            address=warm.ip,
            port=warm.port,
            family=family_of(warm.ip),
            sent_name=name.hostname,
        )
        async with self._session.pace.lookup_slot(priority), self._trace.transaction(facts) as tx:
            answers = await ask_types(lambda t: warm.ask(tx, name.hostname, t), self._types())
            name.add(self._session.pace.untranslated(addresses_in(answers)), warm.engine)
        name.lookups[warm.engine] = tx.record.transaction_id

    def _types(self) -> list[str]:
        return [t for t, family in (("A", 4), ("AAAA", 6)) if self._session.family_works(family)] or ["A"]

    def _lookup(self, name: Name, port: int) -> AbstractAsyncContextManager[Transaction]:
        host = name.hostname
        return self._trace.transaction(
            TransactionFacts("lookup", hostname=host, address=SYSTEM, port=port, sent_name=host)
        )

    def _pay(self, hostname: str, queries: int) -> bool:
        """Spend the triggers of so many queries to the system's resolver. Return False if too few are left (P7)."""
        pace = self._session.pace
        if pace.triggers_left(hostname, SYSTEM, "udp") < queries:
            return False
        for _ in range(queries):
            pace.spend_trigger(hostname, SYSTEM, "udp", 53)
        return True


async def _awaited(task: Awaitable[None]) -> None:
    await task


def control_addresses(answer: dict[str, Any]) -> dict[str, list[str]]:
    """Return the addresses in the helper's test keys, by host name. Malformed entries are left out."""
    found: dict[str, list[str]] = {}
    keys = answer.get("test_keys")
    for part in places_of_entries(keys if isinstance(keys, dict) else {}):
        queries = part.get("queries")
        for query in queries if isinstance(queries, list) else []:
            try:
                entry = DNSQuery.model_validate(query)
            except ValidationError:
                continue  # foreign data: an entry of another form says nothing, and the others count
            given = [ip for ip in addresses_in([entry]) if is_address(ip)]
            found[entry.hostname] = list(dict.fromkeys([*found.get(entry.hostname, []), *given]))[:MOST_ADDRESSES]
    return found

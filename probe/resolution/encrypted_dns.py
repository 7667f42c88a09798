"""Query public resolvers over DoT and DoH: for a follow-up, or during the whole run to verify addresses."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session.session import EncryptedResolver, Session
from probe.session.trace import StepFailed, Trace, Transaction, TransactionFacts
from probe.steps.connection import address_of
from probe.steps.dns.dns import StreamResolver
from probe.steps.dns.doh import DoHResolver
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import Endpoint, family_of, is_address

MOST_OPENS = 4  # connects of the run's encrypted resolver
OPENS_FOR_FOLLOWUPS = 2  # connects of a resolver that only follow-ups query
DOH_DELAY = 1.5  # seconds until DoH is tried too, if DoT has not answered


Channel = StreamResolver | DoHResolver


@dataclass(frozen=True)
class Resolver:
    """Hold one endpoint of a public resolver, at one of its addresses."""

    provider: str
    endpoint: Endpoint
    ip: str

    @property
    def engine(self) -> Literal["dot", "doh"]:
        """Return how queries are sent."""
        return "doh" if self.endpoint.scheme == "doh" else "dot"

    async def connect(self, tx: Transaction, session: Session, roots: Roots) -> Channel:
        """Open the channel. Only a certificate that is valid for the resolver's name makes it trusted.

        Public resolvers are a target too, so each hello with such a name is a trigger (P7). Raises StepFailed and
        LocalFailure.
        """
        endpoint, pace = self.endpoint, session.pace
        conn = await tcp_connect(tx, self.ip, endpoint.port, pace=pace)
        pace.spend_trigger(endpoint.host, self.ip, endpoint.carrier, endpoint.port)
        tls = await tls_handshake(tx, conn, endpoint.host, pace=pace, roots=roots, alpn=endpoint.facts.alpn_offered)
        if self.engine == "doh":
            port = "" if endpoint.port == 443 else f":{endpoint.port}"
            return DoHResolver(tls, f"https://{endpoint.host}{port}{endpoint.path or '/dns-query'}", pace=pace)
        return StreamResolver(tls, address_of(self.ip, endpoint.port), pace=pace)


def public_resolvers(session: Session, scheme: str, families: Collection[int]) -> list[Resolver]:
    """Return the public resolvers with this scheme, IPv4 first.

    An endpoint with a name has the addresses of its provider's UDP endpoints.
    """
    found = []
    for provider, service in session.resolvers.services.items():
        literals = [endpoint.host for endpoint in service.endpoints if endpoint.scheme == "dns+udp"]
        for endpoint in service.endpoints:
            if endpoint.scheme == scheme:
                ips = [endpoint.host] if endpoint.is_literal else literals
                found += [Resolver(provider, endpoint, ip) for ip in ips if is_address(ip)]
    usable = [resolver for resolver in found if family_of(resolver.ip) in families]
    return sorted(usable, key=lambda resolver: family_of(resolver.ip))


async def ask_types(ask: Callable[[str], Coroutine[Any, Any, DNSQuery]], types: Sequence[str]) -> list[DNSQuery]:
    """Query A and AAAA side by side. If both fail, A's StepFailed is raised, as OONI's resolvers do."""
    outcomes = await asyncio.gather(*(_outcome(ask(t)) for t in types))
    good = [outcome for outcome in outcomes if isinstance(outcome, DNSQuery)]
    if not good and isinstance(outcomes[0], StepFailed):
        raise outcomes[0]
    return good


async def _outcome(question: Coroutine[Any, Any, DNSQuery]) -> DNSQuery | StepFailed:
    try:
        return await question
    except StepFailed as stopped:
        return stopped


def addresses_in(queries: Collection[DNSQuery]) -> list[str]:
    """Return the addresses in the answers, in order, each once."""
    return list(dict.fromkeys(a.address for query in queries for a in query.answers if a.address))


class WarmResolver:
    """Keep one connection to one resolver open for the whole run. Queries on it may overlap.

    Its handshakes belong to the run, so no measurement records them.
    """

    def __init__(self, resolver: Resolver, session: Session, roots: Roots, *, opens: int = MOST_OPENS) -> None:
        self._most_opens = opens
        self.engine, self.host = resolver.engine, resolver.endpoint.host
        self.ip, self.port = resolver.ip, resolver.endpoint.port
        self._resolver, self._session, self._roots = resolver, session, roots
        self._channel: Channel | None = None
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._opens = 0

    async def ask(self, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        """Send one query. A connection that the resolver has closed is replaced once."""
        channel = await self._open()
        try:
            return await channel.query(tx, hostname, query_type)
        except StepFailed as stopped:
            if stopped.failure.startswith("dns_"):  # an answer: no such name, no record, refused
                raise
        await self._drop(channel)
        return await (await self._open()).query(tx, hostname, query_type)

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None:
                if self._opens >= self._most_opens:
                    raise StepFailed(DNSQuery.OPERATION, f.EOF)
                self._opens += 1
                record = TransactionRecord(transaction_id=1, kind="lookup", address=self.ip)
                tx = Transaction(Trace(), record, self._stack)
                try:
                    self._channel = await self._resolver.connect(tx, self._session, self._roots)
                except BaseException:  # the slot among TLS connections is free again, also after a bug
                    await self._stack.aclose()
                    raise
            return self._channel

    async def _drop(self, channel: Channel) -> None:
        async with self._opening:
            if self._channel is channel:
                self._channel = None
                await self._stack.aclose()

    async def close(self) -> None:
        self._channel = None
        await self._stack.aclose()


def shared_resolver(resolver: Resolver, session: Session, roots: Roots) -> EncryptedResolver:
    """Return the run's one connection to a resolver that follow-ups query.

    If the run's own encrypted resolver is the same host, its connection is used. One of the two TLS connections (P8) is
    then left for the resolver as a target.
    """
    host, warm = resolver.endpoint.host, session.encrypted
    if warm is not None and (warm.host, warm.ip) == (host, resolver.ip):
        return warm
    place = f"{resolver.endpoint.url} {resolver.ip}"
    if place not in session.beside:
        session.beside[place] = WarmResolver(resolver, session, roots, opens=OPENS_FOR_FOLLOWUPS)
    return session.beside[place]


async def first_warm_resolver(session: Session, roots: Roots, families: Collection[int]) -> WarmResolver | None:
    """Query all public resolvers for a neutral name, DoT before DoH. Return the first that answers."""
    hostname, query_type = session.neutral.endpoints[0].host, "A" if 4 in families else "AAAA"
    delays = {"dot": 0.0, "doh": DOH_DELAY}
    racing = {
        asyncio.create_task(_warm_up(WarmResolver(one, session, roots), delay + 0.1 * number, hostname, query_type))
        for scheme, delay in delays.items()
        for number, one in enumerate(public_resolvers(session, scheme, families))
    }
    winner: WarmResolver | None = None
    try:
        while racing and winner is None:
            done, racing = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                late = task.result()
                if late is not None and winner is not None:
                    await late.close()
                winner = winner or late
    finally:
        for task in racing:
            task.cancel()
        for loser in await asyncio.gather(*racing, return_exceptions=True):
            if isinstance(loser, WarmResolver):
                await loser.close()
    return winner


async def _warm_up(warm: WarmResolver, delay: float, hostname: str, query_type: str) -> WarmResolver | None:
    await asyncio.sleep(delay)
    async with Trace().transaction(TransactionFacts("lookup", hostname=hostname, address=warm.ip)) as tx:
        await warm.ask(tx, hostname, query_type)
    if tx.record.failure is None:
        return warm
    await warm.close()
    return None

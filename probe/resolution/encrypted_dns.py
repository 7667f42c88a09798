"""Public resolvers over DoT and DoH: asked once in a follow-up, or kept warm during a run to corroborate addresses."""

import asyncio
import ipaddress
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
from probe.steps.tls.certificates import Roots
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import Endpoint, is_address

MOST_OPENS = 4  # times that the warm resolver connects in one run
OPENS_BESIDE = 2  # the same of those that follow-ups ask
DOH_WAITS = 1.5  # seconds that DoT gets alone before DoH is tried too


Channel = StreamResolver | DoHResolver


def family_of(ip: str) -> Literal[4, 6]:
    """The family of an IP literal."""
    return 6 if ipaddress.ip_address(ip).version == 6 else 4


@dataclass(frozen=True)
class Resolver:
    """One endpoint of a public resolver, at one of its addresses."""

    provider: str
    endpoint: Endpoint
    ip: str

    @property
    def engine(self) -> Literal["dot", "doh"]:
        return "doh" if self.endpoint.scheme == "doh" else "dot"

    async def connect(self, tx: Transaction, session: Session, roots: Roots) -> Channel:
        """Open the channel; only a certificate valid for the resolver's own name makes it trusted.

        Resolvers are a target too: every hello with the name of one counts (law 7). Raises StepFailed, OurFault.
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
    """The public resolvers that speak `scheme`, IPv4 first; a name's addresses are its provider's UDP endpoints."""
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
    """Ask A and AAAA beside each other; fails, as OONI's resolvers do, with A's error if neither was answered."""
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
    """The addresses that the answers gave, in order, each once."""
    return list(dict.fromkeys(a.address for query in queries for a in query.answers if a.address))


class WarmResolver:
    """One connection to one resolver, kept open for the whole run; questions overlap on it.

    Its handshakes belong to the run, so they are written into no measurement.
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
        """Ask one question; a connection that has gone stale is replaced once."""
        channel = await self._open()
        try:
            return await channel.query(tx, hostname, query_type)
        except StepFailed as stopped:
            if stopped.failure.startswith("dns_"):  # the resolver did answer: no such name, no record, refused
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
                except BaseException:  # whatever it was, the place among TLS connections is somebody else's now
                    await self._stack.aclose()
                    raise
            return self._channel

    async def _drop(self, channel: Channel) -> None:
        async with self._opening:
            if self._channel is channel:
                self._channel = None
                await self._stack.aclose()

    async def close(self) -> None:
        """Close the connection."""
        self._channel = None
        await self._stack.aclose()


def shared_resolver(resolver: Resolver, session: Session, roots: Roots) -> EncryptedResolver:
    """The run's one connection to a resolver that follow-ups ask, whichever name they ask for.

    Where the warm one leads to the same host it serves them too: of two TLS connections (law 8) one is left for the
    resolver as a target.
    """
    host, warm = resolver.endpoint.host, session.encrypted
    if warm is not None and (warm.host, warm.ip) == (host, resolver.ip):
        return warm
    place = f"{resolver.endpoint.url} {resolver.ip}"
    if place not in session.beside:
        session.beside[place] = WarmResolver(resolver, session, roots, opens=OPENS_BESIDE)
    return session.beside[place]


async def first_warm_resolver(session: Session, roots: Roots, families: Collection[int]) -> WarmResolver | None:
    """Race the public resolvers, DoT ahead of DoH; the first that answers a neutral question stays open."""
    hostname, query_type = session.neutral.endpoints[0].host, "A" if 4 in families else "AAAA"
    delays = {"dot": 0.0, "doh": DOH_WAITS}
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

"""Public resolvers over DoT and DoH: asked once in a follow-up, or kept warm during a run to corroborate addresses."""

import asyncio
import ipaddress
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

from probe.formats.entries import DNSQuery
from probe.formats.transactions import TransactionRecord
from probe.session import Session
from probe.steps.certificates import Roots
from probe.steps.connection import Connection, address_of
from probe.steps.dns import query_stream
from probe.steps.doh import query_doh
from probe.steps.tcp import tcp_connect
from probe.steps.tls import tls_handshake
from probe.targets import Endpoint, is_address
from probe.trace import StepFailed, Trace, Transaction

SIDE_BY_SIDE = 4  # connections that the warm resolver may hold open
DOH_WAITS = 1.5  # seconds that DoT gets alone before DoH is tried too


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

    async def connect(self, tx: Transaction, session: Session, roots: Roots) -> Connection:
        """Open the channel; only a certificate valid for the resolver's own name makes it trusted."""
        alpn = ("h2",) if self.engine == "doh" else ()
        conn = await tcp_connect(tx, self.ip, self.endpoint.port, pace=session.pace)
        return await tls_handshake(tx, conn, self.endpoint.host, pace=session.pace, roots=roots, alpn=alpn)

    async def ask(
        self, tx: Transaction, conn: Connection, session: Session, hostname: str, query_type: str
    ) -> DNSQuery:
        """Ask one question on an open channel."""
        if self.engine == "doh":
            url = f"https://{self.endpoint.host}{self.endpoint.path or '/dns-query'}"
            return await query_doh(tx, conn, url, hostname, query_type, pace=session.pace)
        shown = address_of(self.ip, self.endpoint.port)
        return await query_stream(tx, conn, hostname, query_type, pace=session.pace, resolver_address=shown)


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


async def ask_types(
    ask: Callable[[str], Coroutine[Any, Any, DNSQuery]], types: Sequence[str], *, beside: bool = True
) -> list[DNSQuery]:
    """Ask A and AAAA, beside each other or in turn; fails, as OONI's resolvers do, with A's error if neither passed."""
    if beside:
        outcomes = await asyncio.gather(*(_outcome(ask(t)) for t in types))
    else:
        outcomes = [await _outcome(ask(t)) for t in types]
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


class _Channel:
    """An open connection to a resolver and what closes it; its handshake belongs to the run, to no measurement."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.conn: Connection | None = None

    async def open(self, resolver: Resolver, session: Session, roots: Roots) -> Connection:
        record = TransactionRecord(transaction_id=1, kind="lookup", address=resolver.ip)
        try:
            self.conn = await resolver.connect(Transaction(Trace(), record, self.stack), session, roots)
        except BaseException:
            await self.stack.aclose()
            raise
        return self.conn


class WarmResolver:
    """Keeps a few connections to one resolver open and lends each to one question at a time."""

    def __init__(self, resolver: Resolver, session: Session, roots: Roots) -> None:
        self.engine, self.ip, self.port = resolver.engine, resolver.ip, resolver.endpoint.port
        self._resolver, self._session, self._roots = resolver, session, roots
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._idle: list[_Channel] = []
        self._failed_opens = 0

    async def ask(self, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        """Ask one question; a connection that has gone stale is replaced once."""
        async with self._places:
            if self._idle:
                try:
                    return await self._ask_on(self._idle.pop(), tx, hostname, query_type)
                except StepFailed as stopped:
                    if _is_answer(stopped):
                        raise
            return await self._ask_on(await self._open(), tx, hostname, query_type)

    async def _open(self) -> _Channel:
        if self._failed_opens >= SIDE_BY_SIDE:
            raise StepFailed("resolve", "eof_error")
        channel = _Channel()
        try:
            await channel.open(self._resolver, self._session, self._roots)
        except StepFailed:
            self._failed_opens += 1
            raise
        return channel

    async def _ask_on(self, channel: _Channel, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        assert channel.conn is not None
        try:
            query = await self._resolver.ask(tx, channel.conn, self._session, hostname, query_type)
        except BaseException as error:
            if isinstance(error, StepFailed) and _is_answer(error):
                self._idle.append(channel)
            else:
                await channel.stack.aclose()
            raise
        self._idle.append(channel)
        return query

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().stack.aclose()


def _is_answer(stopped: StepFailed) -> bool:
    return stopped.failure.startswith("dns_")  # the resolver did answer: no such name, no record, refused


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
    async with Trace().transaction("lookup", hostname=hostname, address=warm.ip) as tx:
        await warm.ask(tx, hostname, query_type)
        return warm
    await warm.close()
    return None

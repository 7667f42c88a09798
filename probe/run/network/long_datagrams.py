"""Find out whether the access line carries long datagrams, without a test helper: ask public resolvers long questions.

RFC 7830 lets a query be padded. A resolver that does not like it refuses it, and this refusal shows that it arrived.
"""

import asyncio

from probe.resolution.encrypted_dns import Resolver, public_resolvers
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.steps.dns.dns import query_udp

LONG = 1200  # bytes, as QUIC needs them (RFC 9000, 14.1)
SECONDS = 3.0  # for one answer
FEWEST = 2  # resolvers of different operators that answer short questions alone


async def long_datagrams_pass(session: Session) -> bool | None:
    """Return whether datagrams of LONG bytes arrive, None if too few resolvers answer short ones."""
    families = [family for family in (4, 6) if session.family_works(family)]
    resolvers = {one.provider: one for one in reversed(public_resolvers(session, "dns+udp", families))}
    trace = Trace(on_opened=session.own_flows.opened)
    answers = await asyncio.gather(*(_answers(session, trace, resolver) for resolver in resolvers.values()))
    await trace.finish(patience=0.0)
    if any(long for short, long in answers if short):
        return True
    return False if sum(short for short, _ in answers) >= FEWEST else None


async def _answers(session: Session, trace: Trace, resolver: Resolver) -> tuple[bool, bool]:
    """Return whether the resolver answers a short question and a long one."""
    short, long = await asyncio.gather(*(_ask(session, trace, resolver, padding) for padding in (0, LONG)))
    return short, long


async def _ask(session: Session, trace: Trace, resolver: Resolver, padding: int) -> bool:
    pace, hostname = session.pace, session.neutral.endpoints[0].host
    async with pace.lookup_slot(), trace.transaction(TransactionFacts("lookup", address=resolver.ip)) as tx:
        await query_udp(tx, resolver.ip, hostname, "A", pace=pace, timeout=SECONDS, padding=padding)
    return tx.record.failure is None or tx.record.failure.startswith("dns_")

"""Find out whether this network closes a port for every server: connect to unrelated servers at the same port.

These servers get connections and no byte. Each port is compared once in a run, after two connects to a service failed.
"""

import asyncio
from contextlib import suppress
from typing import Literal

from probe.formats import failures as f
from probe.formats.entries import DNSQuery
from probe.formats.network_facts import PortConnect
from probe.resolution.encrypted_dns import addresses_in
from probe.session.session import Session
from probe.session.trace import StepFailed, Trace, TransactionFacts
from probe.signatures.compared_ports import UNASSIGNED, WEB_PORT, is_compared
from probe.steps.dns.dns import resolve_system
from probe.steps.tcp import tcp_connect
from probe.targets.target import PortHost, family_of

Family = Literal[4, 6]
FAMILIES: tuple[Family, ...] = (4, 6)
QUERY_TYPES: dict[int, str] = {4: "A", 6: "AAAA"}


async def check_port(session: Session, port: int) -> None:
    """Compare a port over each family, once in a run, and keep the connects for `x_run.port_connects`."""
    if session.as_control or not session.settings.followups or not is_compared(port):
        return
    async with session.port_locks[port]:
        if port not in session.port_connects and not session.stopping.is_set():
            families = [family for family in FAMILIES if session.family_works(family)]
            found = await asyncio.gather(*(_over_family(session, port, family) for family in families))
            session.port_connects[port] = [connect for connects in found for connect in connects]


async def _over_family(session: Session, port: int, family: Family) -> list[PortConnect]:
    """Return the connects over a family. Another server is asked only if the port seems to be closed at the first."""
    found: list[PortConnect] = []
    trace = Trace(on_opened=session.own_flows.opened)
    for host in (one for one in session.neutral.port_hosts if one.answers(port)):
        connects = await _at_host(session, trace, host, port, family)
        found += connects
        if any(one.port == port and one.failure is None for one in connects):
            break
    await trace.finish(patience=0.0)
    return found


async def _at_host(session: Session, trace: Trace, host: PortHost, port: int, family: Family) -> list[PortConnect]:
    """Return the connect to the port and, if it fails, those to the ports of pages and of no service."""
    ip = await _address(session, trace, host.host, family)
    if ip is None:
        return []

    async def connect(at: int) -> PortConnect:
        async with session.pace.slot(), trace.transaction(TransactionFacts("followup", address=ip, port=at)) as tx:
            await tcp_connect(tx, ip, at, pace=session.pace, far=True)
        return PortConnect(host=host.host, family=family, port=at, failure=tx.record.failure)

    tried = await connect(port)
    if tried.failure is None or f.is_local(tried.failure):
        return [tried]
    others = [at for at in (WEB_PORT, UNASSIGNED) if host.answers(at)]
    return [tried, *await asyncio.gather(*map(connect, others))]


async def _address(session: Session, trace: Trace, name: str, family: Family) -> str | None:
    """Return the first address of the family. The encrypted resolver is asked if there is one."""
    pace, warm, given = session.pace, session.encrypted, list[str]()
    async with pace.lookup_slot(), trace.transaction(TransactionFacts("lookup", hostname=name)) as tx:
        with suppress(StepFailed):
            if warm is None:
                given = await resolve_system(tx, name, pace=pace, families=frozenset({family}))
            else:
                await warm.ask(tx, name, QUERY_TYPES[family])
                given = addresses_in([entry for entry in tx.entries if isinstance(entry, DNSQuery)])
    return next((ip for ip in given if family_of(ip) == family), None)

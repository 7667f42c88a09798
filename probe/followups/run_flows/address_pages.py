"""Read a service's own page at its address under an innocuous name, after transfers showed that its name is not slowed.

Each read has a connection of its own, because a server would send the rest of a long page on it. No target's name is in
a hello, so that no read is a trigger.
"""

import asyncio

from probe.followups.run_flows.quic_pages import LONGEST, ONE_READ, TURNS
from probe.followups.run_flows.slow_pages import SlowPage
from probe.formats.followups import FollowUp
from probe.session.session import Session
from probe.session.trace import Trace, Transaction
from probe.steps.http.http import MEASURED_BODY, http_request
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from probe.steps.transfer import ALPN

FOLLOWUP: FollowUp = "address_page_innocuous"


async def read_at_address(session: Session, trace: Trace, subject: SlowPage) -> None:
    """Read the beginning of the page `TURNS` times. A read that fails ends it, since the server may refuse the name."""
    until = asyncio.get_running_loop().time() + LONGEST - ONE_READ
    name = session.neutral.innocuous[0]
    for _ in range(TURNS):
        async with trace.transaction(subject.transaction(FOLLOWUP, name)) as tx:
            await _read(session, tx, subject, name)
        if tx.record.failure is not None or asyncio.get_running_loop().time() > until:
            return


async def _read(session: Session, tx: Transaction, subject: SlowPage, name: str) -> None:
    pace = session.pace
    tcp = await tcp_connect(tx, subject.address, subject.port, pace=pace)
    roots = Roots(session.settings.public_roots)
    tls = await tls_handshake(tx, tcp, name, pace=pace, roots=roots, alpn=ALPN[1:], check=False)
    await http_request(tx, tls, "GET", subject.url, pace=pace, timeout=ONE_READ, limit=MEASURED_BODY)


CARRIES_OUT = dict.fromkeys(("address_page_innocuous",))
"""Kinds that are not one flow of one endpoint's attempt."""

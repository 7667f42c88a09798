"""Read a service's own page over QUIC under its name and under an innocuous one, at the same address.

The bytes, the server and the path are the same, so that only the name in the first packets differs. No test helper
takes part. Pages are read in turns, the first one of each turn drawn, so that other traffic does not favour one name.
"""

import asyncio
import random
from collections import deque

from probe.followups.run_flows.slow_pages import SlowPage
from probe.formats.followups import FollowUp
from probe.session.session import Session
from probe.session.trace import Trace, Transaction
from probe.steps.http.http import MEASURED_BODY
from probe.steps.quic.http3 import http3_request
from probe.steps.quic.quic import quic_handshake
from probe.steps.quic.quic_socket import QUICConnection
from probe.steps.tls.certificate_checks import Roots

TURNS = 9  # the fewest with which an interval of 95 % allows one outlier
ONE_READ = 3.0  # seconds of one page
WINDOW = 2 * MEASURED_BODY  # bytes of a page that the server may send ahead, so that few bytes of a long page are sent
LONGEST = 20.0  # seconds, after which no further turn begins


async def read_both(session: Session, trace: Trace, subject: SlowPage) -> None:
    """Read `TURNS` beginnings of the page over each connection. A connection that fails ends the reading of both."""
    names: dict[FollowUp, str] = {
        "quic_page_name": subject.host,
        "quic_page_innocuous": session.neutral.innocuous[0],
    }
    turns = _Turns(list(names))
    flows = [_read(session, trace, subject, each, names[each], turns) for each in random.sample(list(names), 2)]
    await asyncio.gather(*flows)


class _Turns:
    """Give each connection its turns: one of each in every round, in drawn order."""

    def __init__(self, followups: list[FollowUp]) -> None:
        self._order = deque(each for _ in range(TURNS) for each in random.sample(followups, len(followups)))
        self._changed = asyncio.Condition()
        self._until = asyncio.get_running_loop().time() + LONGEST - ONE_READ

    async def next(self, followup: FollowUp) -> bool:
        """Wait for a turn. Return False if the other connection has failed, or the time is over."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._order or self._order[0] == followup)
        if asyncio.get_running_loop().time() > self._until:
            await self.end()
        return bool(self._order)

    async def done(self) -> None:
        async with self._changed:
            self._order.popleft()
            self._changed.notify_all()

    async def end(self) -> None:
        async with self._changed:
            self._order.clear()
            self._changed.notify_all()


async def _read(
    session: Session, trace: Trace, subject: SlowPage, followup: FollowUp, name: str, turns: _Turns
) -> None:
    async with trace.transaction(subject.transaction(followup, name)) as tx:
        conn = await _opened(session, tx, subject, name)
        for _ in range(TURNS):
            if not await turns.next(followup):
                break
            await http3_request(tx, conn, "GET", subject.url, pace=session.pace, timeout=ONE_READ, limit=MEASURED_BODY)
            await turns.done()
    if tx.record.failure is not None:
        await turns.end()


async def _opened(session: Session, tx: Transaction, subject: SlowPage, name: str) -> QUICConnection:
    """Return a connection under a name. That of the target is a trigger. No certificate is checked again."""
    if name == subject.host:
        session.pace.spend_trigger(name, subject.address, "udp", subject.port)
        tx.record.trigger = True
    roots = Roots(session.settings.public_roots)
    return await quic_handshake(
        tx,
        subject.address,
        subject.port,
        name,
        pace=session.pace,
        roots=roots,
        check=False,
        confirm=True,
        window=WINDOW,
    )


CARRIES_OUT = dict.fromkeys(
    (
        "quic_page_name",
        "quic_page_innocuous",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

"""Keep connections open and ask the same server again at intervals, to find a limit of time.

Two connections under the target's name differ in pace. An innocuous name at the same address and a neutral host are
asked at the same time. If both connections of the target end early, the first is made again, and the name is sent to
the neutral host. The requests are HEAD, so that a connection moves about a kilobyte a request.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probe.followups.flow import FlowRunner
from probe.followups.hops.hop_search import HopSearch
from probe.followups.hops.limited_payloads import Case
from probe.followups.run_flows.helper_conditions import seconds_left, until_stopped
from probe.followups.run_flows.late_ends import AnsweringServer, server_of
from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.followups import FollowUp
from probe.session.session import Session
from probe.session.trace import Trace, Transaction
from probe.signatures.kept_connections import FAST_INTERVAL, LATER, LEAST_ANSWERS, SECONDS, SLOW_INTERVAL
from probe.steps.connection import Connection
from probe.steps.http.http import http_request
from probe.steps.tcp import TCPConnection, tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from probe.steps.transfer import ALPN
from probe.targets.cost import KEPT_TOGETHER
from probe.targets.target import family_of, parse_endpoint

ANSWER = 3.5  # seconds for one answer, more than the silence after which a connection fell silent
LONGEST = 2 * (SECONDS + LATER) + ANSWER  # seconds of all connections for one server
MOST = 2  # servers in a round of a standard run
OTHERS = 3  # connections that must last: an innocuous name, and two of a neutral host
BEYOND = 0.5  # seconds that are added to the greatest age at which a connection ended
NAMED: frozenset[FollowUp] = frozenset({"kept_connection", "kept_connection_name_neutral"})


class Planned(NamedTuple):
    """Hold one connection: the kind of follow-up, the name and the place, the delay, and the pace."""

    followup: FollowUp
    name: str
    address: str
    port: int
    later: float = 0.0
    is_fast: bool = False

    @property
    def interval(self) -> float:
        """Return the seconds between two requests."""
        return FAST_INTERVAL if self.is_fast else SLOW_INTERVAL


class Made(NamedTuple):
    """Hold one connection that was made: its failure, and the ages in seconds at its last answer and last request."""

    followup: FollowUp
    transaction: int
    failure: str | None
    is_early: bool
    answered: float
    asked: float


def case_of(server: AnsweringServer, made: Sequence[Made]) -> Case | None:
    """Return the case of a hop search if connections with the name ended early at both places, and all others not.

    None too if some fell silent and others were reset or closed.
    """
    named = [each for each in made if each.followup in NAMED]
    others = [each for each in made if each.followup not in NAMED]
    places = {each.followup for each in named}
    silent = {each.failure in f.SILENT for each in named}
    if places != NAMED or len(silent) != 1 or not all(each.is_early for each in named):
        return None
    if len(others) < OTHERS or any(each.failure is not None for each in others):
        return None
    over, safe = max(each.asked for each in named) + BEYOND, min(each.answered for each in named)
    cause = next(each.transaction for each in named if each.followup == "kept_connection")
    about = (server.service, server.host, server.address, server.port, silent == {True}, cause)
    return Case("kept", *about, parse_endpoint(server.endpoint), over_at=over, asked_until=safe - FAST_INTERVAL)


class KeptConnections:
    """Hold how many servers were asked in the present round."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked = 0
        self._places = asyncio.Semaphore(KEPT_TOGETHER)

    def next_round(self) -> None:
        """Start a repeat that the user asked for."""
        self._asked = 0

    async def finish(self, trace: Trace) -> None:
        """Keep connections to one server of a measurement in a deep run, or where a limit of time is likely."""
        deep, server = self._session.settings.depth == "deep", self.server_of(trace)
        if server is None:
            return
        async with self._places:
            if (deep or self._asked < MOST) and self._has_time() and self._has_triggers(server):
                self._asked += 1
                await until_stopped(self._session, self._compare(trace, server))

    def server_of(self, trace: Trace) -> AnsweringServer | None:
        """Return the server of a measurement that connections are kept to, None without a reason so far."""
        settings = self._session.settings
        return server_of(trace, deep=settings.depth == "deep") if settings.followups else None

    def _has_time(self) -> bool:
        left = seconds_left(self._session)
        return not self._session.stopping.is_set() and (left is None or left > LONGEST)

    def _has_triggers(self, server: AnsweringServer) -> bool:
        return self._session.pace.triggers_left(server.host, server.address, "tcp") >= 2

    async def _compare(self, trace: Trace, server: AnsweringServer) -> None:
        made = await asyncio.gather(*(self._keep(trace, server, each) for each in self._first(server)))
        if not all(each.is_early for each in made if each.followup == "kept_connection"):
            return
        made += await asyncio.gather(*(self._keep(trace, server, each) for each in self._again(server)))
        case = case_of(server, made)
        if case is not None and self._has_time():
            await HopSearch(FlowRunner(trace, self._session)).find_end(case)

    def _first(self, server: AnsweringServer) -> Iterator[Planned]:
        own = Planned("kept_connection", server.host, server.address, server.port)
        yield own
        yield own._replace(later=LATER, is_fast=True)
        yield own._replace(followup="kept_connection_innocuous", name=self._session.neutral.innocuous[0])
        for host, ip, port in self._neutral(server):
            yield Planned("kept_connection_neutral", host, ip, port)

    def _again(self, server: AnsweringServer) -> Iterator[Planned]:
        yield Planned("kept_connection", server.host, server.address, server.port)
        for host, ip, port in self._neutral(server):
            yield Planned("kept_connection_name_neutral", server.host, ip, port)
            yield Planned("kept_connection_neutral", host, ip, port)

    def _neutral(self, server: AnsweringServer) -> list[tuple[str, str, int]]:
        """Return the name, address and port of a neutral host, nothing without one of the family."""
        found = [
            (host.host, ip, host.port if server.secure else 80)
            for ip, host in self._session.neutral_addresses
            if host.scheme == "https" and family_of(ip) == server.family
        ]
        return found[-1:]

    async def _keep(self, trace: Trace, server: AnsweringServer, planned: Planned) -> Made:
        """Ask again and again on one connection. Return how it ended."""
        await asyncio.sleep(planned.later)
        place = planned.followup, planned.name, planned.address, planned.port
        async with trace.transaction(server.transaction(*place)) as tx:
            tcp = await tcp_connect(tx, planned.address, planned.port, pace=self._session.pace)
            opened = asyncio.get_running_loop().time()
            if planned.followup in NAMED:
                self._session.pace.spend_trigger(server.host, planned.address, "tcp", planned.port)
                tx.record.trigger = True
            conn = await self._secured(tx, planned.name, tcp) if server.secure else tcp
            # Inside TLS the endpoint's own server gets its own host, so that it answers as usual.
            hidden = server.secure and planned.followup == "kept_connection_innocuous"
            await self._ask(tx, conn, server.url(server.host if hidden else planned.name), planned.interval, opened)
        asked = [each for each in tx.entries if isinstance(each, HTTPTransaction)]
        answered = [each.t for each in asked if each.failure is None]
        is_early = len(answered) >= LEAST_ANSWERS and tx.record.failure in f.CUT_OFF | f.SILENT
        ages = (max(answered, default=0.0) - tx.record.t0, asked[-1].t0 - tx.record.t0) if asked else (0.0, 0.0)
        return Made(planned.followup, tx.record.transaction_id, tx.record.failure, is_early, *ages)

    async def _secured(self, tx: Transaction, name: str, tcp: TCPConnection) -> Connection:
        roots = Roots(self._session.settings.public_roots)
        return await tls_handshake(tx, tcp, name, pace=self._session.pace, roots=roots, alpn=ALPN[1:], check=False)

    async def _ask(self, tx: Transaction, conn: Connection, url: str, interval: float, opened: float) -> None:
        """Ask until the connection is `SECONDS` old, or the server says that it closes it."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while clock() - opened < SECONDS:
            answer = await http_request(tx, conn, "HEAD", url, pace=self._session.pace, timeout=ANSWER)
            if answer.headers.get("connection", "").lower() == "close":
                return
            due += interval
            await asyncio.sleep(max(0.0, due - clock()))


CARRIES_OUT = dict.fromkeys(
    (
        "kept_connection",
        "kept_connection_innocuous",
        "kept_connection_neutral",
        "kept_connection_name_neutral",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

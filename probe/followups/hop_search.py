"""A name or payload that somebody acts on → how far away: its path, and the payload again with limited TTL.

Everything here goes last, when nothing else of the measurement is on its way to the address: each limited payload is a
trigger, and whoever punishes for it must find nobody but the next one. So nothing harmless is compared with it any
more: what a flow says that is punished before it spoke, it does not count (steps/limited.py), and a new source port is
drawn for each.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Literal

from probe.followups.limited_payloads import Case, datagram_payload, stream_payload
from probe.formats import failures as f
from probe.formats.hops import PATHWIDE, LimitedPayload, PathSweep, PayloadKind
from probe.formats.transactions import TransactionRecord
from probe.privacy.near_routers import writable_hops
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, Transaction
from probe.signatures.ttl_distance import AGREEING, MOST_RUNS, Interval, Search
from probe.steps.path.limited_ttl import limited_payload_tcp, limited_payload_udp
from probe.steps.path.path_sweep import sweep_path
from probe.steps.tcp import tcp_connect
from probe.steps.ttl import AVAILABLE
from probe.targets.target import Endpoint

FLOWS_STANDARD = 3  # triggers that a search may spend (law 7)
FLOWS_DEEP = 6  # before its agreeing runs begin
MOST_CASES = 8  # of one measurement
SECONDS = {"standard": 8.0, "deep": 60.0}  # after which no search of a measurement sends anything more
SLOWEST = 0.5  # seconds; of a router that takes longer to answer we wait no longer all the same
BEYOND = 2  # distances past the last router that answered, where the end was never met
DNS_PORT = 53

_KINDS: dict[str, PayloadKind] = {
    "tls_handshake": "tls",
    "http_round_trip": "http",
    "quic_handshake": "quic",
    "stun_exchange": "stun",
    "sip_options": "sip",
}


class Location:
    """The searches of one measurement."""

    def __init__(self, trace: Trace, session: Session) -> None:
        self._trace, self._session = trace, session
        self._failed: list[tuple[TransactionRecord, TransactionRecord, Endpoint]] = []
        self._until = 0.0  # of the event loop's clock
        self._paths: dict[tuple[str, int, str], asyncio.Task[PathSweep | None]] = {}

    def note(self, first: TransactionRecord, again: TransactionRecord | None, endpoint: Endpoint) -> None:
        """Remember an endpoint whose attempt and confirmation failed, at an address that is genuine."""
        if again is not None:
            self._failed.append((first, again, endpoint))

    async def find(self, hosts: Collection[str]) -> None:
        """Search for whatever was noted and looks like interference. `hosts`: the names of the target's endpoints."""
        if not AVAILABLE:
            return
        self._until = asyncio.get_running_loop().time() + SECONDS[self._session.settings.depth]
        cases: dict[PayloadKind, list[Case]] = defaultdict(list)
        for case in self._cases(hosts):
            cases[case.kind].append(case)
        try:
            await asyncio.gather(*map(self._in_turn, cases.values()))
        finally:
            for task in self._paths.values():
                task.cancel()
            await asyncio.gather(*self._paths.values(), return_exceptions=True)

    async def _in_turn(self, cases: list[Case]) -> None:
        """Search for the first alone: where it ends, the others begin."""
        await self._search(cases[0])
        await asyncio.gather(*map(self._search, cases[1:]))

    # -- what is worth a search ----------------------------------------------------------------------------------

    def _cases(self, hosts: Collection[str]) -> list[Case]:
        """One case per kind of payload, and per service too where it depends on whom one speaks to."""
        found: dict[tuple[PayloadKind, str], Case] = {}
        for case in [*self._lookups(hosts), *self._endpoints()]:
            found.setdefault((case.kind, "" if case.kind in PATHWIDE else case.service), case)
        return list(found.values())[:MOST_CASES]

    def _endpoints(self) -> Iterable[Case]:
        for first, again, endpoint in self._failed:
            kind = _KINDS.get(first.failed_operation or "")
            same = first.failed_operation == again.failed_operation
            by_silence = {first.failure, again.failure} <= f.SILENT
            if kind is None or not same or not (by_silence or {first.failure, again.failure} <= f.CUT_OFF):
                continue
            if (endpoint.facts.has_exchangeable_name and self._innocuous_passed(first, endpoint)) or (
                endpoint.facts.echo_payload and self._twins_differ()
            ):
                place = (first.address, first.port)
                yield Case(kind, first.service, endpoint.host, *place, by_silence, first.transaction_id, endpoint)

    def _innocuous_passed(self, failed: TransactionRecord, endpoint: Endpoint) -> bool:
        return any(
            record.failure is None and (record.kind == "innocuous" or record.followup == "other_name_same_address")
            for record in self._trace.transactions
            if (record.address, record.port) == (failed.address, failed.port)
            and (("quic_handshake" in record.steps) == (endpoint.scheme == "quic"))
        )

    def _twins_differ(self) -> bool:
        """Whether the payload was lost on the way to the helper's echo, and a datagram of no protocol was not."""
        twins: dict[str, set[bool]] = defaultdict(set)
        for record in self._trace.transactions:
            twins[record.followup].add(record.failure is None)
        return twins["other_payload_echo"] == {True} and twins["same_payload_echo"] == {False}

    def _lookups(self, hosts: Collection[str]) -> Iterable[Case]:
        """Names whose question was answered from an address that runs no resolver: whoever did stands on the path.

        A referral is the honest word of an authoritative server that stands there (RFC 1034, 4.3.1).
        """
        for record in self._trace.transactions:
            said = record.failure
            answered = said is None or (said.startswith("dns_") and said != f.DNS_NO_ANSWER)
            placed = record.address != HELPER  # the helper's address stands in no record
            if record.followup == "dark_resolver" and placed and answered and record.hostname in hosts:
                place = (record.address, record.port or DNS_PORT)
                yield Case("dns", "", record.hostname, *place, False, record.transaction_id)

    # -- one search ----------------------------------------------------------------------------------------------

    async def _search(self, case: Case) -> None:
        """Search as long as law 7 lets us, and something is left to find."""
        path = await asyncio.shield(self._path(case))
        if path is None:
            return
        deep = self._session.settings.depth == "deep"
        search = _search_on(path, case, self._guess(case.kind))
        slowest = min(SLOWEST, max((hop.round_trip or 0.0 for hop in path.hops), default=0.0))
        for _ in range(FLOWS_DEEP if deep else FLOWS_STANDARD):
            if not (ttls := search.next()) or not await self._try(case, search, ttls, slowest):
                break
        if deep:
            await self._agree(case, search, slowest)
        if (found := search.found()) is not None and found.exact:
            self._session.located.setdefault(case.kind, found)

    def _guess(self, kind: PayloadKind) -> Interval | None:
        """Where this payload was met on another path, or else any: boxes that know the same names stand together."""
        located = self._session.located
        return located.get(kind) or next(iter(located.values()), None)

    async def _agree(self, case: Case, search: Search, slowest: float) -> None:
        """Look at both ends of what was found again, one flow each, until enough runs agree."""
        for _ in range(MOST_RUNS):
            found = search.found()
            if found is None or found.agreeing >= AGREEING:
                return
            for ttl in filter(None, (found.low, found.high)):
                if not await self._try(case, search, [ttl], slowest):
                    return

    async def _try(self, case: Case, search: Search, ttls: list[int], slowest: float) -> bool:
        """Send the payload in one flow; says whether another one may follow."""
        pace = self._session.pace
        late = asyncio.get_running_loop().time() > self._until
        if late or self._session.stopping.is_set() or not pace.can_trigger(case.host, case.ip, case.carrier):
            return False
        about = case.about() | {"sent_name": case.host}
        async with pace.place(), self._trace.transaction("followup", followup="limited_payload", **about) as tx:
            say = self._over_tcp if case.carrier == "tcp" else self._over_udp
            entry = await say(tx, case, ttls, slowest)
            for distance in entry.distances:
                search.learn(distance.ttl, distance.outcome)
        return tx.record.failure is None

    async def _over_tcp(self, tx: Transaction, case: Case, ttls: list[int], slowest: float) -> LimitedPayload:
        pace = self._session.pace
        await tx.connections.enter_async_context(pace.tls_place(case.ip, case.host))
        conn = await tcp_connect(tx, case.ip, case.port, pace=pace)
        payload = stream_payload(case, short=len(ttls) > 1)
        if len(payload) > conn.segment_size():
            ttls = ttls[-1:]  # the kernel repeats one segment, which shows nobody the whole name
        self._count(tx, case)
        how = (conn, payload, case.kind, ttls)
        return await limited_payload_tcp(tx, *how, pace=pace, slowest=slowest, by_silence=case.by_silence)

    async def _over_udp(self, tx: Transaction, case: Case, ttls: list[int], slowest: float) -> LimitedPayload:
        self._count(tx, case)
        datagram, once = datagram_payload(case), case.kind == "dns"
        ahead = datagram if case.kind == "quic" else b""
        where = (case.ip, case.port, datagram, case.kind, ttls)
        pace = self._session.pace
        return await limited_payload_udp(tx, *where, pace=pace, slowest=slowest, ahead=ahead, once=once)

    def _count(self, tx: Transaction, case: Case) -> None:
        self._session.pace.spend_trigger(case.host, case.ip, case.carrier, case.port)
        tx.record.trigger = True

    # -- the path ------------------------------------------------------------------------------------------------

    def _path(self, case: Case) -> asyncio.Task[PathSweep | None]:
        """The path to where the case is, walked once, whoever needs it."""
        transport: Literal["tcp", "udp"] = "udp" if case.kind in {"stun", "sip", "dns"} else "tcp"
        key = (case.ip, case.port, transport)
        if key not in self._paths:
            self._paths[key] = asyncio.create_task(self._walk(case, transport))
        return self._paths[key]

    async def _walk(self, case: Case, transport: Literal["tcp", "udp"]) -> PathSweep | None:
        entry: PathSweep | None = None
        pace = self._session.pace
        residual = pace.in_residual(case.ip, case.port)
        async with pace.place():
            if self._session.stopping.is_set():
                return None
            about = case.about() | {"in_residual": residual}
            async with self._trace.transaction("followup", followup="path_sweep", **about) as tx:
                entry = await sweep_path(tx, case.ip, case.port, transport=transport, pace=pace, show=self._show)
        return entry

    def _show(self, found: Iterable[tuple[int, str]]) -> dict[int, tuple[str, int | None]]:
        hops = writable_hops(found, network_withheld=self._session.settings.network_withheld)
        return {ttl: (ip, self._session.asn_of(ip) or None) for ttl, ip in hops.items()}


def _search_on(path: PathSweep, case: Case, guess: Interval | None) -> Search:
    """A search among the distances that can say something: before the end, and for silence where a router answers."""
    answering = frozenset(hop.ttl for hop in path.hops if hop.answered and not hop.late)
    furthest = path.end_ttl or max((hop.ttl for hop in path.hops if hop.answered), default=0) + BEYOND
    candidates = [ttl for ttl in range(1, furthest) if ttl in answering or not case.by_silence]
    return Search(candidates, answering, furthest, case.by_silence, guess, 1 if case.kind == "dns" else 2)

"""Find the hop that acts on a name or payload: the path, then the payload again with limited TTL.

The search runs after every other flow of the measurement, because each limited payload is a trigger. Residual
censorship can then only affect the next limited payload. Such a flow is not counted if it fails before its payload was
sent (steps/path/limited_ttl.py). Each flow has a new source port. No innocuous flow is compared any more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

from probe.followups.connect_search import ConnectSearch
from probe.followups.flow import FlowFacts, FlowRunner, Trigger
from probe.followups.limited_payloads import Case, datagram_payload, stream_payload
from probe.formats import failures as f
from probe.formats.exchanges.hops import LimitedPayload, PathSweep, PayloadKind
from probe.formats.transactions import TransactionRecord
from probe.platforms.sockets.ttl import tells_icmp_errors
from probe.privacy.near_routers import writable_hops
from probe.session.session import HELPER
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import AGREEING, MOST_RUNS, PATHWIDE, Interval, Search
from probe.steps.path.connect_packets import Transport
from probe.steps.path.limited_ttl import limited_payload_tcp, limited_payload_udp
from probe.steps.path.path_sweep import sweep_path
from probe.steps.tcp import tcp_connect
from probe.steps.tls.client_hello import OWN
from probe.targets.target import Endpoint

FLOWS_STANDARD = 3  # triggers of one search (P7)
FLOWS_DEEP = 6  # before its agreeing runs begin
MOST_CASES = 8  # of one measurement
SECONDS = {"standard": 8.0, "deep": 60.0}  # after which no search of a measurement sends anything more
SLOWEST = 0.5  # seconds, the longest wait for a router
BEYOND = 2  # distances past the last router that answered, where the end of the path was not reached
DNS_PORT = 53

_KINDS: dict[str, PayloadKind] = {
    "connect": "syn",
    "tls_handshake": "tls",
    "http_round_trip": "http",
    "quic_handshake": "quic",
    "stun_exchange": "stun",
    "reflector_hello": "reflector",
    "dtls_hello": "dtls",
    "sip_options": "sip",
}
_CONNECT_FAILURES = frozenset({f.REFUSED, f.RESET, f.HOST_UNREACHABLE, f.NETWORK_UNREACHABLE})
_DATAGRAMS = frozenset({"stun", "reflector", "dtls", "sip", "dns"})
_NAMELESS = frozenset({"syn", "datagram"})


class HopSearch:
    """Run the searches of one measurement."""

    def __init__(self, runner: FlowRunner) -> None:
        self._runner, self._trace, self._session = runner, runner.trace, runner.session
        self._failed: list[tuple[TransactionRecord, TransactionRecord, Endpoint]] = []
        self._until = 0.0  # of the event loop's clock
        self._paths: dict[tuple[str, int, str], asyncio.Task[PathSweep | None]] = {}
        self._connects = ConnectSearch(runner, self._path, self._is_in_time)

    def note(self, attempt: TransactionRecord, confirmation: TransactionRecord, endpoint: Endpoint) -> None:
        """Remember an endpoint whose attempt and confirmation failed at a verified address."""
        self._failed.append((attempt, confirmation, endpoint))

    async def find(self, hosts: Collection[str]) -> None:
        """Search for each noted failure that looks like interference. `hosts`: the names of the target's endpoints."""
        if not tells_icmp_errors():
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
        """Search for the first case alone. The others begin at the distance that it found, unless it has no payload."""
        if cases[0].kind in _NAMELESS:
            await asyncio.gather(*map(self._connects.search, cases))
            return
        await self._search(cases[0])
        await asyncio.gather(*map(self._search, cases[1:]))

    # -- which failures are searched -----------------------------------------------------------------------------

    def _cases(self, hosts: Collection[str]) -> list[Case]:
        """Return one case per kind of payload, and per service where the server matters."""
        found: dict[tuple[PayloadKind, str], Case] = {}
        for case in [*self._lookups(hosts), *self._endpoints()]:
            found.setdefault((case.kind, "" if case.kind in PATHWIDE else case.service), case)
        return list(found.values())[:MOST_CASES]

    def _endpoints(self) -> Iterable[Case]:
        for attempt, confirmation, endpoint in self._failed:
            kind = _KINDS.get(attempt.failed_operation or "")
            failures = {attempt.failure, confirmation.failure}
            by_silence = failures <= f.SILENT
            if failures == {None} and endpoint.dialect == "sip/udp":  # the planner noted answers that are doubtful
                cause = attempt.transaction_id
                yield Case("sip", attempt.service, endpoint.host, *_place(attempt), False, cause, endpoint)
            if kind is None or attempt.failed_operation != confirmation.failed_operation:
                continue
            if not self._is_searchable(kind, failures, attempt, endpoint):
                if endpoint.carrier == "tcp" or not (by_silence or failures <= _CONNECT_FAILURES):
                    continue
                kind = "datagram"
            cause = attempt.transaction_id
            yield Case(kind, attempt.service, endpoint.host, *_place(attempt), by_silence, cause, endpoint)

    def _is_searchable(
        self, kind: PayloadKind, failures: set[str | None], attempt: TransactionRecord, endpoint: Endpoint
    ) -> bool:
        """Return whether two equal failures look like interference that a search can locate."""
        if kind == "syn":
            return failures <= f.SILENT or failures <= _CONNECT_FAILURES
        if not (failures <= f.SILENT or failures <= f.CUT_OFF):
            return False
        by_name = endpoint.facts.has_exchangeable_name and self._innocuous_passed(attempt, endpoint)
        return by_name or (bool(endpoint.facts.echo_payload) and self._only_own_payload_dropped())

    def _innocuous_passed(self, failed: TransactionRecord, endpoint: Endpoint) -> bool:
        return any(
            record.failure is None and (record.kind == "innocuous" or record.followup == "other_name_same_address")
            for record in self._trace.transactions
            if (record.address, record.port) == (failed.address, failed.port)
            and (("quic_handshake" in record.steps) == (endpoint.scheme == "quic"))
        )

    def _only_own_payload_dropped(self) -> bool:
        """Return whether the echo pair lost the endpoint's datagram and not the random one."""
        echoed: dict[str, set[bool]] = defaultdict(set)
        for record in self._trace.transactions:
            echoed[record.followup].add(record.failure is None)
        return echoed["other_payload_echo"] == {True} and echoed["same_payload_echo"] == {False}

    def _lookups(self, hosts: Collection[str]) -> Iterable[Case]:
        """Return a case for each name that a non-resolver answered for: the answer came from the path.

        A referral is excluded, because an authoritative server at that address may send it (RFC 1034, 4.3.1).
        """
        for record in self._trace.transactions:
            failure = record.failure
            answered = failure is None or (failure.startswith("dns_") and failure != f.DNS_NO_ANSWER)
            known = record.address != HELPER  # the helper's address is in no record
            if record.followup == "dark_resolver" and known and answered and record.hostname in hosts:
                place = (record.address, record.port or DNS_PORT)
                yield Case("dns", "", record.hostname, *place, False, record.transaction_id)

    # -- one search ----------------------------------------------------------------------------------------------

    async def _search(self, case: Case) -> None:
        """Search while triggers are left (P7) and the interval can still shrink."""
        path = await self._path(case, "udp" if case.kind in _DATAGRAMS else "tcp")
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
        """Return where this payload was acted on along another path, else where any was.

        Middleboxes that know the same names are often at the same hop.
        """
        located = self._session.located
        return located.get(kind) or next(iter(located.values()), None)

    async def _agree(self, case: Case, search: Search, slowest: float) -> None:
        """Repeat both ends of the interval, one flow each, until enough runs agree."""
        for _ in range(MOST_RUNS):
            found = search.found()
            if found is None or found.agreeing >= AGREEING:
                return
            for ttl in filter(None, (found.low, found.high)):
                if not await self._try(case, search, [ttl], slowest):
                    return

    async def _try(self, case: Case, search: Search, ttls: list[int], slowest: float) -> bool:
        """Send the payload in one flow. Return whether another flow may follow."""
        if not self._is_in_time():
            return False
        trigger = Trigger(case.host, case.ip, case.carrier, case.port)

        async def steps(tx: Transaction) -> None:
            send = self._over_tcp if case.carrier == "tcp" else self._over_udp
            entry = await send(tx, case, trigger, ttls, slowest)
            for distance in entry.distances:
                search.learn(distance.ttl, distance.outcome)

        about = case.transaction("limited_payload", sent_name=case.host)
        record = await self._runner.carry_out(FlowFacts(about, trigger), steps)
        return record is not None and record.failure is None

    def _is_in_time(self) -> bool:
        return asyncio.get_running_loop().time() <= self._until

    async def _over_tcp(
        self, tx: Transaction, case: Case, trigger: Trigger, ttls: list[int], slowest: float
    ) -> LimitedPayload:
        pace = self._session.pace
        await tx.connections.enter_async_context(pace.tls_slot(case.ip, case.host))
        conn = await tcp_connect(tx, case.ip, case.port, pace=pace)
        if case.kind == "tls":
            await tx.connections.enter_async_context(pace.hellos.open(case.ip, OWN.engine))
        payload = stream_payload(case, short=len(ttls) > 1)
        if len(payload) > conn.segment_size():
            ttls = ttls[-1:]  # the kernel repeats only one segment, which does not hold the whole name
        self._runner.count(tx, trigger)
        return await limited_payload_tcp(
            tx, conn, payload, case.kind, ttls, pace=pace, slowest=slowest, by_silence=case.by_silence
        )

    async def _over_udp(
        self, tx: Transaction, case: Case, trigger: Trigger, ttls: list[int], slowest: float
    ) -> LimitedPayload:
        self._runner.count(tx, trigger)
        datagram, once = datagram_payload(case), case.kind == "dns"
        ahead = datagram if case.kind == "quic" else b""
        pace = self._session.pace
        return await limited_payload_udp(
            tx, case.ip, case.port, datagram, case.kind, ttls, pace=pace, slowest=slowest, ahead=ahead, once=once
        )

    # -- the path ------------------------------------------------------------------------------------------------

    async def _path(self, case: Case, transport: Transport) -> PathSweep | None:
        """Return the path to the case's address. It is measured once per address, port and transport."""
        key = (case.ip, case.port, transport)
        if key not in self._paths:
            self._paths[key] = asyncio.create_task(self._sweep(case, transport))
        return await asyncio.shield(self._paths[key])

    async def _sweep(self, case: Case, transport: Transport) -> PathSweep | None:
        entry: PathSweep | None = None
        pace = self._session.pace

        async def steps(tx: Transaction) -> None:
            nonlocal entry
            entry = await sweep_path(tx, case.ip, case.port, transport=transport, pace=pace, show=self._show)

        await self._runner.carry_out(FlowFacts(case.transaction("path_sweep"), residual="at_start"), steps)
        return entry

    def _show(self, found: Iterable[tuple[int, str]]) -> dict[int, tuple[str, int | None]]:
        hops = writable_hops(found, network_withheld=self._session.settings.network_withheld)
        return {ttl: (ip, self._session.asn_of(ip) or None) for ttl, ip in hops.items()}


def _place(attempt: TransactionRecord) -> tuple[str, int]:
    return attempt.address, attempt.port


def _search_on(path: PathSweep, case: Case, guess: Interval | None) -> Search:
    """Return a search among the useful distances: before the end, and after silence only where a router answers.

    Behind the last router an answer may come from the server, unless its distance is known.
    """
    answering = frozenset(hop.ttl for hop in path.hops if hop.answered and not hop.late)
    last = max((hop.ttl for hop in path.hops if hop.answered), default=0)
    furthest = path.end_ttl or last + (BEYOND if case.by_silence or case.carrier == "tcp" else 1)
    candidates = [ttl for ttl in range(1, furthest) if ttl in answering or not case.by_silence]
    return Search(candidates, answering, furthest, case.by_silence, guess, 1 if case.kind == "dns" else 2)

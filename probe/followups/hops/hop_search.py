"""Find the hop that acts on a name or payload: the path, then the payload again with limited TTL.

The search runs after every other flow of the measurement, because each limited payload is a trigger. Residual
censorship can then only affect the next limited payload. Such a flow is not counted if it fails before its payload was
sent (steps/path/limited_ttl.py). Each flow has a new source port. No innocuous flow is compared any more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable

from probe.followups.flow import FlowFacts, FlowRunner, Trigger
from probe.followups.hops.case_search import is_met, learn, search_on
from probe.followups.hops.connect_search import ConnectSearch
from probe.followups.hops.hop_cases import HopCases
from probe.followups.hops.limited_flows import LimitedFlows
from probe.followups.hops.limited_payloads import Case
from probe.followups.hops.quote_search import QuoteSearch
from probe.formats.exchanges.hops import PathSweep, PayloadKind
from probe.platforms.sockets.ttl import tells_icmp_errors
from probe.privacy.near_routers import writable_hops
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import (
    AGREEING,
    COMPARING,
    MOST_RUNS,
    NAMELESS,
    STEADY,
    STEADY_OF,
    Interval,
    TTLSearch,
)
from probe.steps.path.connect_packets import Transport
from probe.steps.path.limited_ttl import SENT_TWICE
from probe.steps.path.path_sweep import sweep_path

FLOWS_STANDARD = 3  # triggers of one search (P7). The hop of a drop needs one more that confirms it.
# Packets of the flow that confirms a drop. The kernel repeats a segment after 0.2, 0.4 and 0.8 s.
CONFIRMING: dict[str, int] = {"tcp": 3, "udp": 4}
BEFORE = 3  # packets without a name that are sent before the payload. The others follow it
FLOWS_DEEP = 6  # flows of a deep search before both ends are repeated
SECONDS = {"standard": 8.0, "deep": 60.0}  # after which no search of a measurement sends anything more
CONFIRMED_WITHIN = 4.0  # seconds that confirmations may take in addition
KEPT_SECONDS = 45.0  # seconds of a search on connections that are kept open
SLOWEST = 0.5  # seconds, the longest wait for a router
REPEATED_UP_TO, LATE = 0.13, 0.4  # seconds of round trip and of a reaction, above which a packet is sent once


class HopSearch:
    """Run the searches of one measurement."""

    def __init__(self, runner: FlowRunner) -> None:
        self._runner, self._session = runner, runner.session
        self.cases = HopCases(runner.trace)
        self._until = self._latest = 0.0  # of the event loop's clock
        self._paths: dict[tuple[str, int, str], asyncio.Task[PathSweep | None]] = {}
        self._connects = ConnectSearch(runner, self._path, self._is_in_time)
        self._flows = LimitedFlows(runner, self._is_in_time)
        self._quotes = QuoteSearch(runner, self._path, self._is_in_time)

    async def find(self, hosts: Collection[str]) -> None:
        """Search for each noted failure that looks like interference. `hosts`: the names of the target's endpoints."""
        if not tells_icmp_errors():
            return
        self._begin(SECONDS[self._session.settings.depth])
        cases: dict[PayloadKind, list[Case]] = defaultdict(list)
        for case in self.cases.of(hosts):
            cases[case.kind].append(case)
        await self._ending(asyncio.gather(*map(self._in_turn, cases.values())))

    async def find_end(self, case: Case) -> None:
        """Search for the hop that ends connections at some age. `case` is of kind `kept`."""
        if tells_icmp_errors():
            self._begin(KEPT_SECONDS)
            await self._ending(self._search(case))

    def _begin(self, seconds: float) -> None:
        self._until = asyncio.get_running_loop().time() + seconds
        self._latest = self._until + CONFIRMED_WITHIN

    async def _ending(self, searches: Awaitable[object]) -> None:
        """Wait for searches, then cancel measurements of paths that nothing waits for."""
        try:
            await searches
        finally:
            for task in self._paths.values():
                task.cancel()
            await asyncio.gather(*self._paths.values(), return_exceptions=True)

    async def _in_turn(self, cases: list[Case]) -> None:
        """Search for the first case alone. The others begin at the distance that it found, unless it has no payload."""
        if cases[0].kind in NAMELESS:
            await asyncio.gather(*map(self._connects.search, cases))
            return
        await self._search(cases[0])
        await asyncio.gather(*map(self._search, cases[1:]))

    # -- one search ----------------------------------------------------------------------------------------------

    async def _search(self, case: Case, guess: Interval | None = None, flows: int | None = None) -> None:
        """Search while triggers are left (P7) and the interval can still shrink.

        If several TTLs remain, they are tried at another address of the service. `guess`: those that remained.
        `flows`: how many may be sent there.
        """
        if case.by_quote:
            await self._quotes.search(case, guess or self._guess(case.kind))
            return
        path = await self._path(case, "tcp" if case.kind == "quic" and not case.any_name else case.carrier)
        if case.any_name and case.carrier == "tcp" and path is not None:
            path = _behind_proxy(path, await self._path(case, "udp"))
        if path is None:
            return
        deep = self._session.settings.depth == "deep"
        search = search_on(path, case, guess or self._guess(case.kind))
        slowest = min(SLOWEST, max((hop.round_trip or 0.0 for hop in path.hops), default=0.0))
        slowest = max(slowest, case.reaction)
        left = flows or (FLOWS_DEEP if deep else FLOWS_STANDARD)
        while left and (ttls := search.next()):
            left -= 1
            if not await self._try(case, search, ttls, slowest):
                break
        if case.kind in COMPARING and left and (found := search.found()) is not None and found.exact:
            await self._repeat(case, search, found, slowest)
        await self._confirm(case, search, path.transport, slowest)
        await self._meet_again(case, search, slowest)
        if deep and case.kind != "kept":
            await self._agree(case, search, slowest)
        if (found := search.found()) is None:
            return
        if found.exact and _is_sure(case, search, found):
            self._session.located.setdefault(case.kind, found)
        elif not found.exact and left and guess is None and (other := self.cases.at_another_address(case)) is not None:
            await self._search(other, found, left)

    def _guess(self, kind: PayloadKind) -> Interval | None:
        """Return the hop that acted on this payload along another path, else the hop that acted on any payload.

        Middleboxes that know the same names are often at the same hop.
        """
        located = self._session.located
        return located.get(kind) or next(iter(located.values()), None)

    async def _repeat(self, case: Case, search: TTLSearch, found: Interval, slowest: float) -> None:
        """Repeat both ends on a second connection, if the first one alone showed them."""
        if len(search.seen) <= search.most:
            await self._try(case, search, [ttl for ttl in (found.low, found.high) if ttl], slowest)

    async def _confirm(self, case: Case, search: TTLSearch, beside: Transport, slowest: float) -> None:
        """Repeat silence at the hop that was found. Routers that answer at random would look like a drop."""
        found = search.found()
        if _needs_confirmation(case) and found is not None and found.exact and found.high not in search.confirmed:
            clock = asyncio.get_running_loop().time
            began = clock()
            await self._try(case, search, [found.high], slowest, beside=beside)
            self._until = min(self._until + clock() - began, self._latest)

    async def _meet_again(self, case: Case, search: TTLSearch, slowest: float) -> None:
        """Repeat both ends if a single packet met silence before the hop. It may have been lost."""
        found = search.found()
        if found is not None and found.exact and not is_met(case, search, found):
            await self._try(case, search, [found.low, found.high], slowest, longer=CONFIRMED_WITHIN)

    async def _agree(self, case: Case, search: TTLSearch, slowest: float) -> None:
        """Repeat both ends of the interval, one flow each, until enough runs agree."""
        for _ in range(MOST_RUNS):
            found = search.found()
            if found is None or found.agreeing >= AGREEING:
                return
            for ttl in filter(None, (found.low, found.high)):
                if not await self._try(case, search, [ttl], slowest, whole=True):
                    return

    async def _try(
        self,
        case: Case,
        search: TTLSearch,
        ttls: list[int],
        slowest: float,
        *,
        whole: bool = False,
        beside: Transport | None = None,
        longer: float = 0.0,
    ) -> bool:
        """Send the payload in one flow. Return whether another flow may follow.

        `whole`: our TLS hello as it was sent first, in several segments. All others of a search have one form. A
        middlebox that acts on long hellos alone would otherwise seem to begin where the form changes. `beside`: packets
        without a name are sent to the single TTL too. `longer`: seconds after the time for searches.
        """
        if not self._is_in_time(CONFIRMED_WITHIN if beside else longer):
            return False
        trigger = Trigger(case.host, case.ip, case.carrier, case.port)

        async def steps(tx: Transaction) -> None:
            answered = await self._flows.count_answered(tx, case, beside, ttls, BEFORE)
            is_last = _needs_confirmation(case) and not beside and self._triggers_left(trigger) == 1
            most = CONFIRMING[case.carrier] if beside or is_last else self._packets(case)
            if case.carrier == "tcp":
                entry = await self._flows.over_tcp(tx, case, trigger, ttls, slowest, whole, most)
            else:
                entry = await self._flows.over_udp(tx, case, trigger, ttls, slowest, search, most)
            answered += await self._flows.count_answered(tx, case, beside, ttls, STEADY_OF - BEFORE)
            if _needs_confirmation(case):
                entry.compared = ttls if answered >= STEADY else []
            learn(case, search, entry)
            if is_last:
                entry.compared = await self._confirm_at_once(tx, case, search, self._beside(case))

        about = case.transaction("limited_payload", sent_name="" if case.kind == "random" else case.host)
        record = await self._runner.carry_out(FlowFacts(about, trigger if case.is_trigger else None), steps)
        return record is not None and (record.failure is None or case.kind in COMPARING)  # some stop only some flows

    async def _confirm_at_once(self, tx: Transaction, case: Case, search: TTLSearch, beside: Transport) -> list[int]:
        """Send the packets without a name beside the flow of the last trigger, which no other flow may follow.

        Return the TTL that they confirm, [] for none.
        """
        found = search.found()
        if found is None or not found.exact:
            return []
        answered = await self._flows.count_answered(tx, case, beside, [found.high], STEADY_OF)
        if answered >= STEADY:
            search.confirmed.add(found.high)
        return [found.high] if answered >= STEADY else []

    def _packets(self, case: Case) -> int:
        """Return how many packets with one TTL a flow has. The kernel repeats them ever more slowly."""
        waits = self._session.pace.round_trip > REPEATED_UP_TO or case.reaction > LATE
        return 1 if waits and case.carrier == "tcp" and case.kind not in COMPARING else SENT_TWICE

    def _beside(self, case: Case) -> Transport:
        """Return what carries packets without a name on the path that was measured for a case."""
        return "tcp" if case.carrier == "tcp" or (case.kind == "quic" and not case.any_name) else "udp"

    def _triggers_left(self, trigger: Trigger) -> int:
        return self._session.pace.triggers_left(trigger.name, trigger.address, trigger.transport)

    def _is_in_time(self, longer: float = 0.0) -> bool:
        return asyncio.get_running_loop().time() <= self._until + longer

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


def _behind_proxy(path: PathSweep, datagrams: PathSweep | None) -> PathSweep:
    """Return the path of datagrams if it goes on where a connect ended: a middlebox then accepts connects."""
    hops = datagrams.hops if datagrams else []
    if path.end_ttl and any(hop.answered and not hop.late and hop.ttl >= path.end_ttl for hop in hops):
        return path.model_copy(update={"transport": "udp", "hops": hops, "end": "", "end_ttl": None})
    return path


def _needs_confirmation(case: Case) -> bool:
    """Return whether silence is the only sign, and no packets of the same connection are compared."""
    return case.by_silence and case.kind not in COMPARING


def _is_sure(case: Case, search: TTLSearch, found: Interval) -> bool:
    confirmed = found.high in search.confirmed or not _needs_confirmation(case)
    return confirmed and is_met(case, search, found)


CARRIES_OUT = dict.fromkeys(
    (
        "path_sweep",
        "limited_payload",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

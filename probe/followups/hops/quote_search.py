"""Find the hop that changes datagrams: from it on, routers quote other bytes than were sent.

Two flows must agree. If the last router receives the bytes as sent and the server answers, the change happens on the
way back or at the server.
"""

from collections.abc import Callable, Collection, Sequence

from probe.followups.flow import FlowFacts, FlowRunner, Trigger
from probe.followups.hops.connect_search import Sweep
from probe.followups.hops.limited_payloads import Case, datagram_payload
from probe.formats.exchanges.hops import Distance
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import AGREEING_QUOTES, Interval, interval, next_ttls, swapped_at
from probe.steps.path.quoted_datagrams import quoted_datagrams

FLOWS = 3  # triggers of one search (P7)
BEYOND = 2  # distances past the last router at which the server may be
SLOWEST = 0.5  # seconds, the longest wait for a router


class QuotePlan:
    """Choose the TTLs of one search. `routers` are the distances of those that answer, `guess` is where to begin."""

    def __init__(self, routers: Collection[int], guess: Interval | None = None) -> None:
        self._routers, self._last, self._guess = routers, max(routers, default=0), guess
        self._flows: list[Sequence[Distance]] = []

    def choose(self, distances: Sequence[Distance]) -> int:
        """Return the TTL of the next datagram of a flow, 0 if it is complete. `distances`: its results, which grow."""
        if not self._flows or self._flows[-1] is not distances:
            self._flows.append(distances)
        tried = {distance.ttl for distance in distances}
        return next((ttl for ttl in self._wanted() if ttl not in tried), 0)

    def is_complete(self) -> bool:
        """Return whether another flow would show nothing more."""
        found = self.found()
        agreeing = found.agreeing if found and found.exact else self._count_answered()
        return agreeing >= AGREEING_QUOTES or not self._wanted()

    def found(self) -> Interval | None:
        """Return the distances between which the payload is changed."""
        return interval(self._seen())

    def _results(self) -> list[Distance]:
        return [distance for flow in self._flows for distance in flow]

    def _seen(self) -> list[tuple[int, bool]]:
        return [seen for one in self._results() if (seen := swapped_at(one.ttl, one.quote)) is not None]

    def _count_answered(self) -> int:
        return sum(one.outcome == "answered" for one in self._results())

    def _wanted(self) -> list[int]:
        """Return the TTLs that a flow needs next, in order."""
        known = interval([*self._seen(), (self._last + 1, True)])
        if known is None:
            return []
        if between := self._between(known.low, known.high):
            return between
        if known.high <= self._last:
            return [known.low, known.high] if known.exact and known.low else []
        return [known.low, *self._beyond()] if known.low else []

    def _between(self, low: int, high: int) -> list[int]:
        """Return the next TTL that makes the interval smaller. Routers whose quotes show nothing are left out."""
        useless = {one.ttl for one in self._results() if one.quote in {"short", "changed"}}
        useful = sorted(ttl for ttl in self._routers if low < ttl < high and ttl not in useless)
        ends = (self._guess.low, self._guess.high) if self._guess is not None and self._guess.exact else ()
        return [ttl for ttl in ends if ttl in useful][:1] or next_ttls(low, high, useful, most=1)

    def _beyond(self) -> list[int]:
        """Return distances past the last router at which the server may answer."""
        silent = {one.ttl for one in self._results() if one.quote == "none" and one.outcome != "answered"}
        return [ttl for ttl in range(self._last + 1, self._last + 1 + BEYOND) if ttl not in silent]


class QuoteSearch:
    """Run the searches of one measurement. `may_send` returns False once their time is over."""

    def __init__(self, runner: FlowRunner, sweep: Sweep, may_send: Callable[[], bool]) -> None:
        self._runner, self._session, self._sweep, self._may_send = runner, runner.session, sweep, may_send

    async def search(self, case: Case, guess: Interval | None) -> Interval | None:
        """Search while triggers are left (P7). Return the distances between which the case's payload is changed."""
        path = await self._sweep(case, "udp")
        if path is None:
            return None
        plan = QuotePlan([hop.ttl for hop in path.hops if hop.answered and not hop.late], guess)
        slowest = min(SLOWEST, max((hop.round_trip or 0.0 for hop in path.hops), default=0.0))
        for _ in range(FLOWS):
            if plan.is_complete() or not self._may_send() or not await self._flow(case, plan, slowest):
                break
        return plan.found()

    async def _flow(self, case: Case, plan: QuotePlan, slowest: float) -> bool:
        """Send the datagrams of one flow. Return whether another may follow."""
        trigger = Trigger(case.host, case.ip, case.carrier, case.port)

        async def steps(tx: Transaction) -> None:
            self._runner.count(tx, trigger)
            await quoted_datagrams(
                tx,
                case.ip,
                case.port,
                case.kind,
                lambda: datagram_payload(case),
                plan.choose,
                pace=self._session.pace,
                slowest=slowest,
            )

        about = case.transaction("limited_payload", sent_name=case.host)
        record = await self._runner.carry_out(FlowFacts(about, trigger), steps)
        return record is not None and record.failure is None

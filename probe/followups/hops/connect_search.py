"""Find the hop that stops connects to an address, or all datagrams to it. No packet contains a name."""

from collections.abc import Awaitable, Callable, Sequence

from probe.followups.flow import FlowFacts, FlowRunner
from probe.followups.hops.limited_payloads import Case
from probe.formats.exchanges.hops import LimitedPayload, PathSweep
from probe.session.trace import Transaction
from probe.steps.path.connect_packets import Place, Transport, compared_silence, limited_packets
from probe.targets.target import family_of

COMPARISONS = 5  # how often silence is compared with SYNs that share the path, each time from new ports
MOST_NEUTRAL = 3
AGAIN = {"standard": 2, "deep": 5}  # flows with packets whose answer is a reset or an ICMP error
HTTPS_PORT = 443

Sweep = Callable[[Case, Transport], Awaitable[PathSweep | None]]
"""Return the path to a case's address over TCP or UDP. It is measured once."""


class ConnectSearch:
    """Search the hops of one measurement's failed connects.

    `may_send` returns False once the time for hop searches is over.
    """

    def __init__(self, runner: FlowRunner, sweep: Sweep, may_send: Callable[[], bool]) -> None:
        self._runner, self._session, self._sweep, self._may_send = runner, runner.session, sweep, may_send

    async def search(self, case: Case) -> None:
        """Search for the case, over TCP for SYNs and else over UDP."""
        path = await self._sweep(case, case.carrier)
        if path is None:
            return
        if case.intercepted:
            await self._search_redirection(case, path)
        elif case.by_silence and not path.end:
            await self._compare(case, path)
        elif path.end_ttl and path.end in {"refused", "unreachable"}:
            by_reset = path.end == "refused" and case.kind == "syn"
            if by_reset:
                await self._sweep(case, "udp")  # shows whether the path goes on behind the reset
            await self._repeat(case, path.end_ttl, by_reset=by_reset)

    async def _search_redirection(self, case: Case, path: PathSweep) -> None:
        """Find the first silent router before a server that answers. A device there may redirect the packets.

        Routers behind it then quote the other server's address, so the system discards their ICMP errors.
        """
        if path.end_ttl is not None and path.end_ttl <= _last(path) + 1:
            return
        if case.kind == "syn":
            await self._sweep(case, "udp")  # shows whether these routers answer other packets to the address
        await self._compare(case, path)

    async def _compare(self, case: Case, path: PathSweep) -> None:
        """Compare silence with SYNs to the same address where only datagrams are silent, else with neutral hosts."""
        last = _last(path)
        if case.kind == "datagram":
            same = [(case.ip, case.port), (case.ip, HTTPS_PORT)]
            if (entry := await self._beside(case, same, last)) is not None and entry.compared:
                await self._repeatedly(case, same, last, COMPARISONS - 1)
                return
            if case.intercepted:
                return
        neutral = self._neutral(case)
        if len(neutral) > 1:
            await self._repeatedly(case, neutral, last, COMPARISONS)

    async def _repeatedly(self, case: Case, others: Sequence[Place], last: int, times: int) -> None:
        for _ in range(times):
            if await self._beside(case, others, last) is None:
                return

    async def _beside(self, case: Case, others: Sequence[Place], last: int) -> LimitedPayload | None:
        async def step(tx: Transaction) -> LimitedPayload:
            return await compared_silence(tx, case.ip, case.port, case.carrier, others, last, pace=self._session.pace)

        return await self._carry_out(case, step)

    def _neutral(self, case: Case) -> Sequence[Place]:
        """Return neutral hosts of the case's family, which a connect of this run reached."""
        found = self._session.neutral_addresses
        places = [(ip, at.port) for ip, at in found if family_of(ip) == case.family and ip != case.ip]
        return places[:MOST_NEUTRAL]

    async def _repeat(self, case: Case, end: int, *, by_reset: bool) -> None:
        """Send packets that end one hop before the answer, and packets that cause it."""
        ttls = [ttl for ttl in (end - 1, end) if ttl]

        async def step(tx: Transaction) -> LimitedPayload:
            return await limited_packets(
                tx, case.ip, case.port, case.carrier, ttls, pace=self._session.pace, by_reset=by_reset
            )

        for _ in range(AGAIN[self._session.settings.depth]):
            if await self._carry_out(case, step) is None:
                return

    async def _carry_out(
        self, case: Case, step: Callable[[Transaction], Awaitable[LimitedPayload]]
    ) -> LimitedPayload | None:
        """Run one flow. Return its entry, None if the search is over."""
        entry: LimitedPayload | None = None

        async def steps(tx: Transaction) -> None:
            nonlocal entry
            entry = await step(tx)

        if self._may_send():
            await self._runner.carry_out(FlowFacts(case.transaction("limited_payload")), steps)
        return entry


def _last(path: PathSweep) -> int:
    return max((hop.ttl for hop in path.hops if hop.answered), default=0)

"""Find the hop that stops connects to an address, or all datagrams to it. No packet contains a name."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from probe.followups.flow import FlowFacts, FlowRunner
from probe.followups.limited_payloads import Case
from probe.formats.exchanges.hops import PathSweep
from probe.session.trace import Transaction
from probe.steps.path.connect_packets import Place, compared_silence, limited_syns
from probe.targets.target import family_of

COMPARISONS = 5  # of silence with packets to neutral hosts, each from new ports
MOST_NEUTRAL = 3
AGAIN = {"standard": 2, "deep": 5}  # flows with SYNs whose answer is a reset or an ICMP error

Transport = Literal["tcp", "udp"]
Sweep = Callable[[Case, Transport], Awaitable[PathSweep | None]]
"""Return the path to a case's address over "tcp" or "udp". It is measured once."""


class ConnectSearch:
    """Run the searches of one measurement. `may_send` returns False once their time is over."""

    def __init__(self, runner: FlowRunner, sweep: Sweep, may_send: Callable[[], bool]) -> None:
        self._runner, self._session, self._sweep, self._may_send = runner, runner.session, sweep, may_send

    async def search(self, case: Case) -> None:
        """Search for the case, over TCP for SYNs and else over UDP."""
        path = await self._sweep(case, "tcp" if case.kind == "syn" else "udp")
        if path is None:
            return
        if case.by_silence and not path.end:
            await self._compare(case, path)
        elif case.kind == "syn" and not case.by_silence and path.end_ttl:
            if path.end == "refused":
                await self._sweep(case, "udp")  # shows whether the path goes on behind the reset
            await self._repeat(case, path.end_ttl, by_reset=path.end == "refused")

    async def _compare(self, case: Case, path: PathSweep) -> None:
        neutral = self._neutral(case)
        if len(neutral) < 2:
            return
        last = max((hop.ttl for hop in path.hops if hop.answered), default=0)
        transport: Transport = "tcp" if case.kind == "syn" else "udp"
        for _ in range(COMPARISONS):

            async def steps(tx: Transaction) -> None:
                await compared_silence(tx, case.ip, case.port, transport, neutral, last, pace=self._session.pace)

            if not await self._carry_out(case, steps):
                return

    def _neutral(self, case: Case) -> Sequence[Place]:
        """Return neutral hosts of the case's family, which a connect of this run reached."""
        found = self._session.neutral_addresses
        places = [(ip, at.port) for ip, at in found if family_of(ip) == case.family and ip != case.ip]
        return places[:MOST_NEUTRAL]

    async def _repeat(self, case: Case, end: int, *, by_reset: bool) -> None:
        """Send SYNs that end one hop before the answer, and SYNs that cause it."""
        ttls = [ttl for ttl in (end - 1, end) if ttl]
        for _ in range(AGAIN[self._session.settings.depth]):

            async def steps(tx: Transaction) -> None:
                await limited_syns(tx, case.ip, case.port, ttls, pace=self._session.pace, by_reset=by_reset)

            if not await self._carry_out(case, steps):
                return

    async def _carry_out(self, case: Case, steps: Callable[[Transaction], Awaitable[None]]) -> bool:
        """Run one flow. Return whether another may follow."""
        if not self._may_send():
            return False
        record = await self._runner.carry_out(FlowFacts(case.transaction("limited_payload")), steps)
        return record is not None and record.failure is None

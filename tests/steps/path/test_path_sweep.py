"""Test that packets of a sweep that are in flight side by side show the same path as one after the other."""

import asyncio
from typing import Any

import pytest

from probe.formats.exchanges.hops import PathSweep
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.steps.path import path_sweep
from probe.steps.path.path_sweep import SIDE_BY_SIDE, sweep_path
from probe.steps.path.senders import SenderReply


class Senders:
    """Make senders on a path whose `silent` routers send no ICMP error, those of `tired` only at the second packet."""

    def __init__(self, end: int, silent: frozenset[int], tired: frozenset[int] = frozenset()) -> None:
        self.end, self.silent, self.tired = end, silent, set(tired)
        self.in_flight = self.most = self.made = 0

    def make(self, *about: Any) -> Any:
        self.made += 1
        return self

    flow_stable = True

    async def send(self, ttl: int) -> SenderReply:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if ttl in self.tired:
            self.tired.discard(ttl)
            return SenderReply()
        if ttl >= self.end and ttl != self.end + 1:  # to one port the path is longer, as a load balancer makes it
            return SenderReply(end="connected", round_trip=0.3)
        return SenderReply() if ttl in self.silent else SenderReply(sender=f"198.51.100.{ttl}", round_trip=0.2)

    def close(self) -> None:
        pass


async def swept(monkeypatch: pytest.MonkeyPatch, senders: Senders, round_trip: float) -> PathSweep:
    monkeypatch.setattr(path_sweep, "_sender", senders.make)
    pace, trace = Pace(), Trace()
    pace.saw_round_trip(round_trip)
    async with trace.transaction(TransactionFacts("followup", followup="path_sweep")) as tx:
        return await sweep_path(tx, "192.0.2.1", 443, transport="tcp", pace=pace, show=lambda found: {})


@pytest.mark.parametrize("end", [2, 5, 8, 15, 40])
@pytest.mark.parametrize("silent", [frozenset(), {3}, {1, 2, 3, 4}, {6, 7, 8, 9, 10, 11}])
async def test_packets_side_by_side_show_the_same_path(
    monkeypatch: pytest.MonkeyPatch, end: int, silent: frozenset[int]
) -> None:
    one, several = Senders(end, silent, frozenset({4})), Senders(end, silent, frozenset({4}))
    single, wide = await swept(monkeypatch, one, 0.02), await swept(monkeypatch, several, 0.3)
    assert (one.most, one.made, single.flow_stable) == (1, 1, True)
    assert (several.made, wide.flow_stable) == (SIDE_BY_SIDE, False) and several.most <= SIDE_BY_SIDE
    if not (len(silent) > path_sweep.MOST_SILENT and end > min(silent)):
        assert (wide.end, wide.end_ttl) == (single.end, single.end_ttl)
        assert wide.hops == single.hops
        assert [hop.ttl for hop in wide.hops if hop.late] == ([4] if end > 4 and 4 not in silent else [])

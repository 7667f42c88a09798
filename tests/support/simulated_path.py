"""Simulate a path for hop searches: no packet is sent, and a subclass says which distances act."""

from typing import Any

import pytest

from probe.followups.hops import hop_search, limited_flows
from probe.formats.exchanges.hops import Hop, PathSweep


class Connection:
    """Represent a connection over the path."""

    def __init__(self, ip: str, port: int) -> None:
        self.address = f"{ip}:{port}"

    @staticmethod
    def segment_size() -> int:
        return 1400


class SimulatedPath:
    """Represent a path of `routers`, of which some answer a sweep."""

    def __init__(self, routers: int) -> None:
        self.routers, self.sweeps = routers, 0

    def install(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        """Take the place of these steps of limited flows, of connects and of sweeps."""
        for name in ("tcp_connect", *names):
            monkeypatch.setattr(limited_flows, name, getattr(self, name))
        monkeypatch.setattr(hop_search, "sweep_path", self.sweep_path)
        monkeypatch.setattr(hop_search, "tells_icmp_errors", lambda: True)

    def reports(self, ttl: int) -> bool:
        """Return whether the router at `ttl` answers a packet of the sweep."""
        return True

    async def sweep_path(self, tx: Any, ip: str, port: int, **how: Any) -> PathSweep:
        self.sweeps += 1
        hops = [Hop(ttl=ttl, answered=self.reports(ttl)) for ttl in range(1, self.routers + 1)]
        entry = PathSweep(address=f"{ip}:{port}", transport="tcp", hops=hops, end="connected", end_ttl=len(hops) + 1)
        async with tx.step(entry, 5.0):
            return entry

    async def tcp_connect(self, tx: Any, ip: str, port: int, **how: Any) -> Connection:
        return Connection(ip, port)

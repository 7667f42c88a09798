"""Let flows with a target's name wait for innocuous flows to the same address and port (P8)."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

from probe.session.pacing import Pace


class InnocuousFlows:
    """Hold the innocuous flows of one measurement that are under way, by address and port."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._under_way: dict[tuple[str, int], set[asyncio.Task[Any]]] = defaultdict(set)

    def add(self, place: tuple[str, int], flow: "asyncio.Task[Any]") -> None:
        """Add a flow that has begun. It is removed when it ends."""
        self._under_way[place].add(flow)
        flow.add_done_callback(self._under_way[place].discard)

    async def ended(self, place: tuple[str, int], transport: str) -> None:
        """Wait until no innocuous flow to this address and port is under way, of any endpoint.

        A flow over TCP has connected before it waits. A datagram waits only for a while, because other endpoints may
        still wait for an address that does not answer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.innocuous_timeout() if transport == "udp" else None):
                while under_way := set(self._under_way[place]):
                    await asyncio.wait(under_way)

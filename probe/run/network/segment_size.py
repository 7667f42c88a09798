"""Find out whether large packets are lost on the way while no router reports it (a path MTU black hole).

RFC 2923, 2.1 describes it: connects succeed, and the first large packets disappear with all their repetitions. A TLS
handshake falls silent then, since a hello or a chain of certificates fills such packets. With small segments the same
handshake works. A censor that drops handshakes drops these as well.

A hello without a post-quantum key share fits into one segment, and so may a short chain. The first request to a neutral
host then has a long header, so that each visit sends a large packet, whatever TLS library the computer has.

The trial starts after several handshakes are silent, beside them. A healthy run never gets one.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal

from probe.formats import failures as f
from probe.formats.entries import Entry, TCPConnect
from probe.formats.facts import SegmentSizes
from probe.run.network.neutral_host import NeutralResult
from probe.session.pacing import Pace
from probe.steps.tcp import TCPConnection

SMALL = 1200
"""Bytes in a small segment: the base size of RFC 8899, 5.1.2.

Its packets have at most 1260 bytes with headers, and every link carries 1280 bytes of IPv6 (RFC 8200, 5). Our hellos
fill as many segments as usually, one or two. A censor that reads only the first segment therefore sees the same.
"""
LARGE = {"X-Padding": "0" * 1500}
"""Header of a request that fills a segment of the largest usual size. Servers ignore headers that they do not know."""

SILENT_FOR = 1.5  # seconds without a byte. A lost packet is repeated after one second or sooner (RFC 6298, 2).
SILENT_ROUND_TRIPS = 4  # and at least so many round trips of the access line
FEWEST = 2  # neutral hosts of one family that must agree. Their operators have nothing to do with each other.
LOSSY = 1 / 4  # of all connects. If so many repeat a SYN, chance may end a handshake and spare the next.
FEWEST_REPEATED = 2  # connects, since one repeated SYN may have its own reason

FAMILIES: tuple[Literal[4], Literal[6]] = (4, 6)
Place = tuple[str, str]
Visit = Callable[[NeutralResult], Coroutine[Any, Any, None]]


class SegmentTrial:
    """Watch the handshakes of the preflight, and repeat silent ones with small segments.

    `visit` performs the handshake again. `lowered` is awaited once, when small segments have proven to be needed.
    """

    def __init__(self, pace: Pace, visit: Visit, lowered: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._pace, self._visit, self._lowered = pace, visit, lowered
        self._watched: dict[Place, tuple[TCPConnection, asyncio.TimerHandle]] = {}
        self._silent: dict[Place, NeutralResult] = {}  # with segments of the system's size
        self._small: dict[Place, NeutralResult] = {}  # the same hosts with small segments
        self.tasks: list[asyncio.Task[None]] = []

    # -- watching --------------------------------------------------------------------------------------------------

    def connected(self, seen: NeutralResult, conn: TCPConnection) -> None:
        """Watch the handshake that begins now, if its segments have the system's size."""
        if not seen.segment_size:
            self._wait(seen, conn)

    def ended(self, seen: NeutralResult) -> None:
        """Stop watching. A host stays silent only if no byte came until the end of its handshake or request."""
        if seen.place not in self._watched:
            return
        conn, timer = self._watched.pop(seen.place)
        timer.cancel()
        if not (seen.failure in f.SILENT or seen.lost_request) or self._left(conn) > 0:
            self._silent.pop(seen.place, None)

    def _left(self, conn: TCPConnection) -> float:
        """Return the seconds until the connection counts as silent, 0 or less if it does."""
        return max(SILENT_FOR, SILENT_ROUND_TRIPS * self._pace.round_trip) - conn.silent_for()

    def _wait(self, seen: NeutralResult, conn: TCPConnection) -> None:
        timer = asyncio.get_running_loop().call_later(self._left(conn), self._look, seen, conn)
        self._watched[seen.place] = conn, timer

    def _look(self, seen: NeutralResult, conn: TCPConnection) -> None:
        if self._left(conn) > 0:
            self._wait(seen, conn)
            return
        self._silent[seen.place] = seen
        self._try_all(seen.family)

    # -- small segments --------------------------------------------------------------------------------------------

    def _try_all(self, family: int) -> None:
        """Visit the silent hosts of a family with small segments, as soon as there are several."""
        silent = [seen for seen in self._silent.values() if seen.family == family]
        if len(silent) < FEWEST:
            return
        for seen in silent:
            if seen.place not in self._small:
                small = NeutralResult.unanswered(seen.endpoint, seen.ip, segment_size=SMALL)
                self._small[seen.place] = small
                self.tasks.append(asyncio.create_task(self._try(small)))

    async def _try(self, small: NeutralResult) -> None:
        await self._visit(small)
        sizes = self._pace.segment_sizes
        if small.family not in sizes and self._several(small.family, _is_answered):
            sizes[small.family] = SMALL
            if len(sizes) == 1:
                await self._lowered()

    def _several(self, family: int, holds: Callable[[NeutralResult], bool]) -> bool:
        """Return whether something holds of several hosts that were silent before."""
        silent = [small for place, small in self._small.items() if place in self._silent and small.family == family]
        return sum(map(holds, silent)) >= FEWEST

    async def settle(self, deadline: float) -> None:
        """Wait until every trial has ended, at most until `deadline` of the loop's clock."""
        loop = asyncio.get_running_loop()
        while (left := deadline - loop.time()) > 0 and (open_ones := [task for task in self.tasks if not task.done()]):
            await asyncio.wait(open_ones, timeout=left)

    # -- conclusion ------------------------------------------------------------------------------------------------

    def conclude(self, entries: Iterable[Entry]) -> SegmentSizes | None:
        """Return the fact for the record, None if large packets arrive. Give the run its segment sizes.

        `entries` are those of the preflight.
        """
        families = () if loses_packets(entries) else FAMILIES
        proven = [family for family in families if self._several(family, _is_answered)]
        refused = [family for family in families if self._several(family, lambda one: one.failure == f.SEGMENT_SIZE)]
        sizes = self._pace.segment_sizes
        sizes.clear()
        sizes.update(dict.fromkeys(proven, SMALL))
        return SegmentSizes(ipv4=sizes.get(4), ipv6=sizes.get(6), refused=refused) if proven or refused else None

    def as_reached(self, found: list[NeutralResult]) -> list[NeutralResult]:
        """Return the neutral hosts as the run reaches them, with small segments where these are needed."""
        needed = self._pace.segment_sizes
        instead = {place: small for place, small in self._small.items() if small.proven and small.family in needed}
        return [*(seen for seen in found if seen.place not in instead), *instead.values()]


def _is_answered(seen: NeutralResult) -> bool:
    """Return whether the host proved its identity and did not ignore a request that fills a segment."""
    return seen.proven and not seen.lost_request


def loses_packets(entries: Iterable[Entry]) -> bool:
    """Return whether so many connects repeated their SYN that packets of every size are lost."""
    connects = [entry for entry in entries if isinstance(entry, TCPConnect) and entry.failure is None]
    repeated = sum(bool(connect.x_syn_repeats) for connect in connects)
    return repeated >= max(FEWEST_REPEATED, LOSSY * len(connects))

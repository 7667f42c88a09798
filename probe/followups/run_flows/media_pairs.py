"""Measure pairs of media flows in the background, and copy them into the measurements that need them.

A pair says something about this network and about one shape of packets. So it serves all apps
with calls of this shape. It begins with the first offer of the helper, beside all other flows of the run, because it
takes long. A measurement of such an app waits for it at its end. The shapes of a run take turns, because a round has
few pairs.

The flows have a thread of their own, since this computer is busiest while a pair begins. A pair of which both flows
were harmed beside many of our other flows is repeated. The first one is not written, because these may have harmed it.
They did not if the pair was harmed as well while they were silent, as on a line that loses packets all the time.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from probe.followups.helper_offer import MediaOffer
from probe.followups.run_flows.helper_conditions import obstacle, reason_without_offer, until_stopped
from probe.formats import failures as f
from probe.formats.call_kinds import AppShape
from probe.formats.exchanges.media import MediaFlow
from probe.formats.flow_results import MediaResult
from probe.platforms.event_loop import run_in_thread
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.call_packets import FEW_BESIDE, MUCH_BESIDE, harmed_without_others, one_unharmed, was_late
from probe.steps.calls.media import HANDSHAKE, SECONDS, TAIL, media_pair
from probe.targets.cost import MEDIA_PAIRS
from probe.targets.target import Target, family_of

REPETITIONS = 1  # of pairs that this computer or our other flows disturbed, in each round
RAN: frozenset[MediaResult] = frozenset({"measured", "computer_busy"})
LOOK = 0.5  # seconds between two looks at how many bytes our other flows move
DISTURBED: frozenset[MediaResult] = frozenset({"computer_busy", "slow_line"})


class MediaPairs:
    """Hold the media flows of the present round. `take_offer` begins them. The order of the shapes is drawn once."""

    def __init__(self, session: Session, shapes: Sequence[AppShape]) -> None:
        self._session = session
        self._order = random.sample(shapes, len(shapes))
        self._turn = 0  # pairs that earlier rounds planned
        self._begin_round()

    def _begin_round(self) -> None:
        self._offer: MediaOffer | None = None
        self._task: asyncio.Task[None] | None = None
        self._known: tuple[str, ...] = ()  # shapes that the helper reflects
        self._plan: list[AppShape] = []  # the shape of each pair
        self._traces: dict[AppShape, Trace] = {}
        self._results: dict[AppShape, MediaResult] = {}

    def take_offer(self, offer: MediaOffer) -> None:
        """Take an offer of the helper. The first one of a round begins the flows. A later token serves later pairs."""
        if set(self._plan) <= set(offer.shapes):  # another helper may not know the shapes
            self._offer = offer
        if self._task is None and self._session.settings.followups:
            self._known, self._plan = offer.shapes, self._planned(offer)
            self._task = asyncio.create_task(self._measure())

    def _planned(self, offer: MediaOffer) -> list[AppShape]:
        """Return the shape of each pair of this round: those that the helper reflects, in turns over all rounds."""
        known = [shape for shape in self._order if shape in offer.shapes]
        count = MEDIA_PAIRS[self._session.settings.depth] if known else 0
        begin, self._turn = self._turn, self._turn + count
        return [known[number % len(known)] for number in range(begin, begin + count)]

    async def finish(self, target: Target, trace: Trace, control: Mapping[str, Any] | None) -> MediaResult | None:
        """Wait until the flows have ended, and add them to a measurement. Return whether they were measured.

        `control` is the helper's answer to this measurement. Without flows of the target's shape nothing is waited for.
        None means that no service of the target has such calls.
        """
        needed = [service.media for service in target.services.values() if service.media]
        if not needed:
            return None
        if self._task is None:
            return reason_without_offer(self._session, control)
        shape = next((shape for shape in self._plan if shape in needed), None)
        if shape is None:
            return "other_shape" if any(shape in self._known for shape in needed) else "not_offered"
        trace.awaits_media = True
        try:
            await asyncio.wait({self._task})
        finally:
            trace.awaits_media = False
        for measured in dict.fromkeys(self._plan):
            if measured in needed and measured in self._traces:
                trace.adopt(self._traces[measured])
        return self._results.get(shape, "interrupted")

    async def next_round(self) -> None:
        """Start a repeat that the user asked for. It gets its own flows."""
        await self.close()
        self._begin_round()

    async def ended(self) -> None:
        """Wait until no flow is under way."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """End flows that are under way, because no measurement waits for them."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # -- the flows -------------------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        """Measure one pair after the other, until one was not measured or the token is too old.

        The reason why this pair was not measured is then the reason for the pairs after it. The first pair that was
        disturbed is repeated when our other flows have become few.
        """
        result: MediaResult = "measured"
        numbers, repetitions = itertools.count(), REPETITIONS
        async with self._session.steady_flows:
            for shape in self._plan:
                if result in RAN:
                    result = await self._unless_hindered(next(numbers), shape)
                if result in DISTURBED and repetitions:
                    repetitions -= 1
                    await until_stopped(self._session, self._others_few())
                    result = await self._unless_hindered(next(numbers), shape)
                if self._results.get(shape) != "measured":
                    self._results[shape] = result

    async def _unless_hindered(self, pair: int, shape: AppShape) -> MediaResult:
        return self._hindrance() or await self._pair(pair, shape)

    async def _others_few(self) -> None:
        """Return when our other flows move few bytes, or when a pair cannot begin any more."""
        moved, pace = None, self._session.pace
        while not self._hindrance() and (moved is None or pace.bytes_moved - moved > FEW_BESIDE * LOOK):
            moved = pace.bytes_moved
            await asyncio.sleep(LOOK)

    def _hindrance(self) -> MediaResult | None:
        return obstacle(self._session, HANDSHAKE + SECONDS + TAIL)

    async def _pair(self, pair: int, shape: AppShape) -> MediaResult:
        offer = self._offer
        ip = offer.address(self._session.family_works) if offer else None
        if offer is None or ip is None or not offer.outlives(HANDSHAKE):
            return "not_offered"
        facts = TransactionFacts("followup", address=HELPER, port=offer.ports[0], family=family_of(ip))
        trace, pace = Trace(), self._session.pace
        own, others, busy = pace.in_thread(), pace.bytes_moved, list[float]()
        about: dict[str, Any] = {"pace": own, "shape": shape, "pair": pair, "seconds": SECONDS}
        flows = media_pair(trace, facts, ip, offer.ports[0], offer.token, **about)
        watching = asyncio.create_task(self._note_busy(busy))
        try:
            await until_stopped(self._session, run_in_thread(flows))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        others = pace.bytes_moved - others
        pace.take_counts(own)
        self._session.bugs += trace.bugs
        measured = [entry for entry in trace.entries if isinstance(entry, MediaFlow)]
        result = _result(measured)
        ours = others > MUCH_BESIDE and not harmed_without_others(measured, trace.zero, busy)
        if result in {"measured", "failed"} and ours and not one_unharmed(measured):
            return "slow_line"
        self._traces.setdefault(shape, Trace()).adopt(trace)
        return result

    async def _note_busy(self, busy: list[float]) -> None:
        """Add the times at both ends of each `LOOK` in which our other flows moved many bytes, until cancelled."""
        pace = self._session.pace
        while True:
            began, moved = time.monotonic(), pace.bytes_moved
            try:
                await asyncio.sleep(LOOK)
            finally:
                if pace.bytes_moved - moved > FEW_BESIDE * LOOK:
                    busy += [began, time.monotonic()]


def media_pairs(session: Session, targets: Iterable[Target]) -> MediaPairs | None:
    """Return the media flows of a run, None if no service of its targets has calls of a known shape."""
    services = (service for target in targets for service in target.services.values())
    known = list(dict.fromkeys(service.media for service in services if service.media))
    return MediaPairs(session, known) if known else None


def _result(flows: list[MediaFlow]) -> MediaResult:
    failures = {flow.failure for flow in flows}
    if f.INTERRUPTED in failures:
        return "interrupted"
    if f.HELPER_BUSY in failures:
        return "helper_busy"
    if any(was_late(flow.late) for flow in flows):
        return "computer_busy"
    return "measured" if any(flow.established for flow in flows) else "failed"


CARRIES_OUT = dict.fromkeys(
    (
        "media_shape",
        "media_opaque",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

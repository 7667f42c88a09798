"""Hold the flows of a whole run that take long: media pairs, test calls, transfers, and connections that are kept.

Each begins as soon as what it needs is known. docs/design/pacing.md lists what must not be disturbed by which.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from probe.followups.helper_offer import FlowOffers
from probe.followups.run_flows.call_flows import helper_calls
from probe.followups.run_flows.kept_connections import KeptConnections
from probe.followups.run_flows.media_comparison import MediaComparison
from probe.followups.run_flows.media_pairs import media_pairs
from probe.followups.run_flows.transfer_pairs import TransferPairs
from probe.formats.flow_results import CallResults, MediaResult, TransferResult
from probe.session.session import Session
from probe.session.trace import Trace
from probe.targets.target import Target


class FlowResults(NamedTuple):
    """Say whether the flows were measured, with the names and values of `x_run`."""

    media: MediaResult | None = None
    calls: CallResults | None = None
    transfers: TransferResult | None = None


NO_FLOWS = FlowResults()


class RunFlows:
    """Hold the flows that serve the whole run, such as media flows and test calls.

    Nothing is begun if no target needs them.
    """

    def __init__(self, session: Session, targets: Iterable[Target]) -> None:
        every, self._session = list(targets), session
        self._pairs = media_pairs(session, every)
        self._calls = helper_calls(session, every, self._after_pairs)
        self._transfers = TransferPairs(session) if session.settings.control else None
        self._kept = KeptConnections(session)
        self._beside = MediaComparison(session, self._transfers.take_place) if self._transfers else None

    def take_offers(self, offers: FlowOffers) -> None:
        """Take what an answer of a helper offers. The first offer of media flows or calls in a round begins them.

        Calls wait for the media flows. Transfers follow pages that come slowly.
        """
        if self._pairs and offers.media:
            self._pairs.take_offer(offers.media)
        if self._calls and offers.calls:
            self._calls.take_offers(offers.calls)
        if self._transfers and offers.transfers:
            self._transfers.take_offer(offers.transfers)
        if self._beside and offers.transfers:
            self._beside.take_offer(offers.transfers)

    @property
    def wait_for_offers(self) -> bool:
        """Return whether flows begin with an offer alone. Transfers begin after pages that come slowly."""
        return self._session.settings.followups and (self._pairs is not None or self._calls is not None)

    async def finish(self, target: Target, trace: Trace, control: Mapping[str, Any] | None) -> FlowResults:
        """Wait for the flows that a target needs, and add them to its measurement."""
        async with asyncio.TaskGroup() as beside:
            kept = self._kept_if_due(trace, beside)
            received = await self._transfers.finish(target, trace, control) if self._transfers else None
            kept = kept or self._kept_if_due(trace, beside)
            media = await self._pairs.finish(target, trace, control) if self._pairs else None
            kept = kept or self._kept_if_due(trace, beside)
            if media == "measured" and self._beside:
                await self._beside.finish(trace)
            calls = await self._calls.finish(target, trace, control) if self._calls else None
        return FlowResults(media, calls, received)

    def _kept_if_due(self, trace: Trace, beside: asyncio.TaskGroup) -> "asyncio.Task[None] | None":
        """Begin connections that are kept, if a page, a transfer or a call has already shown a reason."""
        return beside.create_task(self._kept.finish(trace)) if self._kept.server_of(trace) else None

    async def next_round(self) -> None:
        """Start a repeat that the user asked for. It gets its own flows."""
        if self._calls:
            await self._calls.next_round()
        if self._pairs:
            await self._pairs.next_round()
        if self._transfers:
            self._transfers.next_round()
        if self._beside:
            self._beside.next_round()
        self._kept.next_round()

    async def close(self) -> None:
        """End flows that are under way, because no measurement waits for them."""
        if self._calls:
            await self._calls.close()
        if self._pairs:
            await self._pairs.close()

    async def _after_pairs(self) -> None:
        if self._pairs:
            await self._pairs.ended()

"""Hold the flows of a whole run that come last: media pairs, test calls, transfers, and connections that are kept."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from probe.followups.helper_offer import FlowOffers
from probe.followups.run_flows.calls import helper_calls
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
    """Hold what serves the whole run. Without targets that need it, nothing is begun."""

    def __init__(self, session: Session, targets: Iterable[Target]) -> None:
        every = list(targets)
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

    async def finish(self, target: Target, trace: Trace, control: Mapping[str, Any] | None) -> FlowResults:
        """Wait for the flows that a target needs, and add them to its measurement."""
        received = await self._transfers.finish(target, trace, control) if self._transfers else None
        media = await self._pairs.finish(target, trace, control) if self._pairs else None
        if media == "measured" and self._beside:
            await self._beside.finish(trace)
        calls = await self._calls.finish(target, trace, control) if self._calls else None
        await self._kept.finish(trace)
        return FlowResults(media, calls, received)

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

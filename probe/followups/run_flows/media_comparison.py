"""Transfer bytes over TCP to or from the helper, after call packets and random ones were lost alike over UDP.

The transfer shows whether the whole line is slow or only UDP. A limit of all UDP says nothing about an app.
"""

from collections.abc import Callable, Iterable

from probe.followups.helper_offer import TransferOffer
from probe.followups.run_flows.helper_conditions import seconds_left, until_stopped, waiting_for_turn
from probe.formats.exchanges.media import MediaFlow
from probe.formats.followups import FollowUp
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.slow_page import MUCH_LOST
from probe.steps.transfer import HANDSHAKE, transfer
from probe.targets.target import family_of
from probe.wire.transfer import SECONDS


class MediaComparison:
    """Hold the transfer of a round that is compared with the media flows.

    All measurements with media flows get a copy of it.
    """

    def __init__(self, session: Session, take_place: Callable[[], bool]) -> None:
        """Take the function that counts the transfer as a pair of the round, and returns False without a place."""
        self._session, self._take_place = session, take_place
        self._offer: TransferOffer | None = None
        self._made: Trace | None = None

    def take_offer(self, offer: TransferOffer) -> None:
        self._offer = offer

    def next_round(self) -> None:
        """Start a repeat that the user asked for."""
        self._made = None

    async def finish(self, trace: Trace) -> None:
        """Add the transfer to a measurement in which both media flows lost many packets in one direction."""
        followup = lost_beside(entry for entry in trace.entries if isinstance(entry, MediaFlow))
        if followup is None:
            return
        async with waiting_for_turn(self._session, trace):
            if self._made is None and self._can_begin(followup) and self._take_place():
                self._made = Trace()
                await until_stopped(self._session, self._transfer(self._made, followup))
                self._session.bugs += self._made.bugs
        if self._made is not None:
            trace.adopt(self._made)

    def _can_begin(self, followup: FollowUp) -> bool:
        offer, left = self._offer, seconds_left(self._session)
        if offer is None or offer.address(self._session.family_works) is None or not offer.outlives(HANDSHAKE):
            return False
        if self._session.stopping.is_set() or (left is not None and left < HANDSHAKE + SECONDS):
            return False
        return offer.upload is not None if followup == "upload_beside_media" else offer.pairs_left > 0

    async def _transfer(self, trace: Trace, followup: FollowUp) -> None:
        offer, upload = self._offer, followup == "upload_beside_media"
        ip = offer.address(self._session.family_works) if offer else None
        assert offer is not None and ip is not None
        name, port, token = self._session.neutral.innocuous[0], offer.ports[0], offer.token
        if upload:
            token, offer.upload = offer.upload or b"", None
        else:
            offer.pairs_left -= 1
        facts = TransactionFacts("followup", followup, address=HELPER, port=port, family=family_of(ip), sent_name=name)
        async with trace.transaction(facts) as tx:
            await transfer(tx, ip, port, token, name, sha256=offer.sha256, pace=self._session.pace, upload=upload)


def lost_beside(flows: Iterable[MediaFlow]) -> FollowUp | None:
    """Return the transfer in the direction in which each flow of a pair lost much, None if no pair did."""
    pairs: dict[int, list[MediaFlow]] = {}
    for flow in flows:
        pairs.setdefault(flow.pair, []).append(flow)
    for pair in (each for each in pairs.values() if len(each) == 2 and all(flow.reached for flow in each)):
        if all(flow.reached < (1 - MUCH_LOST) * flow.sent for flow in pair):
            return "upload_beside_media"
        if all(flow.returned < (1 - MUCH_LOST) * flow.reached for flow in pair):
            return "transfer_beside_media"
    return None


CARRIES_OUT = dict.fromkeys(
    (
        "upload_beside_media",
        "transfer_beside_media",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

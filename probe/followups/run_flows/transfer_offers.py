"""Hold the test helper's offers of transfers, and count the pairs of a round."""

import asyncio

from probe.followups.helper_offer import TransferOffer
from probe.steps.transfer import HANDSHAKE
from probe.targets.cost import TRANSFER_PAIRS, UPLOAD_PAIRS

FAST_PAIRS = 2  # that a pair at the higher pace counts as, because it has twice the bytes


class TransferOffers:
    """Hold the offers of a run, and the pairs so far. Uploads are counted by themselves."""

    def __init__(self) -> None:
        self.known: list[TransferOffer] = []
        self._pairs = self._upload_pairs = 0

    def next_round(self) -> None:
        """Start a repeat that the user asked for."""
        self._pairs = self._upload_pairs = 0

    def newest(self, *, upload: bool) -> TransferOffer | None:
        """Return the newest offer whose token is good for a pair, None without one."""
        good = (each for each in reversed(self.known) if _pairs_left(each, upload=upload) and each.outlives(HANDSHAKE))
        return next(good, None)

    async def renew(self, stopping: asyncio.Event, *, upload: bool) -> None:
        """Ask the helper for a new token if all are too old or spent, and a pair may still begin."""
        if not self.known or self.newest(upload=upload) is not None or not self.are_left(upload=upload):
            return
        renew = self.known[-1].renew if not upload or self.known[-1].upload is not None else None
        offer = await renew() if renew is not None and not stopping.is_set() else None
        if offer is not None:
            self.known.append(offer)

    def are_left(self, pairs: int = 1, *, upload: bool = False) -> bool:
        """Return whether the round may have so many more pairs."""
        if upload:
            return self._upload_pairs + pairs <= UPLOAD_PAIRS
        return self._pairs + pairs <= TRANSFER_PAIRS

    def count_pair(self) -> None:
        """Count something else as a pair of the round."""
        self._pairs += 1

    def spend(self, offer: TransferOffer, *, upload: bool, fast: bool) -> bytes:
        """Count a pair, and return its token. A `fast` one has the higher pace, for which the offer has a token."""
        token: bytes | None = offer.token
        if upload:
            token = offer.upload
            offer.upload_pairs_left -= 1
            self._upload_pairs += 1
        elif fast:
            token, offer.fast = offer.fast, None
            self._pairs += FAST_PAIRS
        else:
            offer.pairs_left -= 1
            self._pairs += 1
        assert token is not None
        return token


def _pairs_left(offer: TransferOffer, *, upload: bool) -> int:
    if upload:
        return offer.upload_pairs_left if offer.upload is not None else 0
    return offer.pairs_left

"""Hold the test helper's offers of transfers, and count the pairs of a round.

Read what the last pair of transfers of a measurement shows, to decide on further pairs.
"""

import asyncio

from probe.followups.helper_offer import TransferOffer
from probe.formats import failures as f
from probe.formats.exchanges.transfer import Transfer
from probe.formats.flow_results import TransferResult
from probe.formats.followups import FollowUp
from probe.session.trace import Trace
from probe.signatures.slow_page import LEAST_PACE
from probe.steps.transfer import HANDSHAKE, has_stopped
from probe.targets.cost import TRANSFER_PAIRS, UPLOAD_PAIRS

NAMED: frozenset[FollowUp] = frozenset({"transfer_name", "transfer_host", "upload_name"})


def transfers_of(trace: Trace) -> list[Transfer]:
    return [entry for entry in trace.entries if isinstance(entry, Transfer)]


def _last_pair(trace: Trace) -> dict[int, Transfer]:
    """Return the transfers of the last pair of a measurement by transaction."""
    found = transfers_of(trace)
    return {entry.transaction_id: entry for entry in found if entry.pair == found[-1].pair}


def ratio_of(trace: Trace) -> float:
    """Return the name's throughput divided by the innocuous one's in the last pair, for decisions on another pair."""
    followups = {record.transaction_id: record.followup for record in trace.transactions}
    one = other = 0.0
    for number, entry in _last_pair(trace).items():
        rate = entry.total / max(entry.lasted, 1e-3)
        one, other = (rate, other) if followups[number] in NAMED else (one, rate)
    return one / max(other, 1e-3)


def name_stopped(trace: Trace) -> bool:
    """Return whether the transfer of the name alone stopped in the last pair."""
    followups = {record.transaction_id: record.followup for record in trace.transactions}
    stopped = {followups[number] in NAMED: has_stopped(entry) for number, entry in _last_pair(trace).items()}
    return stopped.get(True, False) and not stopped.get(False, True)


def is_free(trace: Trace) -> bool:
    """Return whether each transfer of the last pair kept nearly the helper's pace."""
    return all(each.total >= LEAST_PACE * each.pace * each.lasted for each in _last_pair(trace).values())


def result_of(transfers: list[Transfer]) -> TransferResult:
    """Return the result of one pair, as `x_run.transfers` has it."""
    failures = {each.failure for each in transfers}
    if f.INTERRUPTED in failures:
        return "interrupted"
    if f.HELPER_BUSY in failures:
        return "helper_busy"
    if f.BUDGET in failures:
        return "budget"
    return "measured" if len(transfers) == 2 and all(each.total for each in transfers) else "failed"


FAST_PAIRS = 2  # a pair at the higher pace counts as so many pairs, because it has twice the bytes


class TransferOffers:
    """Hold what the helper offered during a run, and how many pairs of transfers were made.

    Pairs of uploads are counted separately.
    """

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
        """Count another measurement, such as reads of a page, as a pair of the round."""
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

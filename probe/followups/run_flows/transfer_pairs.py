"""Exchange pairs of transfers with the test helper, under a target's name and an innocuous one, side by side.

The first pass sees pages that come slowly. Only then a pair is worth its data, or with `--depth deep`, which sends a
pair too. A pair whose transfers differ is repeated, in small segments if that under the name alone stopped. Pairs run
one after the other and never beside call packets, so that they do not slow each other down.
"""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple

from probe.followups.helper_offer import TransferOffer
from probe.followups.run_flows.address_pages import read_at_address
from probe.followups.run_flows.helper_conditions import seconds_left, until_stopped, waiting_for_turn
from probe.followups.run_flows.quic_pages import LONGEST, read_both
from probe.followups.run_flows.slow_pages import (
    SlowPage,
    best_by_name,
    first_name,
    is_fast_over_tls,
    pages_of,
    subjects_of,
)
from probe.followups.run_flows.transfer_offers import (
    FAST_PAIRS,
    NAMED,
    TransferOffers,
    is_free,
    name_stopped,
    ratio_of,
    result_of,
    transfers_of,
)
from probe.formats import failures as f
from probe.formats.exchanges.transfer import Transfer
from probe.formats.flow_results import TransferResult
from probe.formats.followups import FollowUp
from probe.session.round_trips import CROWDED
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.slow_page import FAST_BELOW, FAST_FROM, SLOW
from probe.steps.transfer import HANDSHAKE, transfer
from probe.targets.target import Target, family_of
from probe.wire.transfer import FAST_PACE, PACE, SECONDS

LEAST_RATE = 160_000  # bytes a second. A pair takes 128 kB a second.
REPEATED_BELOW = 0.5  # throughput of one transfer divided by that of the other
FAST_PAGE = 1_000_000  # bytes a second of a page that the access line carried, four times those of such a pair
UPLOADS: frozenset[FollowUp] = frozenset({"upload_name", "upload_innocuous"})


class _FirstPair(NamedTuple):
    """Say what became of a service's first pair, and whether it is repeated: `stopped` in small segments.

    `ratio` is that of its transfers, if a pair at the higher pace may show more.
    """

    result: TransferResult
    ratio: float = 1.0
    differs: bool = False
    stopped: bool = False


class TransferPairs:
    """Hold what the measurements of a run share: the helper's offers, the best page, and the pairs so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._offers = TransferOffers()
        self._best: dict[str, float] = {}  # bytes a second of the best page, by name

    def take_offer(self, offer: TransferOffer) -> None:
        """Take an offer of the helper. A token serves two pairs."""
        self._offers.known.append(offer)

    def take_place(self) -> bool:
        """Count another transfer as a pair of the round. Return False if it has had its pairs."""
        if not self._offers.are_left():
            return False
        self._offers.count_pair()
        return True

    def next_round(self) -> None:
        """Start a repeat that the user asked for."""
        self._best.clear()
        self._offers.next_round()

    async def finish(self, target: Target, trace: Trace, control: Mapping[str, Any] | None) -> TransferResult | None:
        """Measure a pair for the slowest page of each service over TLS, and over each other protocol.

        `control` is the helper's answer to this measurement. Return whether they were measured. None means that no page
        came slowly.
        """
        subjects = self._subjects(target, trace)
        if not subjects:
            return None
        if not self._session.settings.followups:
            return "no_followups"
        if control is None or control.get("failure") is not None:
            return "no_helper"
        async with waiting_for_turn(self._session, trace):
            firsts = await self._first_pairs(trace, subjects)
            for subject, first in firsts:
                if first.differs:
                    await self._again(trace, subject, first)
            for subject, first in firsts:
                if first.result == "measured" and subject.over == "tls" and self._session.settings.depth == "deep":
                    await self._uploads(trace, subject)
        results = [first.result for _, first in firsts]
        return "measured" if "measured" in results else next(iter(results), None)

    async def _first_pairs(self, trace: Trace, subjects: list[SlowPage]) -> list[tuple[SlowPage, _FirstPair]]:
        """Measure a pair for each page. Return what became of them.

        Repetitions come after the first pairs of all services, since a round has few pairs. A page over QUIC is left
        out if pages over TLS are slow too, and no pair shows that their name is slowed down.
        """
        firsts = list[tuple[SlowPage, _FirstPair]]()
        for subject in subjects:
            slow_names = {each.host for each, first in firsts if each.over == "tls" and first.differs}
            readable = subject.host in slow_names or is_fast_over_tls(pages_of(trace), subject.host)
            if subject.over != "quic" or readable:
                firsts.append((subject, await self._first_pair(trace, subject)))
        return firsts

    async def _first_pair(self, trace: Trace, subject: SlowPage) -> _FirstPair:
        """Measure a pair. Return what became of it, and whether it is repeated."""
        if subject.over == "quic":
            return _FirstPair(self._obstacle_to_pages() or await self._quic_pages(trace, subject))
        result = await self._unless_obstacle(trace, subject)
        if result != "measured":
            return _FirstPair(result)
        ratio = ratio_of(trace)
        if ratio < REPEATED_BELOW or self._may_be_fast(ratio):
            return _FirstPair(result, ratio, differs=True, stopped=name_stopped(trace))
        if subject.over == "tls" and subject.address:
            await self._pages_at_address(trace, subject)
        return _FirstPair(result)

    def _may_be_fast(self, ratio: float) -> bool:
        """Return whether a pair at the higher pace is worth its data, and the access line is known to carry it."""
        carries = max(self._best.values(), default=0.0) >= FAST_PAGE and self._session.pace.line_queueing <= CROWDED
        return FAST_FROM <= ratio < FAST_BELOW and carries and self._offers.are_left(FAST_PAIRS)

    async def _again(self, trace: Trace, subject: SlowPage, first: _FirstPair) -> None:
        """Repeat a pair, at the higher pace if that is more certain."""
        await self._offers.renew(self._session.stopping, upload=False)
        offer = self._offers.newest(upload=False)
        fast = not first.stopped and self._may_be_fast(first.ratio) and offer is not None and offer.fast is not None
        if (fast or first.ratio < REPEATED_BELOW) and self._obstacle(subject) is None:
            await self._pair(trace, subject, small=first.stopped, fast=fast)

    async def _unless_obstacle(self, trace: Trace, subject: SlowPage) -> TransferResult:
        """Measure a pair if one can begin now. Return what became of it."""
        await self._offers.renew(self._session.stopping, upload=False)
        return self._obstacle(subject) or await self._pair(trace, subject)

    async def _uploads(self, trace: Trace, subject: SlowPage) -> None:
        """Send a pair to the helper, and one in small segments if that under the name alone stopped."""
        small = False
        for _ in range(2):
            await self._offers.renew(self._session.stopping, upload=True)
            if self._obstacle(subject, upload=True) is not None:
                return
            result = await self._pair(trace, subject, upload=True, small=small)
            small = result == "measured" and name_stopped(trace)
            if not small:
                return

    async def _pages_at_address(self, trace: Trace, subject: SlowPage) -> None:
        """Read the page at the service's address under an innocuous name, if the pair has shown a free line.

        A faster page cannot turn out to get less than half of what the helper sends.
        """
        if subject.rate < SLOW / 2 and is_free(trace) and self._obstacle_to_pages() is None:
            self._offers.count_pair()
            await until_stopped(self._session, read_at_address(self._session, trace, subject))

    def _subjects(self, target: Target, trace: Trace) -> list[SlowPage]:
        """Return what pairs are measured for, in this order. In a deep run one is, slow or not."""
        pages = pages_of(trace, self._session.pace.round_trip)
        for name, rate in best_by_name(pages).items():
            self._best[name] = max(rate, self._best.get(name, 0.0))
        found = subjects_of(pages, self._best)
        if not found and self._session.settings.depth == "deep":
            over_tls = [page for page in pages if page.over == "tls"]
            fastest = min(over_tls, key=lambda page: page.rate, default=first_name(target))
            return [fastest] if fastest else []
        return found

    def _obstacle_to_pages(self) -> TransferResult | None:
        """Return why no pages of the service itself can be read now, None if they can."""
        session, left = self._session, seconds_left(self._session)
        if session.stopping.is_set():
            return "out_of_time" if session.out_of_time else "interrupted"
        if left is not None and left < LONGEST:
            return "out_of_time"
        return None if self._offers.are_left() else "enough"

    async def _quic_pages(self, trace: Trace, subject: SlowPage) -> TransferResult:
        """Read the page over QUIC under its name and an innocuous one. No helper takes part."""
        if not self._session.pace.can_trigger(subject.host, subject.address, "udp"):
            return "budget"
        self._offers.count_pair()
        kept = len(trace.transactions)
        await until_stopped(self._session, read_both(self._session, trace, subject))
        failures = {each.failure for each in trace.transactions[kept:]}
        return "interrupted" if f.INTERRUPTED in failures else "failed" if failures - {None} else "measured"

    def _obstacle(self, subject: SlowPage, *, upload: bool = False) -> TransferResult | None:
        """Return why no pair can begin now, None if one can."""
        session, offer, left = self._session, self._offers.newest(upload=upload), seconds_left(self._session)
        if session.stopping.is_set():
            return "out_of_time" if session.out_of_time else "interrupted"
        if left is not None and left < HANDSHAKE + SECONDS:
            return "out_of_time"
        if not self._offers.are_left(upload=upload):
            return "enough"
        ip = offer.address(session.family_works) if offer else None
        if offer is None or ip is None:
            return "not_offered"
        if subject.over == "http" and offer.http_port is None:
            return "not_offered"
        if not session.pace.can_trigger(subject.host, ip, "tcp"):
            return "budget"
        return "slow_line" if session.pace.line_queueing > CROWDED and session.pace.received_rate < LEAST_RATE else None

    async def _pair(
        self, trace: Trace, subject: SlowPage, *, upload: bool = False, small: bool = False, fast: bool = False
    ) -> TransferResult:
        """Make both transfers at the same time, the first one drawn. `_obstacle` must have found none.

        A `fast` pair has the higher pace, for which the helper must have offered a token.
        """
        offer = self._offers.newest(upload=upload)
        ip = offer.address(self._session.family_works) if offer else None
        assert offer is not None and ip is not None
        token = self._offers.spend(offer, upload=upload, fast=fast)
        about = {"token": token, "small": small, "rate": FAST_PACE if fast else PACE}
        other = self._session.neutral.innocuous[0]
        names: dict[FollowUp, str] = {"transfer_name": subject.host, "transfer_innocuous": other}
        if upload:
            names = {"upload_name": subject.host, "upload_innocuous": other}
        elif subject.over == "http":
            names = {"transfer_host": subject.host, "transfer_innocuous_host": other}
        order = random.sample(list(names), len(names))
        kept, pair = len(trace.entries), len({each.pair for each in transfers_of(trace)})
        flows = [
            self._move(trace, subject, offer, ip, followup, names[followup], pair=pair, rank=rank, **about)
            for rank, followup in enumerate(order)
        ]
        await until_stopped(self._session, _together(flows))
        return result_of([entry for entry in trace.entries[kept:] if isinstance(entry, Transfer)])

    async def _move(
        self,
        trace: Trace,
        subject: SlowPage,
        offer: TransferOffer,
        ip: str,
        followup: FollowUp,
        name: str,
        **about: Any,
    ) -> None:
        """Make one transfer. `about` are further arguments of the step."""
        port = offer.ports[0] if offer.http_port is None or subject.over != "http" else offer.http_port
        facts = TransactionFacts(
            "followup",
            followup,
            subject.cause,
            subject.service,
            subject.endpoint,
            address=HELPER,
            port=port,
            family=family_of(ip),
            sent_name=name,
        )
        pace = self._session.pace
        async with trace.transaction(facts) as tx:

            def count() -> None:
                if followup in NAMED:
                    pace.spend_trigger(subject.host, ip, "tcp", port)
                    tx.record.trigger = True

            upload = followup in UPLOADS
            about |= {"sha256": offer.sha256, "pace": pace, "in_clear": subject.over == "http", "before_name": count}
            await transfer(tx, ip, port, name=name, upload=upload, **about)


async def _together(flows: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*flows)


CARRIES_OUT = dict.fromkeys(
    (
        "transfer_name",
        "transfer_innocuous",
        "transfer_host",
        "transfer_innocuous_host",
        "upload_name",
        "upload_innocuous",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

"""Call the test helper over SIP and WebRTC in a deep run, and copy each call into the measurements that need it.

A call says something about this network and not about one app. So each is made once in a round of the run. The calls
follow the media flows one after the other, because they would disturb each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.followups.helper_offer import CallOffer, CallOffers
from probe.followups.run_flows.helper_conditions import obstacle, reason_without_offer, until_stopped
from probe.formats import failures as f
from probe.formats.call_kinds import CallProtocol
from probe.formats.flow_results import CallResult, CallResults
from probe.formats.followups import FollowUp
from probe.session.classify import LocalFailure
from probe.session.session import HELPER, Session
from probe.session.trace import Trace, TransactionFacts
from probe.steps.calls import webrtc_call as webrtc
from probe.steps.calls.sip_call import sip_call
from probe.steps.calls.voice import TAIL
from probe.targets.target import Target, family_of

SECONDS = 3.0  # of voice in each call
TOKEN_SECONDS = 8.0  # for which a token must be valid: as long as an INVITE is repeated
FOLLOWUPS: dict[CallProtocol, FollowUp] = {"sip": "sip_call", "webrtc": "webrtc_call"}


@dataclass
class _Round:
    """Hold the calls of one round of the run, and what the helper offered last."""

    offers: dict[CallProtocol, CallOffer] = field(default_factory=dict)
    traces: dict[CallProtocol, Trace] = field(default_factory=lambda: {protocol: Trace() for protocol in FOLLOWUPS})
    tasks: dict[CallProtocol, asyncio.Task[None]] = field(default_factory=dict)
    results: dict[CallProtocol, CallResult] = field(default_factory=dict)


class HelperCalls:
    """Hold the test calls of the present round.

    `take_offers` begins the calls, and `before` returns when they can begin.
    """

    def __init__(
        self, session: Session, protocols: Iterable[CallProtocol], before: Callable[[], Awaitable[None]]
    ) -> None:
        self._session, self._protocols, self._before = session, tuple(protocols), before
        self._round = _Round()

    def take_offers(self, offers: CallOffers) -> None:
        """Take the offers in one answer of the helper. The first ones of a round begin the calls.

        Later tokens serve calls that have not begun.
        """
        self._round.offers |= offers
        if not self._round.tasks and self._session.settings.followups:
            before: asyncio.Task[None] | None = None
            for protocol in self._protocols:
                before = self._round.tasks[protocol] = asyncio.create_task(self._make(protocol, before))

    async def finish(self, target: Target, trace: Trace, control: Mapping[str, Any] | None) -> CallResults | None:
        """Wait until the calls that a target needs have ended, and add them to a measurement.

        Return which were made, None if the target needs none. `control` is the helper's answer to this measurement.
        Without an offer nothing is waited for.
        """
        needed = [protocol for protocol in self._protocols if protocol in target.test_calls]
        if not needed:
            return None
        made = self._round
        if not made.tasks:
            return CallResults(**dict.fromkeys(needed, reason_without_offer(self._session, control)))
        trace.awaits_media = True
        try:
            await asyncio.wait({made.tasks[protocol] for protocol in needed})
        finally:
            trace.awaits_media = False
        for protocol in needed:
            trace.adopt(made.traces[protocol])
        return CallResults(**{protocol: made.results.get(protocol, "interrupted") for protocol in needed})

    async def next_round(self) -> None:
        """Start a repeat that the user asked for. It gets its own calls."""
        await self.close()
        self._round = _Round()

    async def close(self) -> None:
        """End calls that are under way, because no measurement waits for them."""
        for task in self._round.tasks.values():
            task.cancel()
        await asyncio.gather(*self._round.tasks.values(), return_exceptions=True)

    # -- the calls -------------------------------------------------------------------------------------------------

    async def _make(self, protocol: CallProtocol, before: "asyncio.Task[None] | None") -> None:
        """Make one call after everything before it has ended."""
        made = self._round
        await (asyncio.wait({before}) if before is not None else self._before())
        try:
            async with self._session.steady_flows:
                result = obstacle(self._session, SECONDS + TAIL) or await self._call(protocol, made)
            made.results[protocol] = result
        except Exception as bug:
            made.results[protocol] = "failed"
            made.traces[protocol].note_bug(bug)
        finally:
            self._session.bugs += made.traces[protocol].bugs

    async def _call(self, protocol: CallProtocol, made: _Round) -> CallResult:
        offer = made.offers.get(protocol)
        if offer is not None and not offer.outlives(TOKEN_SECONDS):
            await until_stopped(self._session, _renew(offer, made))
            offer = made.offers[protocol]
        ip = offer.address(self._session.family_works) if offer else None
        if offer is None or ip is None:
            return "not_offered"
        if not offer.outlives(TOKEN_SECONDS):
            return "token_too_old"
        if protocol == "webrtc" and not await _has_aiortc():
            return "no_extra"
        trace = made.traces[protocol]
        await until_stopped(self._session, self._in_transaction(protocol, trace, ip, offer))
        return _result(trace.entries[0].failure) if trace.entries else "failed"

    async def _in_transaction(self, protocol: CallProtocol, trace: Trace, ip: str, offer: CallOffer) -> None:
        port, pace, token = next(iter(offer.ports), 0), self._session.pace, offer.token.hex()
        facts = TransactionFacts("followup", FOLLOWUPS[protocol], address=HELPER, port=port, family=family_of(ip))
        async with trace.transaction(facts) as tx:
            if offer.signal is not None:
                await webrtc.webrtc_call(tx, ip, token, offer.signal, pace=pace, seconds=SECONDS)
            else:
                await sip_call(tx, ip, port, token, pace=pace, seconds=SECONDS)


def helper_calls(
    session: Session, targets: Iterable[Target], before: Callable[[], Awaitable[None]]
) -> HelperCalls | None:
    """Return the calls of a run, None if its depth is standard or none of its targets needs one.

    `before` waits for what must have ended before the first call.
    """
    needed = {protocol for target in targets for protocol in target.test_calls}
    if session.settings.depth != "deep" or not needed:
        return None
    return HelperCalls(session, [protocol for protocol in FOLLOWUPS if protocol in needed], before)


async def _renew(offer: CallOffer, made: _Round) -> None:
    made.offers |= await offer.renew()


async def _has_aiortc() -> bool:
    """Return whether the extra `calls` is installed. Other flows must not wait while it is loaded."""
    try:
        await asyncio.to_thread(webrtc.need_aiortc)
    except LocalFailure:
        return False
    return True


def _result(failure: str | None) -> CallResult:
    """Return the result of a call whose entry has this failure."""
    if failure is None:
        return "measured"
    reasons: dict[str, CallResult] = {
        f.INTERRUPTED: "interrupted",
        f.HELPER_BUSY: "helper_busy",
        f.NO_CALLS: "no_extra",
    }
    return reasons.get(failure, "failed")


CARRIES_OUT = dict.fromkeys(
    (
        "sip_call",
        "webrtc_call",
    )
)
"""Kinds that are not one flow of one endpoint's attempt."""

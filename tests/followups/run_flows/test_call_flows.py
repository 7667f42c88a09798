"""Test when calls to the helper are made, how they end, and what a measurement gets of them."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aioice.ice
import pytest

from probe.followups.helper_offer import CallOffer, CallOffers
from probe.followups.run_flows import call_flows
from probe.followups.run_flows.call_flows import HelperCalls, helper_calls
from probe.formats import failures as f
from probe.formats.call_kinds import CallProtocol
from probe.formats.flow_results import CallResults
from probe.helper.calls import sip_user_agent
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.query import RequestRefused
from probe.http_server.client_shares import PortKind
from probe.session.classify import LocalFailure, RemoteError
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.call_packets import INTERVAL
from probe.steps.calls import sip_call, webrtc_call
from probe.steps.calls.voice import TAIL
from probe.targets import cost
from probe.targets.target_files import bundled_targets, pick_targets
from probe.wire.media.shape import PACKET
from tests.followups.run_flows.reasons import ANSWERED, WITHOUT_AN_OFFER
from tests.support.servers.dns import Asked, udp_server
from tests.support.session_states import nearly_over, no_udp, slow, without_followups
from tests.support.world import World

PROTOCOLS: tuple[CallProtocol, ...] = ("sip", "webrtc")
SIP, SIGNAL = pick_targets(bundled_targets(), ["sip", "signal"])
BOTH = replace(SIGNAL, services=SIGNAL.services | SIP.services)
PLAIN = SIGNAL.only(["chat"])
PEER = b"peer"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Provide a session in a network with UDP, and calls of a third of a second on loopback."""
    monkeypatch.setattr(call_flows, "SECONDS", 0.3)
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    made = World(tmp_path).session
    made.preflight = {"network": True, "udp": True, "udp_public": True}
    made.settings = replace(made.settings, depth="deep")
    return made


@dataclass
class Helper:
    """Hold a helper's calls, and what it offers."""

    sip: SIPPorts
    webrtc: WebRTC

    renewed: int = 0
    renews: bool = True

    def offers(self, seconds: float = 55.0) -> dict[CallProtocol, CallOffer]:
        until = asyncio.get_running_loop().time() + seconds
        token, other = (bytes.fromhex(each.offer()["token"]) for each in (self.sip, self.webrtc))
        return {
            "sip": CallOffer(token, (self.sip.port,), ("127.0.0.1",), until, self.renew),
            "webrtc": CallOffer(other, (), ("127.0.0.1",), until, self.renew, self.signal),
        }

    async def renew(self) -> CallOffers:
        self.renewed += 1
        return self.offers() if self.renews else {}

    async def signal(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await self.webrtc.answer(dict(question), PEER)
        except RequestRefused as refused:
            raise LocalFailure(f.HELPER_BUSY) if refused.status == 503 else RemoteError(str(refused)) from refused


async def at_once() -> None:
    """Return where no other flow has to end before."""


@asynccontextmanager
async def a_helper(session: Session) -> AsyncIterator[tuple[HelperCalls, Helper]]:
    """Run a helper that takes calls. Yield the run's calls and the helper."""
    helper, made = Helper(SIPPorts(0), WebRTC()), HelperCalls(session, PROTOCOLS, at_once)
    await helper.sip.open("127.0.0.1")
    try:
        yield made, helper
    finally:
        await made.close()
        helper.sip.close()
        await helper.webrtc.close()


def results(**named: Any) -> CallResults:
    return CallResults(**named)


def entries(trace: Trace) -> dict[str, Any]:
    return {entry.OPERATION: entry for entry in trace.entries if entry.OPERATION in {"sip_call", "webrtc_call"}}


async def test_calls_follow_each_other_and_are_copied_into_the_measurements_that_need_them(session: Session) -> None:
    async with a_helper(session) as (made, helper):
        early = Trace()
        async with early.transaction(TransactionFacts("first")):
            await asyncio.sleep(0.1)
        made.take_offers(helper.offers())
        made.take_offers(helper.offers())  # those of another answer
        assert await made.finish(BOTH, early, ANSWERED) == results(sip="measured", webrtc="measured")
        only_sip, only_webrtc, neither = Trace(), Trace(), Trace()
        assert await made.finish(SIP, only_sip, ANSWERED) == results(sip="measured")
        assert await made.finish(SIGNAL, only_webrtc, ANSWERED) == results(webrtc="measured")
        assert await made.finish(PLAIN, neither, ANSWERED) is None
    assert [(each.transaction_id, each.followup) for each in early.transactions] == [
        *((1, ""), (2, "sip_call"), (3, "webrtc_call"))
    ]
    assert entries(only_sip).keys() == {"sip_call"} and entries(only_webrtc).keys() == {"webrtc_call"}
    assert neither.entries == [] and neither.transactions == []
    both = entries(early)
    assert {(each.failure, each.sent, each.returned) for each in both.values()} == {(None, 15, 15)}
    assert both["sip_call"].t <= both["webrtc_call"].t0
    about = {(each.kind, each.address, each.family, each.failure, each.trigger) for each in early.transactions[1:]}
    assert about == {("followup", "helper", 4, None, False)} and session.pace.triggers == 0
    assert all(each.service == each.endpoint == "" for each in early.transactions[1:])
    least = 2 * 15 * PACKET
    assert least < session.pace.bytes_sent < least + 9000 and least < session.pace.bytes_received < least + 9000


async def test_calls_wait_for_what_must_end_before_them(session: Session) -> None:
    free = asyncio.Event()

    async def before() -> None:
        await free.wait()

    async with a_helper(session) as (_, helper):
        made = HelperCalls(session, PROTOCOLS, before)
        made.take_offers(helper.offers(seconds=1.0))
        await asyncio.sleep(0.2)
        assert session.pace.bytes_sent == 0
        made.take_offers(helper.offers())  # the first tokens would be too old
        waiting = asyncio.create_task(made.finish(BOTH, trace := Trace(), ANSWERED))
        await asyncio.sleep(0)
        assert trace.awaits_media
        free.set()
        assert await waiting == results(sip="measured", webrtc="measured")
    assert not trace.awaits_media


async def test_old_token_is_renewed_once(session: Session) -> None:
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers(seconds=call_flows.TOKEN_SECONDS - 0.1))
        assert await made.finish(BOTH, Trace(), ANSWERED) == results(sip="measured", webrtc="measured")
    assert helper.renewed == 1


async def test_old_token_without_a_new_one_makes_no_call(session: Session) -> None:
    async with a_helper(session) as (made, helper):
        helper.renews = False
        made.take_offers(helper.offers(seconds=call_flows.TOKEN_SECONDS - 0.1))
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(
            sip="token_too_old", webrtc="token_too_old"
        )
    assert trace.transactions == [] and session.pace.bytes_sent == 0


@pytest.mark.parametrize("offered", PROTOCOLS)
async def test_helper_with_one_kind_of_call_gets_that_one(session: Session, offered: CallProtocol) -> None:
    async with a_helper(session) as (made, helper):
        made.take_offers({offered: helper.offers()[offered]})
        found = await made.finish(BOTH, Trace(), ANSWERED)
    other = next(protocol for protocol in PROTOCOLS if protocol != offered)
    assert found == results(**{offered: "measured", other: "not_offered"})


async def test_each_round_has_its_own_calls(session: Session) -> None:
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        await made.finish(SIP, one := Trace(), ANSWERED)
        await made.next_round()
        assert await made.finish(SIP, Trace(), {"failure": f.TIMEOUT}) == results(sip="no_helper")
        made.take_offers(helper.offers())
        assert await made.finish(SIP, other := Trace(), ANSWERED) == results(sip="measured")
    assert entries(one)["sip_call"].t != entries(other)["sip_call"].t and len(entries(other)) == 1


# -- no call ----------------------------------------------------------------------------------------------------------


@WITHOUT_AN_OFFER
async def test_reason_without_an_offer(
    session: Session, settings: dict[str, Any], control: Any, stopped: str, expected: str
) -> None:
    session.settings = replace(session.settings, **settings)
    if stopped:
        session.stopping.set()
        session.out_of_time = stopped == "by its limit"
    made = HelperCalls(session, PROTOCOLS, at_once)
    assert await made.finish(BOTH, trace := Trace(), control) == results(sip=expected, webrtc=expected)
    assert trace.transactions == [] and trace.entries == []


def stopped(session: Session) -> None:
    session.stopping.set()


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (slow, "slow_line"),
        (no_udp, "no_udp"),
        (nearly_over, "out_of_time"),
        (without_followups, "no_followups"),
        (stopped, "interrupted"),
    ],
)
async def test_no_packet_is_sent_where_it_would_show_nothing(
    session: Session, prepare: Callable[[Session], None], expected: str
) -> None:
    prepare(session)
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip=expected, webrtc=expected)
    assert trace.transactions == [] and trace.entries == [] and session.pace.bytes_sent == 0


async def test_missing_extra_makes_no_webrtc_call(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_helper(session) as (made, helper):
        offers = helper.offers()
        monkeypatch.setitem(sys.modules, "aiortc", None)
        made.take_offers(offers)
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip="measured", webrtc="no_extra")
    assert [each.followup for each in trace.transactions] == ["sip_call"]


# -- helpers that fail ------------------------------------------------------------------------------------------------


async def test_helper_without_a_place_is_named_as_the_reason(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_user_agent, "SIP_CALLS", PortKind(0, 0))
    monkeypatch.setattr("probe.helper.calls.webrtc.WEBRTC_CALLS", PortKind(0, 0))
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip="helper_busy", webrtc="helper_busy")
    assert {each.failure for each in trace.transactions} == {f.HELPER_BUSY} and f.is_local(f.HELPER_BUSY)


async def test_silent_helper_is_a_failed_call_and_the_next_one_is_made(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(asked: Asked) -> None:
        """Answer nothing."""

    monkeypatch.setattr(call_flows, "sip_call", sip_call_within(0.6))
    async with a_helper(session) as (made, helper), udp_server(nothing) as server:
        offers: CallOffers = {**helper.offers(), "sip": replace(helper.offers()["sip"], ports=(server.port,))}
        made.take_offers(offers)
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip="failed", webrtc="measured")
    assert entries(trace)["sip_call"].failure == f.TIMEOUT and session.bugs == []


def sip_call_within(setup: float) -> Callable[..., Any]:
    """Return the step with another limit for the answer."""

    async def limited(*about: Any, **more: Any) -> Any:
        return await sip_call.sip_call(*about, **more, setup=setup)

    return limited


async def test_helper_whose_signalling_fails_is_a_failed_call(session: Session) -> None:
    async def refuse(question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RemoteError(f"{f.UNKNOWN}: helper: status 404")

    async with a_helper(session) as (made, helper):
        made.take_offers({"webrtc": replace(helper.offers()["webrtc"], signal=refuse)})
        assert await made.finish(SIGNAL, trace := Trace(), ANSWERED) == results(webrtc="failed")
    assert entries(trace)["webrtc_call"].failure == f"{f.UNKNOWN}: helper: status 404" and session.bugs == []


async def test_bug_costs_one_call_and_is_described(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HelperCalls, "_in_transaction", None)
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip="failed", webrtc="failed")
    assert trace.transactions == [] and len(session.bugs) == 2 and "TypeError" in session.bugs[0]


# -- stopping ---------------------------------------------------------------------------------------------------------


async def test_interrupted_call_keeps_what_it_has_received(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_flows, "SECONDS", 30.0)
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        waiting = asyncio.create_task(made.finish(BOTH, trace := Trace(), ANSWERED))
        await asyncio.sleep(0.8)
        session.stopping.set()
        began = time.monotonic()
        assert await waiting == results(sip="interrupted", webrtc="interrupted") and time.monotonic() - began < 0.5
    (entry,) = entries(trace).values()
    assert (entry.OPERATION, entry.failure) == ("sip_call", f.INTERRUPTED) and entry.returned > 5
    assert {each.failure for each in trace.transactions} == {f.INTERRUPTED} and session.bugs == []


async def test_calls_that_no_measurement_waits_for_end_with_the_run(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_flows, "SECONDS", 30.0)
    async with a_helper(session) as (made, helper):
        made.take_offers(helper.offers())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await made.close()
        assert await made.finish(BOTH, Trace(), ANSWERED) == results(sip="interrupted", webrtc="interrupted")
    assert time.monotonic() - began < 0.5 and session.bugs == []


# -- the plan ---------------------------------------------------------------------------------------------------------


def test_only_deep_runs_with_such_calls_call_the_helper(session: Session) -> None:
    assert helper_calls(session, [SIP], at_once) is not None
    assert helper_calls(session, [PLAIN], at_once) is None
    session.settings = replace(session.settings, depth="standard")
    assert helper_calls(session, [SIP, SIGNAL], at_once) is None


async def test_run_calls_only_over_what_its_targets_use(session: Session) -> None:
    async with a_helper(session) as (_, helper):
        made = helper_calls(session, [PLAIN, SIP], at_once)
        assert made is not None
        made.take_offers(helper.offers())
        assert await made.finish(BOTH, trace := Trace(), ANSWERED) == results(sip="measured")
    assert entries(trace).keys() == {"sip_call"} and len(helper.webrtc) == 0


def test_cost_is_that_of_the_steps() -> None:
    of_sip = sip_call.SETUP + call_flows.SECONDS + TAIL + sip_call.HANGING_UP
    of_webrtc = webrtc_call.SETUP + call_flows.SECONDS + TAIL + 1.0  # to close
    assert of_sip <= cost.CALL_SECONDS["sip"] < of_sip + 3.0 and cost.CALL_SECONDS.keys() == set(PROTOCOLS)
    assert of_webrtc <= cost.CALL_SECONDS["webrtc"] < of_webrtc + 3.0
    voice = 2 * call_flows.SECONDS / INTERVAL * (PACKET + 28)
    srtp = 2 * call_flows.SECONDS / INTERVAL * 10  # bytes of a tag
    assert voice < cost.CALL_BYTES["sip"] < voice + 8000
    assert voice + srtp < cost.CALL_BYTES["webrtc"] < voice + srtp + 12_000

"""Test when pairs of media flows are measured, how they end, and what a measurement gets of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.observations.media_figures import media_rows
from probe.followups.helper_offer import HelperOffer, MediaOffer
from probe.followups.run_flows import media_pairs as pairs
from probe.followups.run_flows.media_pairs import MediaPairs, media_pairs
from probe.formats import failures as f
from probe.formats.call_kinds import AppShape
from probe.formats.exchanges.media import MediaFlow
from probe.helper.media import media_reflector
from probe.helper.media.media_reflector import Media
from probe.http_server.client_shares import PortKind
from probe.session.session import RunSettings, Session
from probe.session.trace import Trace
from probe.signatures import call_packets
from probe.signatures.call_packets import LATE, MUCH_BESIDE
from probe.steps.calls import media as step
from probe.targets import cost
from probe.targets.target import Target
from probe.targets.target_files import bundled_targets, load_target
from probe.wire.media.shapes import APP_SHAPES
from tests.followups.run_flows.reasons import ANSWERED, WITHOUT_AN_OFFER
from tests.support.servers.dns import Asked, udp_server
from tests.support.session_states import nearly_over, no_udp, slow, without_followups
from tests.support.world import World

pytestmark = pytest.mark.timed

SIGNAL, WHATSAPP, TELEGRAM = (
    load_target(bundled_targets() / f"{name}.toml") for name in ("signal", "whatsapp", "telegram")
)
APPS: dict[AppShape, Target] = {"rtp": SIGNAL, "whatsapp": WHATSAPP, "reflector": TELEGRAM}
SHAPES = {"media_shape", "media_opaque"}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Provide a session in a network with UDP, and flows of a third of a second."""
    monkeypatch.setattr(pairs, "SECONDS", 0.3)
    made = World(tmp_path).session
    made.preflight = {"network": True, "udp": True, "udp_public": True}
    return made


def offer(port: int, media: Media | None = None, seconds: float = 55.0) -> MediaOffer:
    token = bytes.fromhex(media.offer()["token"]) if media else bytes(12)
    return MediaOffer(token, (port,), ("127.0.0.1",), asyncio.get_running_loop().time() + seconds, APP_SHAPES)


@asynccontextmanager
async def reflecting(session: Session, *shapes: AppShape) -> AsyncIterator[tuple[MediaPairs, MediaOffer]]:
    """Run a helper's reflector. Yield the run's flows and an offer of the helper."""
    media, flows = Media(0), MediaPairs(session, shapes or ("rtp",))
    await media.open("127.0.0.1")
    try:
        yield flows, offer(media.port, media)
    finally:
        await flows.close()
        media.close()


def entries(trace: Trace) -> list[MediaFlow]:
    return [entry for entry in trace.entries if isinstance(entry, MediaFlow)]


def one_depth(session: Session, **settings: Any) -> None:
    session.settings = replace(session.settings, **settings)


async def test_pair_is_copied_into_each_measurement_with_its_own_numbers_and_times(session: Session) -> None:
    async with reflecting(session) as (flows, offered):
        early = Trace()
        async with early.transaction(pairs.TransactionFacts("first")):
            await asyncio.sleep(0.2)
        flows.take_offer(offered)
        flows.take_offer(offered)  # that of another answer
        assert await flows.finish(SIGNAL, early, ANSWERED) == "measured"
        late = Trace()
        assert await flows.finish(SIGNAL, late, ANSWERED) == "measured"
    assert [each.transaction_id for each in early.transactions] == [1, 2, 3]
    assert [each.transaction_id for each in late.transactions] == [1, 2]
    assert {each.followup for each in late.transactions} == SHAPES
    about = {(each.kind, each.address, each.port, each.family, each.failure) for each in late.transactions}
    assert about == {("followup", "helper", offered.ports[0], 4, None)}
    for trace, began in ((early, (0.15, 0.6)), (late, (-3.0, -0.3))):
        assert {entry.transaction_id for entry in entries(trace)} == {
            each.transaction_id for each in trace.transactions if each.followup in SHAPES
        }
        assert all(began[0] < entry.t0 < began[1] and entry.t0 + 0.8 < entry.t for entry in entries(trace))
        assert {(entry.shape, entry.pair, entry.sent, entry.returned) for entry in entries(trace)} == {
            ("rtp", 0, 15, 15),
            ("opaque", 0, 15, 15),
        }
    assert not any(each.trigger for each in late.transactions) and session.pace.triggers == 0
    assert 2 * 15 * 160 < session.pace.bytes_sent < 2 * 15 * 160 + 1000


async def test_deep_run_measures_three_pairs_one_after_the_other(session: Session) -> None:
    one_depth(session, depth="deep")
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        trace = Trace()
        assert await flows.finish(SIGNAL, trace, ANSWERED) == "measured"
    numbers = range(cost.MEDIA_PAIRS["deep"])
    spans = [[(entry.t0, entry.t) for entry in entries(trace) if entry.pair == pair] for pair in numbers]
    assert [len(each) for each in spans] == [2, 2, 2]
    assert all(max(end for _, end in one) <= min(t0 for t0, _ in other) for one, other in pairwise(spans))


async def test_later_pair_needs_a_valid_token(session: Session) -> None:
    """Check that a token that grows too old ends the pairs, and that a newer one serves the later ones."""
    one_depth(session, depth="deep")
    async with reflecting(session) as (flows, offered):
        flows.take_offer(replace(offered, until=asyncio.get_running_loop().time() + step.HANDSHAKE + 0.2))
        trace = Trace()
        assert await flows.finish(SIGNAL, trace, ANSWERED) == "measured"
        assert {entry.pair for entry in entries(trace)} == {0}
        await flows.next_round()
        flows.take_offer(replace(offered, until=asyncio.get_running_loop().time() + step.HANDSHAKE + 0.2))
        flows.take_offer(offered)
        again = Trace()
        await flows.finish(SIGNAL, again, ANSWERED)
    assert {entry.pair for entry in entries(again)} == {0, 1, 2}


async def test_each_round_has_its_own_pair(session: Session) -> None:
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        await flows.finish(SIGNAL, one := Trace(), ANSWERED)
        await flows.next_round()
        assert await flows.finish(SIGNAL, Trace(), {"failure": f.TIMEOUT}) == "no_helper"
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, other := Trace(), ANSWERED) == "measured"
    assert {id(entry.late) for entry in entries(one)}.isdisjoint(id(entry.late) for entry in entries(other))
    assert {entry.pair for entry in entries(other)} == {0}


# -- a busy computer ---------------------------------------------------------------------------------------------------


def late_in(monkeypatch: pytest.MonkeyPatch, *busy: int) -> None:
    """Stop this process for 0.25 of 0.3 seconds in the pairs with these numbers."""
    send_packets = step._Socket.send_packets
    begun: list[object] = []

    async def stopped(flow: step._Socket, packets: int, cookie: bytes) -> None:
        begun.append(flow)
        if (len(begun) - 1) // 2 in busy:
            asyncio.get_running_loop().call_later(0.02, time.sleep, 0.25)
        await send_packets(flow, packets, cookie)

    monkeypatch.setattr(step._Socket, "send_packets", stopped)


@pytest.mark.parametrize(
    ("busy", "expected", "numbers"),
    [((), "measured", {0}), ((0,), "measured", {0, 1}), ((0, 1), "computer_busy", {0, 1})],
)
async def test_pair_that_this_computer_disturbed_is_repeated_once(
    session: Session, monkeypatch: pytest.MonkeyPatch, busy: tuple[int, ...], expected: str, numbers: set[int]
) -> None:
    late_in(monkeypatch, *busy)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == expected
    assert {entry.pair for entry in entries(trace)} == numbers
    assert {
        row.pair for row in media_rows({"media": [entry.model_dump() for entry in entries(trace)]}) if row.spoiled
    } == set(busy)


async def test_work_of_the_run_delays_no_packet(session: Session) -> None:
    """Stop the event loop of the run for 0.25 of 0.3 seconds, as the answers of many other flows do."""
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        await asyncio.sleep(0.05)
        time.sleep(0.25)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "measured"
    assert {entry.pair for entry in entries(trace)} == {0}
    assert all(max(entry.late) < LATE for entry in entries(trace))


async def test_deep_run_goes_on_after_a_disturbed_pair_and_repeats_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_depth(session, depth="deep")
    late_in(monkeypatch, 0, 1)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "measured"
    assert {entry.pair for entry in entries(trace)} == {0, 1, 2, 3}


# -- our other flows ---------------------------------------------------------------------------------------------------


def harmed_in(monkeypatch: pytest.MonkeyPatch, *pairs_harmed: int, shapes: Collection[str] = ("rtp", "opaque")) -> None:
    """Let the reflector lose each third packet of some shapes in the pairs with these numbers."""
    reflect, begun = media_reflector.Reflector._reflect, list[object]()

    def losing(
        reflector: media_reflector.Reflector, datagram: bytes, flow: media_reflector.ReflectedFlow, now: float
    ) -> bytes | None:
        if not any(flow is each for each in begun):
            begun.append(flow)
        answer = reflect(reflector, datagram, flow, now)
        pair = next(number for number, each in enumerate(begun) if each is flow) // 2
        harmed = pair in pairs_harmed and flow.shape.NAME in shapes
        return None if harmed and flow.reflected % 3 == 0 else answer

    monkeypatch.setattr(media_reflector.Reflector, "_reflect", losing)


def beside(session: Session, count: int) -> None:
    """Receive bytes of other flows a moment after a pair has begun."""
    asyncio.get_running_loop().call_later(0.15, session.pace.received, count)


@pytest.mark.parametrize(
    ("harmed", "others", "expected", "numbers"),
    [
        ((), MUCH_BESIDE + 1, "measured", {0}),  # our other flows did no harm
        ((0,), MUCH_BESIDE - 1, "measured", {0}),  # they were too few to do harm, so that the network did it
        ((0,), MUCH_BESIDE + 1, "measured", {1}),  # the repetition alone counts
        ((0, 1), MUCH_BESIDE + 1, "measured", {1}),  # it is harmed without our flows too
    ],
)
async def test_pair_that_our_other_flows_may_have_harmed_is_repeated_alone(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    harmed: tuple[int, ...],
    others: int,
    expected: str,
    numbers: set[int],
) -> None:
    monkeypatch.setattr(pairs, "LOOK", 0.1)
    harmed_in(monkeypatch, *harmed)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        beside(session, others)
        trace = Trace()
        assert await flows.finish(SIGNAL, trace, ANSWERED) == expected
    assert {entry.pair for entry in entries(trace)} == numbers


async def test_pair_that_is_harmed_in_quiet_times_too_counts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a burst of our other flows at the beginning takes no pair from a line that always loses packets."""
    monkeypatch.setattr(pairs, "LOOK", 0.02)
    for name, value in (("DRAINS", 0.05), ("FOLLOWS", 0.02), ("QUIET", 3)):
        monkeypatch.setattr(call_packets, name, value)
    harmed_in(monkeypatch, 0)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        asyncio.get_running_loop().call_later(0.01, session.pace.received, MUCH_BESIDE + 1)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "measured"
    assert {entry.pair for entry in entries(trace)} == {0}


@pytest.mark.parametrize("shape", ["rtp", "opaque"])
async def test_pair_of_which_one_flow_was_harmed_counts_whatever_went_on_beside_it(
    session: Session, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """Check that a censor of call packets is found at once. Our own flows would have harmed both."""
    harmed_in(monkeypatch, 0, shapes=[shape])
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        beside(session, MUCH_BESIDE + 1)
        trace = Trace()
        assert await flows.finish(SIGNAL, trace, ANSWERED) == "measured"
    found = {entry.shape: (entry.pair, entry.returned < entry.sent) for entry in entries(trace)}
    assert found == {each: (0, each == shape) for each in ("rtp", "opaque")}


async def test_repetition_waits_until_our_other_flows_are_few(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy() -> None:
        for _ in range(15):
            await asyncio.sleep(0.1)
            session.pace.received(MUCH_BESIDE)

    monkeypatch.setattr(pairs, "LOOK", 0.2)
    harmed_in(monkeypatch, 0)
    async with reflecting(session) as (flows, offered):
        began, working = time.monotonic(), asyncio.create_task(busy())
        flows.take_offer(offered)
        trace = Trace()
        assert await flows.finish(SIGNAL, trace, ANSWERED) == "measured"
        await working
    assert {entry.pair for entry in entries(trace)} == {1}
    assert min(entry.t0 for entry in entries(trace)) + trace.zero - began > 1.4


async def test_line_that_is_too_slow_for_the_repetition_gets_no_pair(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that no harmed pair is left where our flows have shown a narrow line meanwhile."""
    harmed_in(monkeypatch, 0)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        await asyncio.sleep(0.15)
        slow(session)
        session.pace.bytes_received += MUCH_BESIDE
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "slow_line"
    assert entries(trace) == [] and trace.transactions == []


# -- shapes -----------------------------------------------------------------------------------------------------------


async def round_of(flows: MediaPairs, offered: MediaOffer) -> dict[AppShape, tuple[str | None, list[AppShape]]]:
    """Run the flows of one round. Return for each app's shape the result and the shapes of its pairs."""
    await flows.next_round()
    flows.take_offer(offered)
    found: dict[AppShape, tuple[str | None, list[AppShape]]] = {}
    for shape, target in APPS.items():
        result = await flows.finish(target, trace := Trace(), ANSWERED)
        found[shape] = result, [entry.shape for entry in entries(trace) if entry.shape != "opaque"]
        assert len(entries(trace)) == 2 * len(found[shape][1])
    return found


async def test_shapes_take_turns_by_round_and_an_app_gets_no_pair_of_another(session: Session) -> None:
    """Check that each of three rounds has one other shape, and that other apps are told why they have no pair."""
    async with reflecting(session, *APPS) as (flows, offered):
        rounds = [await round_of(flows, offered) for _ in range(4)]
    measured = [[shape for shape, (result, _) in found.items() if result == "measured"] for found in rounds]
    assert [len(each) for each in measured] == [1] * 4 and measured[3] == measured[0]
    assert {shape for (shape,) in measured} == set(APPS)
    for found, (chosen,) in zip(rounds, measured, strict=True):
        for shape, (result, pairs_of_it) in found.items():
            expected = ("measured", [shape]) if shape == chosen else ("other_shape", [])
            assert (result, pairs_of_it) == expected


async def test_deep_run_measures_each_of_three_shapes_once(session: Session) -> None:
    one_depth(session, depth="deep")
    async with reflecting(session, *APPS) as (flows, offered):
        found = await round_of(flows, offered)
    assert found == {shape: ("measured", [shape]) for shape in APPS}


async def test_deep_run_measures_the_only_shape_three_times_and_two_shapes_in_turn(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_reflector, "MEDIA_FLOWS", PortKind(1000, 100))  # two rounds within half a minute
    one_depth(session, depth="deep")
    async with reflecting(session, "whatsapp") as (flows, offered):
        assert (await round_of(flows, offered))["whatsapp"] == ("measured", ["whatsapp"] * 3)
    async with reflecting(session, "whatsapp", "rtp") as (flows, offered):
        rounds = [await round_of(flows, offered) for _ in range(2)]
    counts = [sorted(len(found[shape][1]) for shape in ("whatsapp", "rtp")) for found in rounds]
    assert counts == [[1, 2], [1, 2]]
    assert len(rounds[0]["rtp"][1]) + len(rounds[1]["rtp"][1]) == 3, "the turns go on in the next round"


async def test_first_shape_is_drawn(session: Session) -> None:
    first = {MediaPairs(session, list(APPS))._order[0] for _ in range(100)}
    assert first == set(APPS)


async def test_helper_that_knows_one_shape_gets_only_that_one(session: Session) -> None:
    """Check that a flow of an unknown shape, which a helper would not answer, is not taken for a dropped one."""
    async with reflecting(session, *APPS) as (flows, offered):
        for _ in range(3):
            found = await round_of(flows, replace(offered, shapes=("rtp",)))
            assert found["rtp"] == ("measured", ["rtp"])
            assert found["whatsapp"] == found["reflector"] == ("not_offered", [])
        found = await round_of(flows, replace(offered, shapes=("new",)))
    assert found == dict.fromkeys(APPS, ("not_offered", []))


async def test_other_helper_that_does_not_know_the_shape_gets_no_later_pair(session: Session) -> None:
    one_depth(session, depth="deep")
    async with reflecting(session, "whatsapp") as (flows, offered):
        flows.take_offer(offered)
        flows.take_offer(replace(offered, ports=(9,), shapes=("rtp",)))
        assert await flows.finish(WHATSAPP, trace := Trace(), ANSWERED) == "measured"
    assert [entry.port for entry in entries(trace)] == [offered.ports[0]] * 6


async def test_reason_that_ends_the_pairs_is_that_of_the_later_shapes(session: Session) -> None:
    one_depth(session, depth="deep")
    async with reflecting(session, *APPS) as (flows, offered):
        flows.take_offer(offered)
        await asyncio.sleep(0.2)
        session.steps_end_at = time.monotonic() + 1.0  # too little for a second pair
        results = [await flows.finish(target, Trace(), ANSWERED) for target in APPS.values()]
    assert sorted(map(str, results)) == ["measured", "out_of_time", "out_of_time"]


# -- no pair ----------------------------------------------------------------------------------------------------------


@WITHOUT_AN_OFFER
async def test_reason_without_an_offer(
    session: Session, settings: dict[str, Any], control: Any, stopped: str, expected: str
) -> None:
    one_depth(session, **settings)
    if stopped:
        session.stopping.set()
        session.out_of_time = stopped == "by its limit"
    assert await MediaPairs(session, ["rtp"]).finish(SIGNAL, trace := Trace(), control) == expected
    assert trace.transactions == [] and trace.entries == []


def no_udp_at_all(session: Session) -> None:
    session.preflight |= {"udp": False, "udp_public": None}


def users_limit(session: Session) -> None:
    session.preflight_began = time.monotonic() - 20.0
    one_depth(session, max_time=21.5)


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (slow, "slow_line"),
        (no_udp, "no_udp"),
        (no_udp_at_all, "no_udp"),
        (nearly_over, "out_of_time"),
        (users_limit, "out_of_time"),
        (without_followups, "no_followups"),
    ],
)
async def test_no_packet_is_sent_where_it_would_show_nothing(
    session: Session, prepare: Callable[[Session], None], expected: str
) -> None:
    prepare(session)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == expected
    assert entries(trace) == [] and trace.transactions == [] and session.pace.bytes_sent == 0


async def test_line_with_queues_is_measured_if_it_is_fast(session: Session) -> None:
    slow(session)
    session.pace.received(1_000_000)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, Trace(), ANSWERED) == "measured"


# -- helpers that fail ------------------------------------------------------------------------------------------------


async def test_helper_without_a_place_is_named_as_the_reason(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_reflector, "MEDIA_FLOWS", PortKind(0, 0))
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "helper_busy"
    assert {each.failure for each in trace.transactions} == {f.HELPER_BUSY}


async def test_silent_reflector_costs_no_more_than_the_handshake(session: Session) -> None:
    def nothing(asked: Asked) -> None:
        """Answer nothing."""

    one_depth(session, depth="deep")
    async with udp_server(nothing) as server:
        flows, began = MediaPairs(session, ["rtp"]), time.monotonic()
        flows.take_offer(offer(server.port))
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "failed"
    assert step.HANDSHAKE < time.monotonic() - began < step.HANDSHAKE + 0.5
    assert [entry.failure for entry in entries(trace)] == [f.TIMEOUT] * 2
    assert not any(entry.established for entry in entries(trace))


async def test_flow_that_stops_in_the_middle_is_measured(session: Session) -> None:
    """Check that a reflector that goes silent ends nothing early. Its silence may be a censor's."""
    media = Media(0)
    await media.open("127.0.0.1")
    flows = MediaPairs(session, ["rtp"])
    flows.take_offer(offer(media.port, media))
    await asyncio.sleep(0.15)
    media.close()
    assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == "measured"
    assert all(entry.established and 0 < entry.returned < 15 for entry in entries(trace))


# -- stopping ---------------------------------------------------------------------------------------------------------


async def test_interrupted_flows_keep_what_they_have_received(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "SECONDS", 30.0)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        waiting = asyncio.create_task(flows.finish(SIGNAL, trace := Trace(), ANSWERED))
        await asyncio.sleep(0.4)
        assert trace.awaits_media
        session.stopping.set()
        began = time.monotonic()
        assert await waiting == "interrupted" and time.monotonic() - began < 0.5
    assert not trace.awaits_media
    assert [(entry.failure, entry.returned > 5) for entry in entries(trace)] == [(f.INTERRUPTED, True)] * 2
    assert {each.failure for each in trace.transactions} == {f.INTERRUPTED} and session.bugs == []


@pytest.mark.parametrize(("left", "expected"), [(5.0, "measured"), (0.3, "interrupted")])
async def test_run_that_is_out_of_time_ends_flows_with_its_steps(
    session: Session, monkeypatch: pytest.MonkeyPatch, left: float, expected: str
) -> None:
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        await asyncio.sleep(0.1)
        session.steps_end_at, session.out_of_time = time.monotonic() + left, True
        session.stopping.set()
        assert await flows.finish(SIGNAL, trace := Trace(), ANSWERED) == expected
    assert len(entries(trace)) == 2


async def test_flows_that_no_measurement_waits_for_end_with_the_run(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "SECONDS", 30.0)
    async with reflecting(session) as (flows, offered):
        flows.take_offer(offered)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await flows.close()
    assert time.monotonic() - began < 0.5 and session.bugs == []


# -- the plan ---------------------------------------------------------------------------------------------------------


def test_only_runs_with_calls_of_a_known_shape_have_flows(tmp_path: Path) -> None:
    world = World(tmp_path)
    plain = world.target("https://chat.example:443/")
    services = {"web": replace(plain.services["web"], media="rtp")}
    assert media_pairs(world.session, [plain]) is None
    assert media_pairs(world.session, [plain, replace(plain, services=services)]) is not None


def test_cost_is_that_of_the_step() -> None:
    assert pytest.approx(cost.MEDIA_SECONDS) == step.HANDSHAKE + step.SECONDS + step.TAIL
    assert set(cost.MEDIA_PAIRS) == {"standard", "deep"} and RunSettings().depth in cost.MEDIA_PAIRS
    packets = step.SECONDS / step.INTERVAL
    assert pytest.approx(2 * 2 * packets * (step.PACKET + 28), rel=0.05) == cost.MEDIA_BYTES


async def test_offer_prefers_a_family_that_works() -> None:
    both = HelperOffer(bytes(12), (1,), ("2001:db8::1", "192.0.2.1"), 0.0)
    assert both.address(lambda family: family == 4) == "192.0.2.1"
    assert both.address(lambda family: True) == "2001:db8::1"
    assert both.address(lambda family: False) == "2001:db8::1"
    assert replace(both, addresses=()).address(lambda family: True) is None

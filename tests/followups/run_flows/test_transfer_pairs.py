"""Test when pairs of transfers are measured, what a measurement gets of them, and what they cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.followups.helper_offer import TransferOffer
from probe.followups.run_flows import transfer_pairs as pairs
from probe.followups.run_flows.slow_pages import SlowPage, pages_of, slow_over_quic
from probe.followups.run_flows.transfer_pairs import TransferPairs
from probe.formats import failures as f
from probe.formats.entries import HTTPRequest, HTTPTransaction
from probe.formats.exchanges.transfer import Transfer
from probe.helper.transfer import sender
from probe.helper.transfer.port import TransferPort
from probe.http_server.client_shares import ClientShares, PortKind
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.signatures import silent_streams
from probe.signatures.silent_streams import SMALL_SEGMENT
from probe.signatures.slow_page import SLOW, SLOW_ALONE, SLOW_OVER_QUIC
from probe.steps import transfer as step
from probe.targets.cost import TRANSFER_PAIRS, UPLOAD_PAIRS
from probe.targets.target import Endpoint
from probe.targets.target_files import bundled_targets, load_target
from probe.wire.transfer import FAST_PACE, PACE
from tests.followups.run_flows.reasons import ANSWERED
from tests.steps.slow_proxy import slow_proxy
from tests.support.world import World

X, TELEGRAM, STUN = (load_target(bundled_targets() / f"{name}.toml") for name in ("x", "telegram", "stun"))
PAGES = [(service.role, each) for service, each in X.endpoints() if each.scheme == "https"]
ROLE, ENDPOINT = PAGES[0]
OTHER = next(each for each in PAGES if each[0] != ROLE)
TELEGRAMS = next((service.role, each) for service, each in TELEGRAM.endpoints() if each.scheme == "https")
KINDS = {"transfer_name", "transfer_innocuous"}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Provide a session, and a helper whose transfers take half a second."""
    monkeypatch.setattr(sender, "SECONDS", 0.5)
    monkeypatch.setattr(sender, "TOTAL", 8 * 3200)
    return World(tmp_path).session


@asynccontextmanager
async def helper(
    session: Session, rates: dict[str, int] | None = None, stall_after: int | None = None
) -> AsyncIterator[tuple[TransferPairs, TransferPort]]:
    """Run a helper's port behind a proxy that limits some names. Yield the run's pairs, with an offer."""
    port, made = TransferPort(0), TransferPairs(session)
    await port.open("127.0.0.1")
    try:
        async with slow_proxy(port.port, rates or {}, stall_after=stall_after) as proxy:
            made.take_offer(offer(port, proxy))
            yield made, port
    finally:
        port.close()


def with_uploads(made: TransferPairs, port: TransferPort) -> None:
    """Let the last offer take uploads too."""
    made._offers.known[-1].upload = bytes.fromhex(port.offer()["upload"])


def offer(port: TransferPort, at: int, seconds: float = 55.0, *, clear: int | None = None) -> TransferOffer:
    said, until = port.offer(), asyncio.get_running_loop().time() + seconds
    return TransferOffer(bytes.fromhex(said["token"]), (at,), ("127.0.0.1",), until, said["sha256"], http_port=clear)


async def page(
    trace: Trace,
    rate: float,
    *,
    url: str = ENDPOINT.url,
    kind: Any = "first",
    size: int = 16_000,
    of: tuple[str, Endpoint] = (ROLE, ENDPOINT),
) -> None:
    """Add a page of X that came with so many bytes a second."""
    facts = TransactionFacts(kind, service=of[0], endpoint=of[1].url, sent_name=of[1].host)
    async with trace.transaction(facts) as tx:
        entry = HTTPTransaction(request=HTTPRequest(url=url))
        entry.response.x_body_length, entry.response.x_body_time = size, size / rate
        tx.keep(entry)


async def traced(*rates: float) -> Trace:
    trace = Trace()
    for rate in rates:
        await page(trace, rate)
    return trace


def transfers(trace: Trace) -> list[Transfer]:
    return [entry for entry in trace.entries if isinstance(entry, Transfer)]


async def test_slow_page_is_followed_by_a_pair_in_drawn_order(session: Session) -> None:
    first = set()
    for _ in range(12):
        async with helper(session) as (made, _):
            trace = await traced(8_000)
            assert await made.finish(X, trace, ANSWERED) == "measured"
        records = {each.transaction_id: each for each in trace.transactions if each.followup}
        assert {each.followup for each in records.values()} == KINDS
        assert {(each.address, each.service, each.endpoint, each.cause) for each in records.values()} == {
            ("helper", ROLE, ENDPOINT.url, 1)
        }
        named = {records[entry.transaction_id].followup: entry for entry in transfers(trace)}
        assert named["transfer_name"].server_name == ENDPOINT.host
        assert named["transfer_innocuous"].server_name == session.neutral.innocuous[0]
        assert {entry.rank for entry in named.values()} == {0, 1} and all(entry.complete for entry in named.values())
        first.add(min(records.values(), key=lambda each: each.t0).followup)
        assert [each.followup for each in records.values() if each.trigger] == ["transfer_name"]
        session.pace.next_round()
        if first == KINDS:
            return
    raise AssertionError("the order is not drawn")


async def test_transfers_wait_for_call_packets(session: Session) -> None:
    """Check that no transfer begins while call packets have the line, and that the measurement says so."""
    async with helper(session) as (made, _):
        trace = await traced(8_000)
        async with session.steady_flows:
            waiting = asyncio.create_task(made.finish(X, trace, ANSWERED))
            await asyncio.sleep(0.3)
            assert transfers(trace) == [] and trace.awaits_media
        assert await waiting == "measured"
    assert len(transfers(trace)) == 2 and not trace.awaits_media


async def test_transfers_of_a_pair_run_side_by_side(session: Session) -> None:
    async with helper(session) as (made, _):
        trace = await traced(8_000)
        await made.finish(X, trace, ANSWERED)
    one, other = transfers(trace)
    assert one.asked is not None and other.asked is not None
    assert abs(one.asked - other.asked) < 0.2


async def test_pair_that_differs_is_repeated(session: Session) -> None:
    async with helper(session, {ENDPOINT.host: 8_000}) as (made, _):
        trace = await traced(8_000)
        assert await made.finish(X, trace, ANSWERED) == "measured"
    assert sorted(entry.pair for entry in transfers(trace)) == [0, 0, 1, 1]
    assert session.pace.triggers == 2


async def test_old_or_spent_token_is_renewed(session: Session) -> None:
    async with helper(session) as (made, port):
        old = made._offers.known[-1]
        renewed = list[TransferOffer]()

        async def renew() -> TransferOffer | None:
            renewed.append(offer(port, old.ports[0]))
            return renewed[-1]

        old.renew, old.pairs_left = renew, 0
        assert await made.finish(X, trace := await traced(8_000), ANSWERED) == "measured"
        assert len(renewed) == 1 and len(transfers(trace)) == 2
        renewed[-1].until = 0.0  # it cannot be renewed
        assert await made.finish(X, await traced(8_000), ANSWERED) == "not_offered"


async def test_pair_whose_name_alone_stops_is_repeated_in_small_segments(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent_streams, "LEAST_SILENCE", 0.3)
    monkeypatch.setattr(pairs.transfer, "__kwdefaults__", {**(pairs.transfer.__kwdefaults__ or {}), "seconds": 1.0})
    async with helper(session, {ENDPOINT.host: 10**6}, stall_after=8000) as (made, _):
        trace = await traced(8_000)
        assert await made.finish(X, trace, ANSWERED) == "measured"
    sizes = [(entry.pair, (entry.segment_size or 0) <= SMALL_SEGMENT) for entry in transfers(trace)]
    assert sorted(sizes) == [(0, False), (0, False), (1, True), (1, True)]
    assert sum(entry.acknowledged is not None for entry in transfers(trace)) == 2


async def test_deep_run_sends_a_pair_too(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "TOTAL", 8 * 3200)
    session.settings = replace(session.settings, depth="deep")
    async with helper(session) as (made, port):
        with_uploads(made, port)
        trace = await traced(60_000)
        assert await made.finish(X, trace, ANSWERED) == "measured"
    kinds = {each.transaction_id: each.followup for each in trace.transactions}
    sent = {kinds[entry.transaction_id]: entry for entry in transfers(trace) if entry.upload}
    assert set(sent) == {"upload_name", "upload_innocuous"}
    assert sent["upload_name"].server_name == ENDPOINT.host and all(entry.complete for entry in sent.values())
    assert [entry.pair for entry in transfers(trace)] == [0, 0, 1, 1]
    assert [each.followup for each in trace.transactions if each.trigger] == ["transfer_name", "upload_name"]


async def test_standard_run_and_old_helpers_get_no_upload(session: Session) -> None:
    async with helper(session) as (made, port):
        with_uploads(made, port)
        trace = await traced(8_000)
        await made.finish(X, trace, ANSWERED)
    session.settings = replace(session.settings, depth="deep")
    async with helper(session) as (made, _):
        deep = await traced(60_000)
        await made.finish(X, deep, ANSWERED)
    assert transfers(deep) and not any(entry.upload for entry in (*transfers(trace), *transfers(deep)))


async def test_uploads_of_a_round_have_a_limit_of_their_own(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "TOTAL", 3200)
    session.settings = replace(session.settings, depth="deep")
    async with helper(session) as (made, port):
        traces = []
        for _ in range(UPLOAD_PAIRS + 1):
            made.take_offer(offer(port, made._offers.known[0].ports[0]))
            with_uploads(made, port)
            traces.append(await traced(60_000))
            session.pace.next_round()
            assert await made.finish(X, traces[-1], ANSWERED) == "measured"
    assert [sum(entry.upload is True for entry in transfers(trace)) for trace in traces] == [2] * UPLOAD_PAIRS + [0]


async def differing(session: Session, monkeypatch: pytest.MonkeyPatch, ratio: float, best: float) -> list[int]:
    """Return the pace of each pair of a name that gets this share, in a run whose best page is `best`."""
    monkeypatch.setattr(pairs, "ratio_of", lambda _: ratio)
    async with helper(session) as (made, port):
        made._offers.known[-1].fast = bytes.fromhex(port.offer()["fast"])
        await made.finish(TELEGRAM, await traced(best), ANSWERED)
        made._offers.next_round()
        trace = await traced(8_000)
        assert await made.finish(X, trace, ANSWERED) == "measured"
    return [entry.pace for entry in transfers(trace)][::2]


@pytest.mark.parametrize(
    ("ratio", "best", "paces"),
    [
        (pairs.FAST_FROM, pairs.FAST_PAGE, [PACE, FAST_PACE]),
        (0.7, pairs.FAST_PAGE, [PACE, FAST_PACE]),
        (0.2, pairs.FAST_PAGE, [PACE, PACE]),  # the pace suffices
        (0.4, pairs.FAST_PAGE - 1, [PACE, PACE]),  # the line is not known to carry it
        (0.7, pairs.FAST_PAGE - 1, [PACE]),
        (pairs.FAST_BELOW, pairs.FAST_PAGE, [PACE]),
    ],
)
async def test_limit_near_the_pace_is_followed_by_a_pair_at_the_higher_one(
    session: Session, monkeypatch: pytest.MonkeyPatch, ratio: float, best: float, paces: list[int]
) -> None:
    assert await differing(session, monkeypatch, ratio, best) == paces


async def test_pair_at_the_higher_pace_counts_twice(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.followups.run_flows.transfer_offers.TRANSFER_PAIRS", 2)
    assert await differing(session, monkeypatch, 0.7, 2e6) == [PACE]
    session.pace.next_round()
    assert await differing(session, monkeypatch, 0.4, 2e6) == [PACE, PACE]


# -- at the address --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "limited", "address", "read"),
    [
        (8_000, 0, "192.0.2.7", 1),
        (SLOW / 2, 0, "192.0.2.7", 0),
        (8_000, 8_000, "192.0.2.7", 0),
        (8_000, 0, "", 0),
    ],
)
async def test_address_is_read_if_neither_transfer_was_slow(
    session: Session, monkeypatch: pytest.MonkeyPatch, rate: float, limited: int, address: str, read: int
) -> None:
    subjects = list[SlowPage]()

    async def kept(_: Session, __: Trace, subject: SlowPage) -> None:
        subjects.append(subject)

    monkeypatch.setattr(pairs, "read_at_address", kept)
    async with helper(session, {ENDPOINT.host: limited} if limited else {}) as (made, _):
        trace = await traced(rate)
        trace.transactions[0].address = address
        assert await made.finish(X, trace, ANSWERED) == "measured"
    assert [(each.address, each.host) for each in subjects] == [(address, ENDPOINT.host)] * read


async def test_address_is_not_read_for_a_fast_page_of_a_deep_run(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "read_at_address", None)
    session.settings = replace(session.settings, depth="deep")
    async with helper(session) as (made, _):
        trace = await traced(500_000)
        trace.transactions[0].address = "192.0.2.7"
        assert await made.finish(X, trace, ANSWERED) == "measured"


# -- no data is spent ------------------------------------------------------------------------------------------------


async def test_fast_and_untimed_pages_are_followed_by_nothing(session: Session) -> None:
    async with helper(session) as (made, port):
        for trace in (await traced(), await traced(SLOW, 500_000)):
            assert await made.finish(X, trace, ANSWERED) is None
        other = Trace()
        await page(other, 8_000, kind="followup")
        assert await made.finish(X, other, ANSWERED) is None and not transfers(other)
        assert not len(port.connections)


# -- in the clear ----------------------------------------------------------------------------------------------------


async def test_slow_page_without_tls_is_followed_by_a_pair_without_tls(session: Session) -> None:
    port, made, host = TransferPort(0, 0), TransferPairs(session), f"Host: {ENDPOINT.host}\r\n"
    await port.open("127.0.0.1")
    assert port.http_port is not None
    try:
        async with slow_proxy(port.http_port, {host: 8_000}) as proxy:
            made.take_offer(offer(port, port.port, clear=proxy))
            trace = Trace()
            await page(trace, 8_000, url=f"http://{ENDPOINT.host}/")
            assert await made.finish(X, trace, ANSWERED) == "measured"
    finally:
        port.close()
    records = {each.transaction_id: each for each in trace.transactions if each.followup}
    assert {each.followup for each in records.values()} == {"transfer_host", "transfer_innocuous_host"}
    assert [each.followup for each in records.values() if each.trigger] == ["transfer_host"] * 2
    found = transfers(trace)
    assert sorted(each.pair for each in found) == [0, 0, 1, 1]
    assert {each.http_host for each in found} == {ENDPOINT.host, session.neutral.innocuous[0]}


async def test_pages_over_both_protocols_get_a_pair_each(session: Session) -> None:
    port, made = TransferPort(0, 0), TransferPairs(session)
    await port.open("127.0.0.1")
    try:
        made.take_offer(offer(port, port.port, clear=port.http_port))
        trace = await traced(8_000)
        await page(trace, 8_000, url=f"http://{ENDPOINT.host}/")
        assert await made.finish(X, trace, ANSWERED) == "measured"
    finally:
        port.close()
    assert [(each.pair, each.http_host is None) for each in transfers(trace)] == [(0, True)] * 2 + [(1, False)] * 2


# -- over QUIC -------------------------------------------------------------------------------------------------------


async def over_quic(rate: float, over_tls: float = 500_000) -> Trace:
    trace = await traced(over_tls)
    await page(trace, rate)
    entry = trace.entries[-1]
    assert isinstance(entry, HTTPTransaction)
    entry.request.x_transport = "quic"
    return trace


async def test_page_that_a_busy_computer_reads_slowly_over_quic_is_followed_by_nothing(session: Session) -> None:
    made = TransferPairs(session)
    assert await made.finish(X, await over_quic(SLOW_OVER_QUIC), ANSWERED) is None
    as_others = pages_of(await over_quic(8_000, SLOW - 1))
    assert slow_over_quic(as_others, {"other.example": SLOW}) is None  # as fast as other pages
    alone = Trace()
    await page(alone, 8_000)
    entry = alone.entries[-1]
    assert isinstance(entry, HTTPTransaction)
    entry.request.x_transport = "quic"
    assert slow_over_quic(pages_of(alone), {}) is None  # no page over TLS


@pytest.mark.parametrize("limited", [True, False])
async def test_page_over_quic_is_read_if_a_pair_shows_that_its_name_is_slow_over_tls(
    session: Session, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    subjects, places = list[SlowPage](), list[int]()

    async def read(_: Session, trace: Trace, subject: SlowPage) -> None:
        subjects.append(subject)
        places.append(len(transfers(trace)))

    monkeypatch.setattr(pairs, "read_both", read)
    async with helper(session, {ENDPOINT.host: 8_000} if limited else {}) as (made, _):
        trace = await over_quic(8_000, over_tls=8_000)
        assert await made.finish(X, trace, ANSWERED) == "measured"
    assert [(each.over, each.host) for each in subjects] == [("quic", ENDPOINT.host)] * limited
    assert places == [2] * limited and len(transfers(trace)) == (4 if limited else 2)  # the repetition comes last


async def test_slow_page_over_quic_is_read_without_a_helper(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = list[SlowPage]()

    async def read(_: Session, __: Trace, subject: SlowPage) -> None:
        subjects.append(subject)

    monkeypatch.setattr(pairs, "read_both", read)
    made = TransferPairs(session)
    trace = await over_quic(8_000)
    assert await made.finish(X, trace, ANSWERED) == "measured" and not transfers(trace)
    assert [(each.over, each.host, each.rate) for each in subjects] == [("quic", ENDPOINT.host, 8_000)]
    assert await made.finish(X, await over_quic(500_000), ANSWERED) is None
    session.steps_end_at = 0.0
    assert await made.finish(X, await over_quic(8_000), ANSWERED) == "out_of_time"
    session.steps_end_at = None
    assert [await made.finish(X, await over_quic(8_000), ANSWERED) for _ in range(TRANSFER_PAIRS)][-1] == "enough"
    assert len(subjects) == TRANSFER_PAIRS


async def test_helper_without_a_port_in_the_clear_gets_no_pair(session: Session) -> None:
    async with helper(session) as (made, port):
        trace = Trace()
        await page(trace, 8_000, url=f"http://{ENDPOINT.host}/")
        assert await made.finish(X, trace, ANSWERED) == "not_offered"
        assert not transfers(trace) and not len(port.connections)


async def test_page_that_is_as_slow_as_the_others_is_followed_by_nothing(session: Session) -> None:
    """Test a slow access line: other pages of the run are not three times as fast."""
    async with helper(session) as (made, _):
        first = Trace()
        await page(first, 20_000, of=TELEGRAMS)
        assert await made.finish(TELEGRAM, first, ANSWERED) == "measured"  # the first of the run
        assert await made.finish(X, await traced(8_000), ANSWERED) is None
        assert await made.finish(X, await traced(6_000), ANSWERED) == "measured"


async def test_names_that_are_limited_together_are_no_slow_line(session: Session) -> None:
    """Limit the only page of another target too. A fast page under another name of X shows what the line carries."""
    async with helper(session) as (made, _):
        first, trace = Trace(), await traced(8_000)
        await page(first, 8_000, of=TELEGRAMS)
        await page(trace, 500_000, of=OTHER)
        assert await made.finish(TELEGRAM, first, ANSWERED) == "measured"
        assert await made.finish(X, trace, ANSWERED) == "measured"


async def test_crowded_line_is_spared(session: Session) -> None:
    async with helper(session) as (made, _):
        for _ in range(8):
            session.pace.saw_wait(2.0)
        trace = await traced(8_000)
        assert session.pace.line_queueing > pairs.CROWDED
        assert await made.finish(X, trace, ANSWERED) == "slow_line" and not transfers(trace)


async def test_slow_pages_of_each_service_are_followed_by_pairs_of_their_names(session: Session) -> None:
    trace = await traced(8_000)
    await page(trace, 12_000, url=OTHER[1].url, of=OTHER)
    async with helper(session, {ENDPOINT.host: 8_000}) as (made, port):
        made.take_offer(offer(port, made._offers.known[-1].ports[0]))  # that of another measurement
        assert await made.finish(X, trace, ANSWERED) == "measured"
        assert [each.pairs_left for each in made._offers.known] == [0, 0]
    names = [each.server_name for each in transfers(trace) if each.server_name != session.neutral.innocuous[0]]
    assert names == [ENDPOINT.host, OTHER[1].host] * 2  # repetitions come last


async def test_one_slow_page_of_a_name_must_be_slower(session: Session) -> None:
    """Test a name of which another page is fast, as on a busy computer."""
    made = TransferPairs(session)
    assert await made.finish(X, await traced(500_000, SLOW_ALONE), ANSWERED) is None
    assert await made.finish(X, await traced(500_000, SLOW_ALONE - 1), ANSWERED) == "not_offered"
    assert await made.finish(X, await traced(SLOW_ALONE, SLOW_ALONE), ANSWERED) == "not_offered"


async def test_round_trip_is_no_part_of_a_slow_page(session: Session) -> None:
    made, far = TransferPairs(session), 16_000 / 0.7  # bytes a second of a page that takes 0.7 s
    assert await made.finish(X, await traced(far), ANSWERED) == "not_offered"
    session.pace.saw_round_trip(0.6)
    assert await made.finish(X, await traced(far), ANSWERED) is None
    assert await made.finish(X, await traced(16_000 / 1.2), ANSWERED) == "not_offered"


async def test_round_has_at_most_five_pairs(session: Session) -> None:
    async with helper(session, {ENDPOINT.host: 8_000}) as (made, port):
        results = []
        for _ in range(4):
            results.append(await made.finish(X, trace := await traced(8_000), ANSWERED))
            made.take_offer(offer(port, made._offers.known[-1].ports[0]))
        assert results == [*["measured"] * 3, "enough"] and not transfers(trace)
        assert session.pace.triggers == TRANSFER_PAIRS
        made.next_round()
        assert await made.finish(X, await traced(8_000), ANSWERED) == "measured"


async def test_deep_run_measures_a_pair_without_a_slow_page(session: Session) -> None:
    session.settings = replace(session.settings, depth="deep")
    async with helper(session) as (made, _):
        trace = await traced()
        assert await made.finish(X, trace, ANSWERED) == "measured"
        assert {each.cause for each in trace.transactions} == {None}
        assert await made.finish(STUN, Trace(), ANSWERED) is None  # no server has a name in a TLS hello


# -- why there is no pair --------------------------------------------------------------------------------------------


async def test_reason_is_recorded(session: Session) -> None:
    async with helper(session) as (made, port):
        assert await made.finish(X, await traced(8_000), None) == "no_helper"
        assert await made.finish(X, await traced(8_000), {"failure": f.TIMEOUT}) == "no_helper"
        made._offers.known = [offer(port, port.port, seconds=2.0)]
        assert await made.finish(X, await traced(8_000), ANSWERED) == "not_offered"
        made._offers.known = []
        assert await made.finish(X, await traced(8_000), ANSWERED) == "not_offered"
        made.take_offer(offer(port, port.port))
        session.steps_end_at = 0.0
        assert await made.finish(X, await traced(8_000), ANSWERED) == "out_of_time"
        session.settings = replace(session.settings, followups=False)
        assert await made.finish(X, await traced(8_000), ANSWERED) == "no_followups"
        assert not len(port.connections)


async def test_spent_budget_ends_it(session: Session) -> None:
    async with helper(session) as (made, _):
        while session.pace.can_trigger(ENDPOINT.host, "127.0.0.1", "tcp"):
            session.pace.spend_trigger(ENDPOINT.host, "127.0.0.1", "tcp")
        trace = await traced(8_000)
        assert await made.finish(X, trace, ANSWERED) == "budget" and not transfers(trace)


async def test_busy_helper_is_named(session: Session) -> None:
    async with helper(session) as (made, port):
        port.transfers = ClientShares(PortKind(0, 0), port.clock)
        assert await made.finish(X, await traced(8_000), ANSWERED) == "helper_busy"


async def test_broken_transfer_is_failed(session: Session) -> None:
    async with helper(session, {ENDPOINT.host: 0}) as (made, _):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("probe.steps.transfer.FIRST_BYTE", 0.3)
            assert await made.finish(X, await traced(8_000), ANSWERED) == "failed"


async def test_stop_ends_a_pair_and_keeps_what_came(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SECONDS", 5.0)
    monkeypatch.setattr(sender, "TOTAL", 5 * PACE)
    async with helper(session) as (made, _):
        trace = await traced(8_000)
        asyncio.get_running_loop().call_later(0.7, session.stopping.set)
        assert await made.finish(X, trace, ANSWERED) == "interrupted"
    assert [entry.failure for entry in transfers(trace)] == [f.INTERRUPTED] * 2
    assert all(entry.total > 0.3 * PACE for entry in transfers(trace))

"""Test when TCP is compared with lost call packets, in which direction, and that a round makes one transfer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.followups.helper_offer import TransferOffer
from probe.followups.run_flows.media_comparison import MediaComparison, lost_beside
from probe.followups.run_flows.transfer_pairs import TransferPairs
from probe.formats.exchanges.media import MediaFlow
from probe.formats.exchanges.transfer import Transfer
from probe.helper.transfer import sender
from probe.helper.transfer.port import TransferPort
from probe.session.session import Session
from probe.session.trace import Trace, TransactionFacts
from probe.steps import transfer as step
from probe.targets.cost import TRANSFER_PAIRS
from tests.support.world import World


def flow(shape: Any, reached: int, returned: int, pair: int = 0) -> MediaFlow:
    return MediaFlow(
        port=50000, shape=shape, pair=pair, size=160, interval=0.02, sent=500, reached=reached, returned=returned
    )


@pytest.mark.parametrize(
    ("flows", "found"),
    [
        ([(500, 500), (500, 500)], None),
        ([(300, 300), (310, 310)], "upload_beside_media"),
        ([(500, 300), (500, 310)], "transfer_beside_media"),
        ([(300, 300), (500, 500)], None),  # a limit of one shape
        ([(410, 410), (410, 410)], None),  # 18 of 100 are lost
        ([(0, 0), (300, 300)], None),
        ([(300, 300)], None),
        ([], None),
    ],
)
def test_direction_is_that_of_the_losses(flows: list[tuple[int, int]], found: str | None) -> None:
    made = [flow(shape, *each) for shape, each in zip(("rtp", "opaque"), flows, strict=False)]
    assert lost_beside(made) == found


def test_flows_of_different_pairs_are_not_compared() -> None:
    assert lost_beside([flow("rtp", 300, 300), flow("opaque", 300, 300, pair=1)]) is None


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Provide a session, and transfers of half a second."""
    monkeypatch.setattr(sender, "SECONDS", 0.5)
    for module in (sender, step):
        monkeypatch.setattr(module, "TOTAL", 8 * 3200)
    return World(tmp_path).session


@asynccontextmanager
async def comparison(session: Session, *, old: bool = False) -> AsyncIterator[tuple[MediaComparison, TransferPort]]:
    port, made = TransferPort(0), MediaComparison(session, TransferPairs(session).take_place)
    await port.open("127.0.0.1")
    try:
        said, until = port.offer(), asyncio.get_running_loop().time() + 55.0
        offer = TransferOffer(bytes.fromhex(said["token"]), (port.port,), ("127.0.0.1",), until, said["sha256"])
        offer.upload = None if old else bytes.fromhex(said["upload"])
        made.take_offer(offer)
        yield made, port
    finally:
        port.close()


async def traced(reached: int, returned: int) -> Trace:
    trace = Trace()
    for shape in ("rtp", "opaque"):
        async with trace.transaction(TransactionFacts("followup", "media_shape")) as tx:
            tx.keep(flow(shape, reached, returned))
    return trace


def transfers(trace: Trace) -> list[Transfer]:
    return [entry for entry in trace.entries if isinstance(entry, Transfer)]


@pytest.mark.parametrize(
    ("reached", "returned", "followup", "upload"),
    [(300, 300, "upload_beside_media", True), (500, 300, "transfer_beside_media", None)],
)
async def test_transfer_runs_in_the_direction_of_the_losses_once(
    session: Session, reached: int, returned: int, followup: str, upload: bool | None
) -> None:
    async with comparison(session) as (made, _):
        first, second = await traced(reached, returned), await traced(reached, returned)
        for trace in (first, second):
            await made.finish(trace)
            (entry,) = transfers(trace)
            assert (entry.upload, entry.failure, entry.complete) == (upload, None, True)
            assert entry.server_name == session.neutral.innocuous[0]
            (record,) = (each for each in trace.transactions if each.followup == followup)
            assert (record.address, record.service, record.trigger) == ("helper", "", False)
        assert transfers(first)[0].received == transfers(second)[0].received  # a copy
    assert session.pace.triggers == 0


async def test_no_data_is_spent_without_losses_or_without_an_offer(session: Session) -> None:
    async with comparison(session) as (made, port):
        await made.finish(trace := await traced(500, 500))
        assert not transfers(trace) and not len(port.connections)
        session.steps_end_at = 0.0
        await made.finish(trace := await traced(300, 300))
        assert not transfers(trace)
    async with comparison(session, old=True) as (made, _):
        session.steps_end_at = None
        await made.finish(trace := await traced(300, 300))
        assert not transfers(trace)  # the helper takes no uploads


async def test_stop_ends_the_transfer(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "TOTAL", 384_000)
    monkeypatch.setattr(sender, "TOTAL", 384_000)
    monkeypatch.setattr(sender, "SECONDS", 5.0)
    async with comparison(session) as (made, _), asyncio.timeout(3.0):
        asyncio.get_running_loop().call_later(0.5, session.stopping.set)
        await made.finish(trace := await traced(300, 300))
    assert [entry.failure for entry in transfers(trace)] == ["interrupted"]


async def test_transfer_counts_as_a_pair_of_the_round(session: Session) -> None:
    pairs = TransferPairs(session)
    assert [pairs.take_place() for _ in range(TRANSFER_PAIRS + 1)] == [True] * TRANSFER_PAIRS + [False]
    async with comparison(session) as (made, port):
        made._take_place = pairs.take_place
        await made.finish(trace := await traced(300, 300))
        assert not transfers(trace) and not len(port.connections)
        pairs.next_round()
        made.next_round()
        await made.finish(trace := await traced(300, 300))
        assert len(transfers(trace)) == 1

"""Test of which page more bytes are read: the first of a target, at one address, and where it stops at all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from probe.dialogue.web import reading_on
from probe.session.pacing import Pace
from probe.signatures.silent_streams import LEAST_SILENCE, LONG_PAGE, PAUSE
from probe.steps.connection import Connection
from probe.targets.target import Endpoint, parse_endpoint
from tests.support.servers.loopback import Bench, a_transaction

PAGE = parse_endpoint("https://long.example:443/")


class Ended(Connection):
    """Represent a connection after its request, on which nothing has come for `silence` seconds."""

    address, ip, port = "192.0.2.1:443", "192.0.2.1", 443

    def __init__(self, silence: float) -> None:
        self.silence = silence

    async def read(self, limit: int = 65536) -> bytes:
        return b""

    async def write(self, data: bytes) -> None:
        return None

    def close(self) -> None:
        return None

    def close_with_reset(self) -> None:
        return None

    def fell_silent(self, least: float = LEAST_SILENCE) -> bool:
        return self.silence >= least


@asynccontextmanager
async def asked(bench: Bench, *, silence: float = 0.0, endpoint: Endpoint = PAGE) -> AsyncIterator[int]:
    async with reading_on(bench.tx, Ended(silence), bench.pace, endpoint) as further:
        yield further


async def _other(bench: Bench) -> int:
    async with asked(bench) as further:
        return further


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_transaction() as made:
        made.trace.long_page.url = PAGE.url
        yield made


async def test_one_address_is_read_on(bench: Bench) -> None:
    async with asked(bench) as first:
        assert first == LONG_PAGE
    async with asked(bench) as second:
        assert second == 0


async def test_others_are_read_on_after_one_that_fell_silent(bench: Bench) -> None:
    async with asked(bench, silence=LEAST_SILENCE):
        pass
    for _ in range(2):
        async with asked(bench) as later:
            assert later == LONG_PAGE


@pytest.mark.parametrize(("silence", "further"), [(0.0, 0), (LEAST_SILENCE, LONG_PAGE)])
async def test_others_wait_for_the_first(bench: Bench, silence: float, further: int) -> None:
    first = Ended(0.0)
    async with reading_on(bench.tx, first, bench.pace, PAGE):
        waiting = asyncio.create_task(_other(bench))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        first.silence = silence
    assert await waiting == further


async def test_others_are_read_on_while_the_first_stands_still(bench: Bench) -> None:
    async with asked(bench, silence=PAUSE):
        assert await _other(bench) == LONG_PAGE


async def test_others_do_not_wait_without_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.session.trace.LONGEST_WAIT", 0.0)
    async with asked(bench):
        assert await _other(bench) == 0


async def test_other_pages_are_not_read_on(bench: Bench) -> None:
    async with asked(bench, endpoint=parse_endpoint("https://other.example:443/")) as further:
        assert further == 0


async def test_nothing_is_read_on_over_a_crowded_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "line_queueing", 0.2)
    async with asked(bench) as further:
        assert further == 0

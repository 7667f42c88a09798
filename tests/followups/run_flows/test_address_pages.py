"""Test how a slow page is read at its address under an innocuous name, and what that costs."""

import asyncio

import pytest

from probe.followups.run_flows import address_pages
from probe.followups.run_flows.address_pages import TURNS, read_at_address
from probe.followups.run_flows.slow_pages import SlowPage
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.trace import Trace
from tests.support.world import Box, World

NAME = "service.example"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30000


def subject(box: Box) -> SlowPage:
    url = f"https://{NAME}/path"
    return SlowPage(2, "web", f"https://{NAME}:{box.port}/path", NAME, 8_000.0, "tls", box.ip, box.port, url)


async def test_page_is_read_on_connections_of_their_own_without_a_trigger(world: World) -> None:
    trace = Trace()
    async with world.box("127.0.2.1", [NAME], reply=PAGE) as box:
        await read_at_address(world.session, trace, subject(box))
    assert trace.bugs == [] and world.session.pace.triggers == 0
    assert {(each.followup, each.failure, each.cause, each.trigger) for each in trace.transactions} == {
        ("address_page_innocuous", None, 2, False)
    }
    assert len(trace.transactions) == TURNS
    hellos = {entry.server_name for entry in trace.entries if isinstance(entry, TLSHandshake)}
    assert hellos == {world.session.neutral.innocuous[0]}
    pages = [entry for entry in trace.entries if isinstance(entry, HTTPTransaction)]
    assert {entry.request.headers["Host"] for entry in pages} == {NAME}
    assert all(entry.response.x_body_length == 8192 and entry.response.x_body_time is not None for entry in pages)


async def test_failed_read_is_the_last_one(world: World) -> None:
    trace = Trace()
    async with world.box("127.0.2.1", [NAME], reply=b"nonsense") as box:
        await read_at_address(world.session, trace, subject(box))
    assert len(trace.transactions) == 1 and trace.transactions[0].failure is not None


async def test_no_read_begins_when_the_time_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_pages, "LONGEST", address_pages.ONE_READ)
    trace = Trace()
    async with world.box("127.0.2.1", [NAME], reply=PAGE) as box, asyncio.timeout(5.0):
        await read_at_address(world.session, trace, subject(box))
    assert len(trace.transactions) == 1

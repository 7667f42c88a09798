"""Test how a page over QUIC is read in turns under its name and an innocuous one, and what that costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probe.followups.run_flows import quic_pages
from probe.followups.run_flows.quic_pages import TURNS, read_both
from probe.followups.run_flows.slow_pages import SlowPage
from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import QUICHandshake
from probe.session.session import Session
from probe.session.trace import Trace
from probe.targets.cost import TRANSFER_BYTES
from tests.support.servers.authority import DAY, issue
from tests.support.servers.quic import Http3Connection, listening, quic_server
from tests.support.world import World

NAME, ADDRESS = "www.quick.example", "127.0.0.1"
GOOD = issue(NAME, issue("A root", authority=True, begins=-90 * DAY))
KINDS = {"quic_page_name", "quic_page_innocuous"}


def large(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
    connection.http.send_headers(stream, [(b":status", b"200")])
    connection.http.send_data(stream, bytes(20_000), end_stream=True)


def silent(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
    """Answer nothing, as a server that fails."""


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return World(tmp_path).session


@asynccontextmanager
async def serving(answer: Any = large) -> AsyncIterator[SlowPage]:
    async with listening(quic_server(GOOD, answer=answer)) as (port, _):
        yield SlowPage(3, "quic", f"quic://{NAME}:443/", NAME, 9_000.0, "quic", ADDRESS, port, f"https://{NAME}/")


def reads(trace: Trace) -> dict[str, list[HTTPTransaction]]:
    kinds = {each.transaction_id: each.followup for each in trace.transactions}
    found: dict[str, list[HTTPTransaction]] = {kind: [] for kind in KINDS}
    for entry in trace.entries:
        if isinstance(entry, HTTPTransaction):
            found[kinds[entry.transaction_id]].append(entry)
    return found


async def test_page_is_read_in_turns_under_both_names(session: Session) -> None:
    trace = Trace()
    async with serving() as subject:
        await read_both(session, trace, subject)
    assert {(each.followup, each.failure, each.cause, each.address) for each in trace.transactions} == {
        (kind, None, 3, ADDRESS) for kind in KINDS
    }
    found = reads(trace)
    assert [len(each) for each in found.values()] == [TURNS, TURNS]
    assert all(entry.response.x_body_time is not None for each in found.values() for entry in each)
    assert {entry.request.headers["Host"] for each in found.values() for entry in each} == {NAME}
    names = {entry.server_name for entry in trace.entries if isinstance(entry, QUICHandshake)}
    assert names == {NAME, session.neutral.innocuous[0]}
    in_time = sorted((entry.t0, kind) for kind, each in found.items() for entry in each)
    turns = [[kind for _, kind in in_time[place : place + 2]] for place in range(0, 2 * TURNS, 2)]
    assert all(set(turn) == KINDS for turn in turns)
    assert len({tuple(turn) for turn in turns}) == 2  # drawn: equal in all turns once in 256


async def test_long_pages_move_few_bytes(session: Session) -> None:
    def long(connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        connection.http.send_headers(stream, [(b":status", b"200")])
        connection.http.send_data(stream, bytes(500_000), end_stream=True)

    async with serving(long) as subject:
        await read_both(session, trace := Trace(), subject)
    assert sum(map(len, reads(trace).values())) == 2 * TURNS
    assert session.pace.bytes_received < 2 * TURNS * 45_000 < TRANSFER_BYTES  # the window doubles once


async def test_pair_is_one_trigger(session: Session) -> None:
    trace = Trace()
    async with serving() as subject:
        await read_both(session, trace, subject)
    assert session.pace.triggers == 1
    assert [each.followup for each in trace.transactions if each.trigger] == ["quic_page_name"]


async def test_connection_that_fails_ends_both(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_pages, "ONE_READ", 0.3)
    trace = Trace()
    async with serving(silent) as subject, asyncio.timeout(10.0):
        await read_both(session, trace, subject)
    assert f.TIMEOUT in {each.failure for each in trace.transactions}
    assert sum(map(len, reads(trace).values())) <= 2


async def test_no_turn_begins_when_the_time_is_over(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_pages, "LONGEST", quic_pages.ONE_READ)
    trace = Trace()
    async with serving() as subject:
        await read_both(session, trace, subject)
    assert sum(map(len, reads(trace).values())) == 0


async def test_spent_budget_sends_no_name(session: Session) -> None:
    while session.pace.can_trigger(NAME, ADDRESS, "udp"):
        session.pace.spend_trigger(NAME, ADDRESS, "udp")
    trace, spent = Trace(), session.pace.triggers
    async with serving() as subject:
        await read_both(session, trace, subject)
    assert session.pace.triggers == spent and not any(each.trigger for each in trace.transactions)
    assert f.BUDGET in {each.failure for each in trace.transactions}

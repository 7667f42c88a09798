"""Test which connections are kept open, how long, and what they cost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from probe.dialogue.web import written_url
from probe.followups.hops.limited_payloads import stopping_page
from probe.followups.run_flows import kept_connections
from probe.followups.run_flows.kept_connections import BEYOND, MOST, KeptConnections, Made, case_of
from probe.followups.run_flows.late_ends import AnsweringServer as Place
from probe.followups.run_flows.late_ends import server_of
from probe.formats import failures as f
from probe.formats.entries import HTTPRequest, HTTPTransaction
from probe.formats.transactions import StreamEnd, TransactionRecord
from probe.session.trace import Trace
from probe.targets import cost
from probe.targets.target import parse_endpoint
from probe.targets.target_files import bundled_targets, pick_targets
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Peer, Server, TLSPeer, serving
from tests.support.world import World, hello_name

NAME, NEUTRAL = "service.example", "neutral.example"
HERE, THERE = "127.0.3.1", "127.0.3.2"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n"
KEPT, OTHER = "kept_connection", "kept_connection_innocuous"
ELSEWHERE, NAME_ELSEWHERE = "kept_connection_neutral", "kept_connection_name_neutral"
AT_FIRST = [KEPT, KEPT, OTHER, ELSEWHERE]
LIMIT = 0.6  # seconds, after which a server in these tests is silent

Limited = Callable[[str], bool]
"""Return whether connections with a name are limited."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"SECONDS": 1.2, "SLOW_INTERVAL": 0.15, "FAST_INTERVAL": 0.06, "LATER": 0.1, "ANSWER": 0.4}
    for name, value in times.items():
        monkeypatch.setattr(kept_connections, name, value)


@asynccontextmanager
async def servers(limited: Limited, answer: bytes = ANSWER) -> AsyncIterator[tuple[Server, Server]]:
    """Serve HEAD requests over TLS at both addresses, on limited connections for `LIMIT` seconds."""
    context = issue(NAME).server_context()

    async def handler(peer: Peer) -> None:
        tls, clock = TLSPeer(peer, context), asyncio.get_running_loop().time
        opened = clock()
        await tls.handshake()
        name = hello_name(peer.received[0])
        while await tls.read():
            if limited(name) and clock() > opened + LIMIT:
                await asyncio.Event().wait()
            await tls.send(answer)

    async with serving(handler, HERE) as one, serving(handler, THERE) as other:
        yield one, other


def ready(world: World, one: Server, other: Server, *, depth: str = "deep", **page: Any) -> tuple[Trace, Server]:
    """Return a trace with a page of the server, and let the session know the neutral host."""
    neutral = parse_endpoint(f"https://{NEUTRAL}:{other.port}/")
    world.session.neutral_addresses = [(THERE, neutral)]
    world.session.settings = replace(world.session.settings, depth=depth)  # type: ignore[arg-type]
    trace = Trace()
    add_page(trace, one, **page)
    return trace, one


def add_page(trace: Trace, server: Server, *, name: str = NAME, body_failure: str | None = None, **stream: Any) -> None:
    url = f"https://{name}:{server.port}/path?user=1"
    facts = {"kind": "first", "service": "web", "endpoint": url, "address": HERE, "port": server.port, "family": 4}
    record = TransactionRecord(transaction_id=1, sent_name=name, stream=StreamEnd(**stream), **facts)
    trace.transactions.append(record)
    trace._next_id = 2
    page = HTTPTransaction(address=f"{HERE}:{server.port}", request=HTTPRequest(url=url))
    page.transaction_id, page.response.code, page.response.x_body_failure = 1, 200, body_failure
    trace.add(page)


def followups(trace: Trace) -> list[str]:
    return [record.followup for record in trace.transactions if record.followup]


async def test_connections_that_last_are_not_repeated(world: World) -> None:
    async with servers(lambda name: False) as (one, other):
        trace, _ = ready(world, one, other)
        await KeptConnections(world.session).finish(trace)
    assert sorted(followups(trace)) == sorted(AT_FIRST) and trace.bugs == []
    assert [(r.followup, r.failure, r.failed_operation) for r in trace.transactions if r.failure] == []
    assert world.session.pace.triggers == 2
    by_id = {record.transaction_id: record for record in trace.transactions}
    requests = [each for each in trace.entries if isinstance(each, HTTPTransaction) and each.transaction_id > 1]
    assert {each.request.method for each in requests} == {"HEAD"}
    assert all("user" not in each.request.url for each in requests)
    counts = sorted(len([each for each in requests if each.transaction_id == number]) for number in by_id if number > 1)
    assert 6 <= counts[0] <= counts[2] <= 8 < 14 <= counts[3] <= 20
    hosts = {(by_id[each.transaction_id].followup, each.request.headers["Host"].partition(":")[0]) for each in requests}
    assert hosts == {(KEPT, NAME), (OTHER, NAME), (ELSEWHERE, NEUTRAL)}
    assert all(record.failure is None for record in trace.transactions)


async def test_name_that_is_cut_off_is_repeated_and_sent_to_the_neutral_host(world: World) -> None:
    async with servers(lambda name: name == NAME) as (one, other):
        trace, _ = ready(world, one, other)
        await KeptConnections(world.session).finish(trace)
    assert sorted(followups(trace)) == sorted([*AT_FIRST, KEPT, NAME_ELSEWHERE, ELSEWHERE, "path_sweep"])
    failed = {record.followup for record in trace.transactions if record.failure}
    assert failed == {KEPT, NAME_ELSEWHERE}  # the server is the first hop, so that no TTL is left to try
    assert {record.followup for record in trace.transactions if record.trigger} == {KEPT, NAME_ELSEWHERE}
    assert world.session.pace.triggers == 4


async def test_server_that_announces_its_end_did_not_cut_off(world: World) -> None:
    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with servers(lambda name: False, closing) as (one, other):
        trace, _ = ready(world, one, other)
        await KeptConnections(world.session).finish(trace)
    assert sorted(followups(trace)) == sorted(AT_FIRST)
    assert [record.steps.count("http_round_trip") for record in trace.transactions if record.followup] == [1] * 4


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ({}, False),
        ({"last_byte": 3.0, "bytes_after_sent": 9000}, False),
        ({"last_byte": 0.3, "bytes_after_sent": 9000, "body_failure": "generic_timeout_error"}, False),
        ({"last_byte": 3.0, "bytes_after_sent": 9000, "body_failure": "generic_timeout_error"}, True),
    ],
)
async def test_standard_run_asks_only_after_a_page_that_broke_off_late(
    world: World, page: dict[str, Any], asked: bool
) -> None:
    async with servers(lambda name: False) as (one, other):
        trace, _ = ready(world, one, other, depth="standard", **page)
        await KeptConnections(world.session).finish(trace)
    assert followups(trace) == [] if not asked else sorted(followups(trace)) == sorted(AT_FIRST)


async def test_plan_tells_the_time_of_connections_that_are_kept_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that four servers need two turns."""
    monkeypatch.setattr(kept_connections, "SECONDS", 2.0)
    one_server = 2.0 + 0.1  # `LATER` of these tests
    async with servers(lambda name: False) as (one, other):
        kept, clock = KeptConnections(world.session), asyncio.get_running_loop().time
        traces = [ready(world, one, other, name=f"service{number}.example")[0] for number in range(4)]
        began = clock()
        await asyncio.gather(*map(kept.finish, traces))
        took = clock() - began
    planned = cost.kept_seconds(4, one_server)
    assert planned == 2 * one_server and planned - 0.5 < took < planned + 3.0


def test_plan_counts_the_targets_to_which_connections_are_kept_open() -> None:
    """Compare the plan with what the run finds once every endpoint of a target has answered."""
    for target in pick_targets(bundled_targets(), []):
        trace = Trace()
        for number, (service, endpoint) in enumerate(target.endpoints(), 1):
            about: Any = {"kind": "first", "service": service.role, "endpoint": endpoint.url, "address": HERE}
            sent = "" if endpoint.is_literal else endpoint.host
            record = TransactionRecord(transaction_id=number, sent_name=sent, port=endpoint.port, **about)
            trace.transactions.append(record)
            if "http" in endpoint.facts.layers:
                request = HTTPRequest(url=written_url(endpoint))
                request.x_transport = "quic" if endpoint.scheme == "quic" else "tcp"
                page = HTTPTransaction(address=f"{HERE}:{endpoint.port}", request=request)
                page.transaction_id = number
                trace.add(page)
        assert (server_of(trace, deep=True) is not None) == bool(cost.kept_servers([target])), target.name


async def test_a_round_of_a_standard_run_has_a_limit(world: World) -> None:
    late = {"last_byte": 3.0, "bytes_after_sent": 9000, "body_failure": "generic_timeout_error"}
    async with servers(lambda name: False) as (one, other):
        kept, counts = KeptConnections(world.session), []
        for _ in range(MOST + 1):
            trace, _ = ready(world, one, other, depth="standard", **late)
            world.session.pace.next_round()
            await kept.finish(trace)
            counts.append(len(followups(trace)))
        kept.next_round()
        trace, _ = ready(world, one, other, depth="standard", **late)
        world.session.pace.next_round()
        await kept.finish(trace)
    assert counts == [4] * MOST + [0] and len(followups(trace)) == 4


@pytest.mark.parametrize("obstacle", ["stopping", "no_followups", "budget", "time"])
async def test_nothing_is_asked_if_the_run_does_not_allow_it(world: World, obstacle: str) -> None:
    async with servers(lambda name: False) as (one, other):
        trace, _ = ready(world, one, other)
        if obstacle == "stopping":
            world.session.stopping.set()
        elif obstacle == "budget":
            for _ in range(world.session.pace.triggers_left(NAME, HERE, "tcp") - 1):
                world.session.pace.spend_trigger(NAME, HERE, "tcp")
        else:
            settings = {"no_followups": {"followups": False}, "time": {"max_time": 5.0}}[obstacle]
            world.session.settings = replace(world.session.settings, **settings)  # type: ignore[arg-type]
            world.session.preflight_began = asyncio.get_running_loop().time()
        await KeptConnections(world.session).finish(trace)
    assert followups(trace) == []


async def test_without_a_neutral_host_the_address_alone_is_asked(world: World) -> None:
    async with servers(lambda name: False) as (one, other):
        trace, _ = ready(world, one, other)
        world.session.neutral_addresses = []
        await KeptConnections(world.session).finish(trace)
    assert sorted(followups(trace)) == sorted([KEPT, KEPT, OTHER])


async def test_run_that_is_stopped_ends_the_connections(world: World) -> None:
    async with servers(lambda name: False) as (one, other):
        trace, _ = ready(world, one, other)
        waiting = asyncio.create_task(KeptConnections(world.session).finish(trace))
        await asyncio.sleep(0.4)
        world.session.stopping.set()
        await asyncio.wait_for(waiting, 0.5)
    ended = {record.failure for record in trace.transactions if record.followup}
    assert ended == {"interrupted"}


def made(followup: Any, failure: str | None = None, number: int = 1, age: float = 5.0) -> Made:
    return Made(followup, number, failure, failure is not None, age - 1.0, age)


SERVER = Place(7, "web", f"https://{NAME}:443/path?user=1", NAME, HERE, 443, True)
LASTING = [made(OTHER), made(ELSEWHERE), made(ELSEWHERE)]
ENDED = [made(KEPT, f.TIMEOUT, 2, 5.0), made(KEPT, f.TIMEOUT, 3, 4.5), made(NAME_ELSEWHERE, f.TIMEOUT, 4, 5.5)]


@pytest.mark.parametrize(("failure", "by_silence"), [(f.TIMEOUT, True), (f.RESET, False), (f.EOF, False)])
def test_limit_that_follows_the_name_is_searched(failure: str, by_silence: bool) -> None:
    """Test that the search waits for the greatest age at which a connection was over."""
    case = case_of(SERVER, [*LASTING, *(each._replace(failure=failure) for each in ENDED)])
    assert case is not None and (case.kind, case.by_silence, case.cause) == ("kept", by_silence, 2)
    assert case.over_at == 5.5 + BEYOND and case.asked_until < 3.5 and case.is_trigger
    page = stopping_page(case, parse_endpoint(SERVER.endpoint))
    assert (page.method, page.target, page.server_name, page.over_at) == ("HEAD", "/", NAME, case.over_at)


@pytest.mark.parametrize(
    "others",
    [
        [*LASTING, *ENDED[:2]],
        [*LASTING, *ENDED[:2], made(NAME_ELSEWHERE)],
        [*LASTING, *ENDED[:2], ENDED[2]._replace(failure=f.RESET)],
        [*LASTING[:2], made(ELSEWHERE, f.TIMEOUT), *ENDED],
        [made(OTHER, f.TIMEOUT), *LASTING[1:], *ENDED],
        [*LASTING[1:], *ENDED],
    ],
)
def test_other_ends_are_not_searched(others: list[Made]) -> None:
    """Test a limit of the server, different ends, a neutral host with a limit, one for any name, and one left out."""
    assert case_of(SERVER, others) is None

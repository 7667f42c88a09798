"""Test the QUIC dialogue: one trigger per flow, a page where there is a path, innocuous names and differentials."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.server import QuicServer

from probe.connectivity.endpoint import Reach
from probe.dialogue import always_get, proves, run_dialogue
from probe.followups.flow import FlowRunner
from probe.followups.flow_context import FollowUpContext
from probe.followups.other_name import send_name
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import QUICHandshake
from probe.formats.transactions import TransactionRecord
from probe.resolution.lookup import Names
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import read_handshake
from tests.support.servers.authority import issue
from tests.support.servers.quic import listening, quic_server
from tests.support.world import INNOCUOUS, World

HOST, NEUTRAL = "fast.example", "neutral.example"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    made.system[HOST] = ["127.0.0.1"]
    made.encrypted = {HOST: ["127.0.0.1"]}
    made.session.pace.tls_timeout = lambda *, confirm=False: 1.0  # type: ignore[method-assign]
    return made


class Censored:
    """A QUIC server behind a middlebox that drops flows with one of the names. `seen` has the names of all flows."""

    def __init__(self, build: Callable[[], QuicServer], names: set[str]) -> None:
        self._build, self._names = build, names
        self.seen: list[str | None] = []

    def __call__(self) -> QuicServer:
        server = self._build()
        deliver, flows = server.datagram_received, dict[Any, ClientInitials]()

        def received(data: bytes, addr: Any) -> None:
            new = addr not in flows
            name = read_handshake(flows.setdefault(addr, ClientInitials()).feed(data)).name
            if new:
                self.seen.append(name)
            if name not in self._names:
                deliver(data, addr)

        server.datagram_received = received  # type: ignore[method-assign, assignment]
        return server


@asynccontextmanager
async def box(world: World, *dropped: str, certified: str = HOST) -> AsyncIterator[tuple[int, Censored]]:
    censored = Censored(quic_server(issue(certified, world.ca)), set(dropped))
    async with listening(censored) as (port, _):
        yield port, censored


async def say(world: World, url: str, port: int) -> Trace:
    trace = Trace()
    endpoint = parse_endpoint(url.replace("PORT", str(port)))
    async with trace.transaction(TransactionFacts("first", endpoint=endpoint.url, address="127.0.0.1")) as tx:
        await run_dialogue(tx, world.session, world.roots, endpoint, "127.0.0.1", always_get, confirm=False)
    assert trace.bugs == []
    return trace


async def test_path_of_the_endpoint_is_requested(world: World) -> None:
    async with box(world) as (port, _):
        trace = await say(world, f"quic://{HOST}:PORT/a", port)
    record = trace.transactions[0]
    assert (record.steps, record.failure, record.trigger) == (["quic_handshake", "http_round_trip"], None, True)
    assert proves(record) and world.session.pace.triggers == 1
    handshake, page = trace.entries
    assert isinstance(handshake, QUICHandshake) and isinstance(page, HTTPTransaction)
    assert page.request.url == f"https://{HOST}:{port}/a"
    assert page.response.code == 200


async def test_endpoint_without_a_path_gets_a_handshake_only(world: World) -> None:
    async with box(world) as (port, _):
        trace = await say(world, f"quic://{HOST}:PORT", port)
    assert trace.transactions[0].steps == ["quic_handshake"]


async def test_flow_with_repeated_hello_is_one_trigger(world: World) -> None:
    async with box(world, HOST) as (port, censored):
        trace = await say(world, f"quic://{HOST}:PORT/", port)
    assert trace.transactions[0].failure == f.TIMEOUT
    assert (censored.seen, world.session.pace.triggers) == ([HOST], 1)
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "udp") == 5
    assert world.session.pace.triggers_left(HOST, "127.0.0.1", "tcp") == 6


async def test_missing_aioquic_counts_no_trigger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "probe.steps.quic.quic_engine", None)
    async with box(world) as (port, censored):
        trace = await say(world, f"quic://{HOST}:PORT/", port)
        endpoint = parse_endpoint(f"quic://{HOST}:{port}/")
        context = FollowUpContext(FlowRunner(trace, world.session), world.roots, world.roots, "web", endpoint, 4)
        record = await send_name(context, PlannedFlow("innocuous", "innocuous", "127.0.0.1", port, INNOCUOUS))
    assert record is not None and record.failure == f.NO_QUIC
    assert (trace.transactions[0].failure, trace.transactions[0].trigger) == (f.NO_QUIC, False)
    assert f.is_local(f.NO_QUIC)
    assert (censored.seen, trace.entries, world.session.pace.triggers) == ([], [], 0)


# -- reach and follow-ups --------------------------------------------------------------------------------------------


async def reach(world: World, url: str) -> list[TransactionRecord]:
    trace = Trace()
    names = Names(trace, world.session)
    names.control_answered.set()
    await Reach(trace, world.session, names, world.roots).services(world.target(url), ["web"])
    await trace.finish()
    await names.finish()
    assert trace.bugs == []
    return [record for record in trace.transactions if record.endpoint == url]


async def test_innocuous_name_goes_first(world: World) -> None:
    async with box(world) as (port, censored):
        records = await reach(world, f"quic://{HOST}:{port}/")
    assert censored.seen == [INNOCUOUS, HOST]
    assert [(r.kind, r.failure, r.trigger, r.sent_name) for r in records] == [
        ("innocuous", None, False, INNOCUOUS),
        ("first", None, True, HOST),
    ]


async def test_dropped_name_is_confirmed_and_compared(world: World) -> None:
    async with world.box("127.0.2.9", ["neutral.example"]) as neutral:
        world.neutral(neutral)
        async with box(world, HOST) as (port, censored):
            records = await reach(world, f"quic://{HOST}:{port}/")
        assert neutral.seen == []  # it has no QUIC, so the name is not sent there
    nonexistent = world.session.neutral.nonexistent
    assert censored.seen == [INNOCUOUS, HOST, HOST, nonexistent, INNOCUOUS]
    told = [(r.kind, r.followup, r.failure, r.trigger) for r in records]
    assert told == [
        ("innocuous", "", None, False),
        ("first", "", f.TIMEOUT, True),
        ("confirm", "", f.TIMEOUT, True),
        ("followup", "nonexistent_name_same_address", None, False),
        ("followup", "other_name_same_address", None, False),
    ]
    assert records[3].cause == records[1].transaction_id


def neutral(world: World, port: int) -> World:
    """Add a neutral host with QUIC at this local port."""
    world.system[NEUTRAL] = ["127.0.0.1"]
    host = parse_endpoint(f"quic://{NEUTRAL}:{port}")
    world.session.neutral = replace(world.session.neutral, endpoints=(host,))
    return world


async def test_neutral_host_over_quic_receives_the_name(world: World) -> None:
    async with box(world, HOST, certified=NEUTRAL) as (elsewhere, received), box(world, HOST) as (port, _):
        records = await reach(neutral(world, elsewhere), f"quic://{HOST}:{port}/")
    asked = [record for record in records if record.followup == "same_name_neutral_host"]
    assert [(r.port, r.failure, r.trigger) for r in asked] == [(elsewhere, f.TIMEOUT, True)]
    assert received.seen == [NEUTRAL, HOST, world.session.neutral.nonexistent]


async def test_neutral_host_without_its_own_certificate_receives_no_name(world: World) -> None:
    async with box(world, HOST) as (elsewhere, received), box(world, HOST) as (port, _):
        records = await reach(neutral(world, elsewhere), f"quic://{HOST}:{port}/")
    assert [r.failure for r in records if r.followup == "neutral_name_neutral_host"] == [f.SSL_INVALID_HOSTNAME]
    assert received.seen == [NEUTRAL]


async def test_name_that_passes_over_quic_causes_no_follow_up(world: World) -> None:
    async with box(world, certified=NEUTRAL) as (elsewhere, received), box(world) as (port, _):
        records = await reach(neutral(world, elsewhere), f"quic://{HOST}:{port}/")
    assert {record.kind for record in records} == {"innocuous", "first"}
    assert received.seen == []


async def test_many_flows_leave_no_socket(world: World) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    async with box(world, HOST) as (port, _):
        await asyncio.gather(*(say(world, f"quic://{HOST}:PORT/", port) for _ in range(6)))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_aioquic_is_loaded_only_when_needed() -> None:
    code = "import sys, probe.connectivity.endpoint, probe.run.runner, probe.nettests; print('aioquic' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"

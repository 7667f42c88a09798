"""Test flows to one endpoint: their order and number on servers that count them (P2, P7, P8)."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from probe.connectivity import attempt as executor
from probe.connectivity import cool_down
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.exchanges.tls import QUICHandshake
from probe.session import pacing
from probe.session.session import RunSettings
from probe.session.trace import Trace
from probe.signatures.connection_rates import REST
from tests.connectivity.one_endpoint import (
    DIFFERENTIAL,
    HERE,
    NAME,
    NEUTRAL,
    OTHER_HELLOS,
    THERE,
    kinds,
    resolves,
    run,
    the,
)
from tests.support.servers.authority import issue
from tests.support.servers.loopback import TLSPeer, serving, tls_with
from tests.support.world import INNOCUOUS, Behaviour, Box, World, hello_name


async def test_working_endpoint_is_tried_once_after_the_innocuous_name(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["innocuous", "first"]
    assert box.seen.count("connect") == 2  # side by side: a SYN carries no name
    assert [seen for seen in box.seen if seen != "connect"] == [f"hello {INNOCUOUS}", f"hello {NAME}", "request"]
    first, innocuous = the(trace, "first"), the(trace, "innocuous")
    assert first.failure is None and first.steps == ["connect", "tls_handshake", "http_round_trip"]
    assert first.corroborated and first.trigger and first.address_sources == ["system", "udp", "dot"]
    assert (innocuous.sent_name, innocuous.failure, innocuous.trigger) == (INNOCUOUS, None, False)
    assert not innocuous.in_residual
    assert trace.bugs == []


async def test_reset_by_name_is_confirmed_and_followed_up(world: World) -> None:
    async with (
        world.box(HERE, [NAME], names={NAME: "reset"}) as box,
        world.box(NEUTRAL, ["neutral.example"], names={NAME: "reset"}) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace)[:3] == ["innocuous", "first", "confirm"]
    assert sorted(kinds(trace)[3:-2]) == DIFFERENTIAL
    assert sorted(kinds(trace, address=NEUTRAL)[-2:]) == OTHER_HELLOS
    first, confirm = the(trace, "first"), the(trace, "confirm")
    assert first.failure == confirm.failure == f.RESET
    assert confirm.cause == first.transaction_id
    other, same = the(trace, "other_name_same_address"), the(trace, "same_name_neutral_host")
    assert other.cause == same.cause == first.transaction_id
    assert (other.failure, other.sent_name, other.in_residual) == (None, INNOCUOUS, True)
    assert (same.failure, same.sent_name, same.address) == (f.RESET, NAME, NEUTRAL)
    assert same.trigger and not other.trigger
    assert box.flows(NAME) == 2 and neutral.flows(NAME) == 3


async def test_name_waits_until_the_innocuous_flow_to_the_same_address_and_port_has_ended(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        await run(world, world.target(f"https://{NAME}:{box.port}/", f"https://{NAME}:{box.port}/b"))
    assert next(seen for seen in box.seen if seen != "connect") == f"hello {INNOCUOUS}"
    assert box.flows(INNOCUOUS) == 1 and box.flows(NAME) == 2


async def test_neutral_host_gets_the_name_once_per_endpoint_and_family(world: World) -> None:
    async with (
        world.box(HERE, [NAME], names={NAME: "reset"}) as box,
        world.box(THERE, [NAME], names={NAME: "reset"}, port=box.port),
        world.box(NEUTRAL, ["neutral.example"]) as neutral,
    ):
        resolves(world, HERE, THERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert neutral.flows(NAME) == 1
    assert kinds(trace).count("other_name_same_address") == 2


def resets_once(name: str) -> Callable[[bytes], Behaviour | None]:
    """Return the behaviour of a server that resets the first hello with a name."""
    left = [name]

    def behave(hello: bytes) -> Behaviour | None:
        if hello_name(hello) not in left:
            return None
        left.clear()
        return "reset"

    return behave


@pytest.mark.parametrize(("sent_before", "resets"), [(False, 1), (True, 0)])
async def test_innocuous_name_that_is_reset_only_once_is_counted(world: World, sent_before: bool, resets: int) -> None:
    """Leave out an address that got a target's name before, because the reset may be residual censorship."""
    async with world.box(HERE, [NAME], by_hello=resets_once(INNOCUOUS)) as box:
        resolves(world, HERE)
        if sent_before:
            world.session.pace.spend_trigger("other.example", HERE, "tcp", box.port)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert the(trace, "innocuous").failure == f.RESET and the(trace, "other_name_same_address").failure is None
    found = world.session.innocuous_resets.counted()
    assert (found.resets if found else 0) == resets


@pytest.mark.parametrize("names", [{INNOCUOUS: "reset"}, {NAME: "reset"}])
async def test_name_that_is_reset_each_time_is_no_random_reset(world: World, names: dict[str, Behaviour]) -> None:
    async with world.box(HERE, [NAME], names=names) as box:
        resolves(world, HERE)
        await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert world.session.innocuous_resets.counted() is None


async def test_innocuous_flow_that_fails_in_a_residual_window_is_marked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cool_down, "MARGIN", 0.1 - REST)
    async with world.box(HERE, [NAME], names={NAME: "reset"}, after_reset="reset") as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert the(trace, "innocuous").failure is None and not the(trace, "innocuous").in_residual
    other = the(trace, "other_name_same_address")
    assert other.failure == f.RESET and other.in_residual


async def test_name_is_not_sent_while_an_innocuous_flow_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that the connection is made meanwhile, and the hello waits for innocuous flows of other endpoints too."""
    send, seen_at_its_end = executor.send_name, []

    async def slowly(context: FollowUpContext, flow: PlannedFlow) -> Any:
        record = await send(context, flow)
        await asyncio.sleep(0.3)
        seen_at_its_end.append(list(box.seen))
        return record

    monkeypatch.setattr(executor, "send_name", slowly)
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        await run(world, world.target(f"https://{NAME}:{box.port}/", f"tls://{NAME}:{box.port}"))
    assert len(seen_at_its_end) == 1
    assert seen_at_its_end[0].count("connect") == 3
    assert f"hello {NAME}" not in seen_at_its_end[0]
    assert box.flows(NAME) == 2


async def test_datagram_waits_only_for_a_while_for_a_silent_innocuous_flow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that a name over QUIC does not wait for a slow connect to a silent address."""

    async def hang(context: FollowUpContext, flow: PlannedFlow) -> None:
        await asyncio.sleep(2.0)

    monkeypatch.setattr(executor, "send_name", hang)
    monkeypatch.setattr(pacing, "INNOCUOUS", 0.2)
    monkeypatch.setattr(pacing, "TCP_FIRST", 0.2)
    monkeypatch.setattr(pacing, "CONFIRM", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((HERE, 0))
        resolves(world, HERE)
        trace = await run(world, world.target(f"quic://{NAME}:{deaf.getsockname()[1]}/"))
    handshake = next(entry for entry in trace.entries if isinstance(entry, QUICHandshake))
    assert 0.2 <= handshake.t0 < 1.5


async def test_failure_with_successful_confirmation_needs_no_differential(world: World) -> None:
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        resolves(world, HERE)
        running = asyncio.create_task(run(world, world.target(f"https://{NAME}:{box.port}/")))
        while not box.flows(NAME):
            await asyncio.sleep(0)
        box.names[NAME] = "serve"
        trace = await running
    assert kinds(trace) == ["innocuous", "first", "confirm"]
    assert the(trace, "confirm").failure is None


async def test_refused_connect_is_confirmed_and_no_name_was_ever_sent(world: World) -> None:
    async with world.box(HERE) as box:
        port = box.port
    async with world.box(NEUTRAL, ["neutral.example"]) as neutral:
        resolves(world, HERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{port}/"))
        assert set(neutral.seen) == {"connect"}  # SYNs with TTL 1, which get as far as that on loopback alone
    assert kinds(trace) == ["innocuous", "first", "confirm", "near_reaction"]
    assert the(trace, "first").failure == the(trace, "confirm").failure == f.REFUSED
    assert not the(trace, "first").trigger


@pytest.mark.parametrize("behaviour", ["reset", "close", "garbage"])
async def test_never_more_than_six_triggers_per_name_and_address(world: World, behaviour: Any) -> None:
    """Check that first flows and confirmations of endpoints with one name and address share the limit of P7."""
    async with (
        world.box(HERE, [NAME], names={NAME: behaviour}) as box,
        world.box(NEUTRAL, ["neutral.example"], names={NAME: behaviour}) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        urls = [f"https://{NAME}:{box.port}/{n}" for n in range(8)]
        await run(world, world.target(*urls))
        await run(world, world.target(*urls))
        assert box.flows(NAME) == 6
        assert neutral.flows(NAME) <= 6


async def test_http_follow_up_exchanges_the_host_header(world: World) -> None:
    async with world.box(HERE, names={f"{NAME}": "reset"}) as box:
        resolves(world, HERE)
        box.names = {NAME: "reset", f"{NAME}:{box.port}": "reset"}
        trace = await run(world, world.target(f"http://{NAME}:{box.port}/"))
    assert kinds(trace)[:3] == ["innocuous", "first", "confirm"]
    assert the(trace, "innocuous").failure is None and the(trace, "first").failure == f.RESET
    assert the(trace, "other_name_same_address").failure is None
    assert next(seen for seen in box.seen if seen != "connect") == f"hello {INNOCUOUS}"


async def test_literal_gets_only_its_payload_and_one_confirmation(world: World) -> None:
    async with world.box(HERE, otherwise="reset") as box:
        trace = await run(world, world.target(f"mtproto://{HERE}:{box.port}", f"tcp://{HERE}:{box.port}"))
    records = [r for r in trace.transactions if r.endpoint.startswith("mtproto")]
    assert [r.kind for r in records] == ["first", "confirm"]
    assert records[0].corroborated and records[0].address_sources == ["literal"]
    (connect,) = [r for r in trace.transactions if r.endpoint.startswith("tcp")]
    assert connect.failure is None and not connect.trigger
    assert world.lookups == []


async def test_nothing_starts_once_the_run_is_stopping(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        world.session.stopping.set()
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/", f"tcp://{HERE}:{box.port}"))
        assert box.seen == []
    assert trace.transactions == [] and trace.entries == [] and world.lookups == []


async def test_stopping_half_way_starts_no_confirmation(world: World) -> None:
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        resolves(world, HERE)
        running = asyncio.create_task(run(world, world.target(f"https://{NAME}:{box.port}/")))
        while not box.flows(NAME):
            await asyncio.sleep(0)
        world.session.stopping.set()
        trace = await running
    assert kinds(trace) == ["innocuous", "first"]


async def test_silent_host_does_not_delay_the_others(world: World) -> None:
    async with world.box(HERE, otherwise="silent") as stalled, world.box(THERE, [NAME]) as box:
        resolves(world, THERE)
        literals = [f"mtproto://{HERE}:{stalled.port}"] * 9
        trace = Trace()
        running = asyncio.create_task(run(world, world.target(*literals, f"https://{NAME}:{box.port}/"), trace))
        while not box.flows(NAME):
            await asyncio.sleep(0.01)
        assert trace.elapsed() < 3.0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    interrupted = [e for e in trace.entries if e.OPERATION == "mtproto_exchange"]
    assert interrupted and all(entry.failure == f.INTERRUPTED for entry in interrupted)


async def test_bug_costs_its_own_endpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise KeyError("bug")

    monkeypatch.setattr("probe.dialogue.web.mtproto_exchange", broken)
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"mtproto://{HERE}:{box.port}", f"https://{NAME}:{box.port}/"))
    assert len(trace.bugs) == 1 and trace.bugs[0].startswith("KeyError")
    bad, good = sorted((r for r in trace.transactions if r.kind == "first"), key=lambda r: r.endpoint, reverse=True)
    assert f.is_local(bad.failure) and good.failure is None
    assert "confirm" not in kinds(trace)


async def test_bug_outside_any_transaction_is_recorded_for_its_endpoint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(context: FollowUpContext, flow: PlannedFlow) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(executor, "send_name", broken)
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"tcp://{HERE}:{box.port}", f"https://{NAME}:{box.port}/"))
    failures = {r.endpoint.partition(":")[0]: r.failure for r in trace.transactions if r.endpoint}
    assert failures["https"] == f"{f.BUG}: ZeroDivisionError"
    assert len(trace.bugs) == 1


async def test_control_sends_no_innocuous_name_no_confirmation_and_no_follow_up(world: World) -> None:
    world.session.as_control = True
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box, world.box(NEUTRAL, ["n.example"]) as neutral:
        resolves(world, HERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["first"]
    assert the(trace, "first").corroborated  # its own resolver is what others are compared with
    assert {engine for engine, _ in world.lookups} == {"system", "192.0.2.53"}


async def test_no_followups_leaves_the_confirmation(world: World) -> None:
    world.session.settings = RunSettings(followups=False)
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["innocuous", "first", "confirm"]


def test_box_counts_flows_by_name() -> None:
    assert Box("127.0.0.1", seen=["hello a", "hello b", "hello a"]).flows("a") == 2


async def test_answer_that_stops_is_compared_while_its_confirmation_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that the comparisons do not wait ten seconds for the confirmation."""
    monkeypatch.setattr(pacing, "CONFIRM", 5.0)

    async def stops(tls: TLSPeer) -> None:
        await tls.read()
        await tls.send(b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + b"x" * 4000)
        await asyncio.Event().wait()

    async with serving(tls_with(issue(NAME, world.ca).server_context(), stops), HERE) as server:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{server.port}/"))
    confirm, small = the(trace, "confirm"), the(trace, "small_segments_transfer")
    assert confirm.t0 < small.t0 < confirm.t0 + 1.0 < confirm.t - 2.0

"""Test endpoints over UDP: no connect, no innocuous name, one trigger per flow, and which addresses they visit."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from probe.connectivity.attempt_state import AttemptState, MeasurementState
from probe.connectivity.endpoint import Reach
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.exchanges.calls import SIPExchange, STUNExchange
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.resolution.lookup import Names
from probe.session.pacing import Pace
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import Target, parse_endpoint
from probe.wire import stun
from tests.support.servers.dns import Asked, udp_server
from tests.support.world import World

NAME, HERE, THERE = "service.example", "127.0.5.1", "127.0.5.2"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    monkeypatch.setattr(Pace, "tls_timeout", lambda self, *, confirm=False: 1.2 if confirm else 0.7)
    return made


def serve_stun(asked: Asked) -> None:
    request = stun.parse(asked.query)
    mapped = stun.xor_mapped_address("192.0.2.77", 7, request.transaction_id)
    asked.send(stun.build("success", stun.BINDING, request.transaction_id, (mapped,)))


def silence(asked: Asked) -> None:
    """Answer nothing."""


async def run(
    world: World, target: Target, *, control_after: float = 0.0, control_gives: tuple[str, ...] = ()
) -> Trace:
    trace = Trace()
    names = Names(trace, world.session)

    def answer() -> None:
        names.learn_from_control({NAME: list(control_gives)})

    asyncio.get_running_loop().call_later(control_after, answer)
    await asyncio.wait_for(Reach(trace, world.session, names, world.roots).services(target, ["web"]), 20)
    await trace.finish()
    await names.finish()
    assert trace.bugs == []
    return trace


def tried(trace: Trace) -> list[tuple[str, str, str | None]]:
    """Return (dialect's transport, kind, failure) of each transaction, without lookups."""
    return [
        (r.endpoint.partition("=")[2] or r.endpoint.partition(":")[0], r.followup or r.kind, r.failure)
        for r in trace.transactions
        if r.endpoint
    ]


async def test_answer_takes_one_flow_and_one_trigger(world: World) -> None:
    async with udp_server(serve_stun, HERE) as server:
        trace = await run(world, world.target(f"stun://{HERE}:{server.port};transport=udp"))
        assert len(server.asked) == 1
    assert tried(trace) == [("udp", "first", None)]
    (record,) = trace.transactions
    assert record.trigger and record.steps == ["stun_exchange"] and record.address_sources == ["literal"]
    assert world.session.pace.triggers == 1
    assert world.session.pace.triggers_left(HERE, HERE, "udp") == 5


async def test_silence_is_confirmed_once_with_more_time_and_no_other_trigger_is_sent(world: World) -> None:
    async with udp_server(silence, HERE) as server, world.box(THERE, ["neutral.example"]) as neutral:
        world.neutral(neutral)
        trace = await run(world, world.target(f"stun://{HERE}:{server.port}"))
        assert neutral.seen == []
        flows = {asked.client for asked in server.asked}
    assert tried(trace) == [
        ("stun", "first", f.TIMEOUT),
        ("stun", "confirm", f.TIMEOUT),
        ("stun", "near_reaction", None),  # datagrams with TTL 1, which get as far as that on loopback alone
    ]
    assert len(flows) > 2 and world.session.pace.triggers == 2
    assert [e.x_sent for e in trace.entries if isinstance(e, STUNExchange)] == [2, 2]
    first, confirm, _ = trace.transactions
    assert confirm.cause == first.transaction_id and confirm.t - confirm.t0 > first.t - first.t0


async def test_lost_flow_with_successful_confirmation_needs_nothing_more(world: World) -> None:
    clients: list[Any] = []

    def lose_the_first(asked: Asked) -> None:
        clients.append(asked.client)
        if asked.client != clients[0]:
            serve_stun(asked)

    async with udp_server(lose_the_first, HERE) as server:
        trace = await run(world, world.target(f"stun://{HERE}:{server.port}"))
    assert tried(trace) == [("stun", "first", f.TIMEOUT), ("stun", "confirm", None)]


async def test_refusal_by_icmp_is_named_and_confirmed(world: World) -> None:
    async with udp_server(silence, HERE) as server:
        port = server.port
    trace = await run(world, world.target(f"stun://{HERE}:{port}"))
    assert tried(trace) == [("stun", "first", f.REFUSED), ("stun", "confirm", f.REFUSED)]
    assert {r.failed_operation for r in trace.transactions} == {"stun_exchange"}


async def test_datagrams_wait_for_no_tls_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that no datagram waits for one of the two slots for TLS handshakes."""

    def never(self: Pace, address: str, name: str) -> Any:
        raise AssertionError("a datagram asked for a place for TLS")

    monkeypatch.setattr(Pace, "tls_slot", never)
    async with udp_server(serve_stun, HERE) as server:
        trace = await run(world, world.target(*[f"stun://{HERE}:{server.port}"] * 5))
    assert [failure for _, _, failure in tried(trace)] == [None] * 5


async def test_never_more_than_six_flows_to_one_address(world: World) -> None:
    async with udp_server(silence, HERE) as server:
        trace = await run(world, world.target(*[f"stun://{HERE}:{server.port}"] * 8))
        assert len({asked.client for asked in server.asked}) == 6
    spent = [r for r in trace.transactions if r.failure == f.BUDGET]
    assert len(spent) == 2 and not any(r.trigger for r in spent)


async def test_answer_over_udp_verifies_no_address(world: World) -> None:
    """Check that the one visit (P7) is not repeated, because any server can answer STUN."""
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    async with udp_server(serve_stun, HERE) as server:
        target = world.target(f"stun://{NAME}:{server.port}", f"stun://{NAME}:{server.port};transport=udp")
        trace = await run(world, target)
        await run(world, target)
        assert len({asked.client for asked in server.asked}) == 1
    assert [r.corroborated for r in trace.transactions if r.kind == "first"] == [False]
    assert world.session.approached[HERE].result() is False


async def test_silence_at_an_unverified_address_is_not_confirmed(world: World) -> None:
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    async with udp_server(silence, HERE) as server:
        trace = await run(world, world.target(f"stun://{NAME}:{server.port}"))
        assert len({asked.client for asked in server.asked}) == 1
    assert [kind for _, kind, _ in tried(trace)] == ["first"]


async def test_endpoints_that_verify_the_address_go_first(world: World) -> None:
    """Let a certificate verify the address for datagrams, where no encrypted resolver answers."""
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    for _ in range(3):
        world.session.approached.clear()
        world.session.pace.next_round()
        async with world.box(HERE, [NAME]) as box, udp_server(serve_stun, HERE) as server:
            urls = (f"stun://{NAME}:{server.port}", f"https://{NAME}:{box.port}/", f"tcp://{NAME}:{box.port}")
            trace = await run(world, world.target(*urls))
        assert sorted(tried(trace)) == [("https", "first", None), ("stun", "first", None), ("tcp", "first", None)]


async def test_datagrams_wait_for_the_control_to_verify_the_address(world: World) -> None:
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    async with udp_server(silence, HERE) as server:
        target = world.target(f"stun://{NAME}:{server.port}")
        trace = await run(world, target, control_after=0.5, control_gives=(HERE,))
    assert tried(trace) == [("stun", "first", f.TIMEOUT), ("stun", "confirm", f.TIMEOUT)]
    (first,) = [r for r in trace.transactions if r.kind == "first"]
    assert first.corroborated and first.t0 >= 0.4 and "control" in first.address_sources


async def test_control_verifies_an_address_after_a_visit_in_vain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second of two endpoints visit the address once the helper has given it too."""
    monkeypatch.setattr(
        "probe.connectivity.endpoint.random.shuffle", lambda todo: None
    )  # the one that is reset goes first
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box, world.box(HERE, [NAME]) as fine:
        urls = (f"https://{NAME}:{box.port}/", f"tls://{NAME}:{fine.port}")
        trace = await run(world, world.target(*urls), control_after=0.6, control_gives=(HERE,))
    first = {r.endpoint.partition(":")[0]: r for r in trace.transactions if r.kind == "first"}
    assert set(first) == {"https", "tls"}
    late = max(first.values(), key=lambda record: record.t0)
    assert late.t0 >= 0.5 and late.corroborated and "control" in late.address_sources


async def test_failure_waits_for_the_control_before_it_stays_unconfirmed(world: World) -> None:
    world.session.encrypted = None
    world.system[NAME] = [HERE]
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        target = world.target(f"https://{NAME}:{box.port}/")
        trace = await run(world, target, control_after=0.5, control_gives=(HERE,))
    assert [kind for _, kind, _ in tried(trace)][:2] == ["first", "confirm"]
    assert box.flows(NAME) == 3  # and once in another hello


async def test_family_that_does_not_work_gets_no_datagram(world: World) -> None:
    trace = await run(world, world.target("stun://[::1]:9"))
    assert trace.transactions == []


async def test_control_sends_one_flow_and_no_more(world: World) -> None:
    world.session.as_control = True
    async with udp_server(silence, HERE) as server:
        trace = await run(world, world.target(f"stun://{HERE}:{server.port}"))
    assert tried(trace) == [("stun", "first", f.TIMEOUT)]


@pytest.mark.parametrize("code", [403, 480, 503])
@pytest.mark.parametrize("doubtful", [0, 1])
async def test_answer_is_doubtful_by_the_entries_of_its_own_flow(world: World, doubtful: int, code: int) -> None:
    trace = Trace()
    for number in range(2):
        async with trace.transaction(TransactionFacts("first")) as tx:
            tx.keep(SIPExchange(address=f"{HERE}:5060", transport="udp", code=code if number == doubtful else 200))
    measurement = MeasurementState(trace, world.session, AddressTrust(world.session))
    state = AttemptState(AddressAttempt("web", parse_endpoint("sip://127.0.5.1:5060"), HERE, None), measurement)
    for record in trace.transactions:
        state.add(PlannedFlow("own", "first", HERE, 5060, ""), record)
    assert [outcome.doubtful for outcome in state.outcomes] == [doubtful == 0, doubtful == 1]

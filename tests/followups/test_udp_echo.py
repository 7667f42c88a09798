"""Test the echo pair: what is sent to the helper's echo, in which order, how often, and when not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.connectivity.attempt_state import MeasurementState
from probe.connectivity.endpoint import Reach
from probe.dialogue import DIALOGUE_BY_DIALECT, FIRST_MESSAGE_BY_DIALECT
from probe.dialogue.exchange import Exchange
from probe.followups.echo_sizes import SIZES
from probe.followups.helper_offer import PAIRS_PER_TOKEN, EchoOffer
from probe.followups.registry import REGISTRY
from probe.formats import failures as f
from probe.formats.exchanges.calls import STUNExchange, UDPEcho
from probe.resolution.lookup import Names
from probe.session.trace import Trace
from probe.steps.udp_flow import udp_flow
from probe.targets.target import Target
from probe.wire.dtls.client_hello import HelloWriter, parse_client_hello
from probe.wire.stun import binding_request, is_stun
from probe.wire.telegram.reflector import CALLER, is_hello
from tests.support.servers.dns import Asked, UDPServer, udp_server
from tests.support.world import World

TOKEN = bytes(range(12))
HELPER = "127.0.4.9"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Provide a world in which a STUN endpoint sends one datagram and accepts any answer."""
    made = World(tmp_path)
    made.install(monkeypatch)
    made.session.preflight = {"udp": True}
    monkeypatch.setattr(type(made.session.pace), "tls_timeout", lambda self, *, confirm=False: 0.3)

    async def say_stun(talk: Exchange) -> None:
        await talk.trigger()
        async with talk.tx.step(STUNExchange(address="", transport="udp"), 0.2):
            with udp_flow(talk.ip, talk.endpoint.port, talk.pace) as flow:
                await flow.ask(binding_request(b"x" * 12), (0.0,), lambda raw: True)

    monkeypatch.setitem(DIALOGUE_BY_DIALECT, "stun/udp", say_stun)
    return made


def nothing(asked: Asked) -> None:
    """Answer nothing."""


def echo(asked: Asked) -> None:
    asked.send(asked.query)


@asynccontextmanager
async def an_offer(behave: Callable[[Asked], None]) -> AsyncIterator[tuple[EchoOffer, UDPServer]]:
    async with udp_server(behave, HELPER) as server:
        yield EchoOffer(TOKEN, (server.port,), (HELPER,), asyncio.get_running_loop().time() + 50), server


async def run(world: World, target: Target, offer: EchoOffer | None, *, answered_after: float = 0.0) -> Trace:
    trace = Trace()
    names = Names(trace, world.session)
    reach = Reach(trace, world.session, names, world.roots)

    def answer() -> None:
        if offer:
            reach.take_echo_offer(offer)
        names.control_answered.set()

    asyncio.get_running_loop().call_later(answered_after, answer)
    await asyncio.wait_for(reach.services(target, ["web"]), 20)
    await trace.finish()
    assert trace.bugs == []
    return trace


@pytest.fixture
def pair_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the datagrams of several sizes, which follow the pair."""

    async def none(*_: Any) -> None:
        return None

    sizes = replace(REGISTRY["datagram_sizes"], carry_out=none)
    monkeypatch.setitem(REGISTRY, "datagram_sizes", sizes)


def echoes(trace: Trace) -> list[UDPEcho]:
    return [entry for entry in trace.entries if isinstance(entry, UDPEcho)]


@pytest.mark.usefixtures("pair_alone")
async def test_two_silent_datagrams_are_followed_by_an_echo_pair_random_one_first(world: World) -> None:
    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(echo) as (offer, server):
        url = f"stun://127.0.4.1:{silent.port};transport=udp"
        trace = await run(world, world.target(url), offer, answered_after=1.0)
    other, own = [asked.query for asked in server.asked]
    assert own == binding_request(TOKEN)
    assert len(other) == len(own) and TOKEN in other and not is_stun(other) and 4 <= other[0] < 16
    first, confirm, random, same = trace.transactions
    assert (first.kind, confirm.kind, first.failure, confirm.failure) == ("first", "confirm", f.TIMEOUT, f.TIMEOUT)
    assert (random.followup, same.followup) == ("other_payload_echo", "same_payload_echo")
    for record in (random, same):
        assert (record.kind, record.cause, record.endpoint) == ("followup", first.transaction_id, url)
        assert (record.address, record.port, record.family) == ("helper", server.port, 4)
        assert record.failure is None and record.steps == ["udp_echo"] and not record.in_residual
    assert (random.trigger, same.trigger) == (False, True)
    assert world.session.pace.triggers_left("127.0.4.1", "helper", "udp") == 5
    assert [(entry.payload, entry.echoed, entry.changed) for entry in echoes(trace)] == [
        ("other", True, False),
        ("stun", True, False),
    ]
    assert not any(HELPER in entry.model_dump_json() for entry in echoes(trace))
    assert not any(HELPER in record.model_dump_json() for record in trace.transactions)


@pytest.mark.usefixtures("pair_alone")
async def test_dropped_payload_is_recorded_beside_the_random_one(world: World) -> None:
    def censor(asked: Asked) -> None:
        if not is_stun(asked.query):
            echo(asked)

    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(censor) as (offer, _):
        trace = await run(world, world.target(f"stun://127.0.4.1:{silent.port}"), offer)
    assert [entry.failure for entry in echoes(trace)] == [None, f.TIMEOUT]


@pytest.mark.usefixtures("pair_alone")
async def test_several_endpoints_share_one_pair(world: World) -> None:
    async with udp_server(nothing, "127.0.4.1") as one, udp_server(nothing, "127.0.4.2") as two:
        urls = (f"stun://127.0.4.1:{one.port}", f"stun://127.0.4.2:{two.port}")
        async with an_offer(echo) as (offer, _):
            trace = await run(world, world.target(*urls), offer)
    assert len(echoes(trace)) == 2


@pytest.mark.usefixtures("pair_alone")
async def test_same_port_where_the_helper_has_it_and_one_pair_for_each(world: World) -> None:
    async with (
        udp_server(nothing, "127.0.4.1") as one,
        udp_server(nothing, "127.0.4.2") as two,
        udp_server(nothing, "127.0.4.3") as three,
    ):
        urls = [f"stun://127.0.4.{n}:{server.port}" for n, server in ((1, one), (2, two), (3, three))]
        offer = EchoOffer(TOKEN, (one.port, two.port), (HELPER,), asyncio.get_running_loop().time() + 50)
        trace = await run(world, world.target(*urls), offer)
    assert sorted(entry.port for entry in echoes(trace)) == sorted([one.port, one.port, two.port, two.port])


def test_family_that_failed_where_the_helper_has_it() -> None:
    offer = EchoOffer(TOKEN, (1, 2), ("192.0.2.1", "2001:db8::1"), 0.0)
    assert offer.place(4, 2) == ("192.0.2.1", 2) and offer.place(6, 3) == ("2001:db8::1", 1)
    offer.addresses = ("192.0.2.1",)
    assert offer.place(6, 1) == ("192.0.2.1", 1)
    offer.addresses = ()
    assert offer.place(4, 1) is None


async def test_success_or_refusal_needs_no_echo_pair(world: World) -> None:
    async with udp_server(echo, "127.0.4.1") as works, an_offer(echo) as (offer, server):
        async with udp_server(nothing, "127.0.4.2") as gone:
            port = gone.port
        urls = (f"stun://127.0.4.1:{works.port}", f"stun://127.0.4.2:{port}")
        trace = await run(world, world.target(*urls), offer)
        assert server.asked == [] and echoes(trace) == []
    assert sorted(str(t.failure) for t in trace.transactions) == ["None", f.REFUSED, f.REFUSED]


@pytest.mark.parametrize("case", ["no echo", "too old", "used up", "budget", "no follow-ups"])
async def test_without_a_usable_echo_nothing_is_sent(world: World, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send nothing with an old token, because its silence would look like dropped UDP."""
    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(echo) as (offer, server):
        if case == "too old":
            offer.until = asyncio.get_running_loop().time() + 0.1
        elif case == "used up":
            offer.pairs_left = 0
        elif case == "budget":
            for _ in range(6):
                world.session.pace.spend_trigger("127.0.4.1", "helper", "udp")
        elif case == "no follow-ups":
            monkeypatch.setattr(MeasurementState, "followups", property(lambda self: False))
        target = world.target(f"stun://127.0.4.1:{silent.port}")
        trace = await run(world, target, None if case == "no echo" else offer)
        assert server.asked == [] and echoes(trace) == [] and len(trace.transactions) == 2


async def test_pairs_of_a_token_stay_below_the_limit_of_the_echo(world: World) -> None:
    from probe.helper.udp_echo import MOST_ECHOES
    from probe.session.pacing import CONFIRM
    from probe.steps.calls.echo import FIRST, LONGEST
    from probe.steps.udp_flow import doubling

    in_one_flow = len(list(doubling(FIRST, LONGEST, CONFIRM)))
    assert PAIRS_PER_TOKEN * 2 * in_one_flow <= MOST_ECHOES


@pytest.mark.usefixtures("pair_alone")
async def test_random_datagram_after_a_trigger_to_the_same_port_is_marked(world: World) -> None:
    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(nothing) as (offer, server):
        world.session.pace.spend_trigger("elsewhere.example", "helper", "udp", server.port)
        trace = await run(world, world.target(f"stun://127.0.4.1:{silent.port}"), offer)
    assert [t.in_residual for t in trace.transactions if t.address == "helper"] == [True, False]


@pytest.mark.usefixtures("pair_alone")
@pytest.mark.parametrize("passes_first", [False, True])
async def test_random_datagram_is_not_marked_where_one_was_silent_before_any_trigger(
    world: World, passes_first: bool
) -> None:
    """Leave later ones unmarked. Each pair spends a trigger, so later ones would prove nothing where UDP is dropped."""
    behave = [echo if passes_first else nothing]
    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(lambda asked: behave[0](asked)) as (offer, _):
        target = world.target(f"stun://127.0.4.1:{silent.port}")
        await run(world, target, offer)
        behave[0] = nothing
        trace = await run(world, target, offer)
    assert [t.in_residual for t in trace.transactions if t.address == "helper"] == [passes_first, False]


async def test_stop_between_the_datagrams_ends_the_pair(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(asked: Asked) -> None:
        world.session.stopping.set()
        echo(asked)

    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(stop) as (offer, _):
        trace = await run(world, world.target(f"stun://127.0.4.1:{silent.port}"), offer)
    assert [entry.payload for entry in echoes(trace)] == ["other"]


def test_every_payload_holds_the_token_where_the_responder_finds_it() -> None:
    from probe.helper.udp_echo import EchoTokens
    from probe.targets.target import parse_endpoint

    tokens = EchoTokens()
    for dialect, build in FIRST_MESSAGE_BY_DIALECT.items():
        scheme, _, transport = dialect.partition("/")
        parameter = f";transport={transport}" if transport else ""
        endpoint = parse_endpoint(f"{scheme}://service.example:5060{parameter}")
        made: Any = build(endpoint, bytes.fromhex(tokens.issue()))
        assert tokens.admits(made), dialect


def test_sip_datagram_names_the_host_that_failed() -> None:
    from probe.targets.target import parse_endpoint

    build = FIRST_MESSAGE_BY_DIALECT["sip/udp"]
    made = build(parse_endpoint("sip://sip.example:5060;transport=udp"), TOKEN)
    assert made.startswith(b"OPTIONS sip:sip.example SIP/2.0\r\n") and TOKEN.hex().encode() in made


def test_datagram_for_a_call_relay_is_the_hello_that_failed() -> None:
    from probe.targets.target import parse_endpoint

    made = FIRST_MESSAGE_BY_DIALECT["reflector"](parse_endpoint("reflector://192.0.2.1:597"), TOKEN)
    assert is_hello(made) and made[0] == CALLER and TOKEN in made


def test_datagram_for_a_dtls_server_is_the_hello_that_failed() -> None:
    from probe.targets.target import parse_endpoint

    made = FIRST_MESSAGE_BY_DIALECT["dtls"](parse_endpoint("dtls://192.0.2.1:5684"), TOKEN)
    assert parse_client_hello(made).random.startswith(TOKEN)
    assert len(made) == len(HelloWriter.new("openssl").first())


@pytest.mark.parametrize("most", [50, 300, 1300])
async def test_sizes_are_sent_until_one_is_lost_and_then_finer_ones(world: World, most: int) -> None:
    def short_line(asked: Asked) -> None:
        if len(asked.query) <= most:
            echo(asked)

    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(short_line) as (offer, _):
        trace = await run(world, world.target(f"stun://127.0.4.1:{silent.port}"), offer)
    ladders = [
        [(entry.size, entry.failure) for entry in trace.entries_of(record) if isinstance(entry, UDPEcho)]
        for record in trace.transactions
        if record.followup == "datagram_sizes"
    ]
    passed = [size for size in SIZES if size <= most]
    lost = SIZES[len(passed) : len(passed) + 1]
    assert ladders[0] == [*((size, None) for size in passed), *((size, f.TIMEOUT) for size in lost)]
    if not lost:
        assert len(ladders) == 1
        return
    *came, last = ladders[1]
    assert came[0] == (passed[-1], None) and all(size <= most and failure is None for size, failure in came)
    assert most < last[0] <= lost[0] and last[1] == f.TIMEOUT


async def test_no_finer_sizes_are_sent_if_none_passes(world: World) -> None:
    async with udp_server(nothing, "127.0.4.1") as silent, an_offer(nothing) as (offer, _):
        trace = await run(world, world.target(f"stun://127.0.4.1:{silent.port}"), offer)
    ladders = [record for record in trace.transactions if record.followup == "datagram_sizes"]
    assert [record.failure for record in ladders] == [f.TIMEOUT]
    assert [entry.size for entry in trace.entries_of(ladders[0]) if isinstance(entry, UDPEcho)] == [SIZES[0]]

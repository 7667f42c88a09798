"""Test that the preflight finds lost large packets, lowers the segment size for the run, and is not misled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.entries import TCPConnect
from probe.run.network import segment_size
from probe.run.network.neutral_host import NeutralResult
from probe.run.network.preflight import preflight
from probe.run.network.segment_size import SMALL, SegmentTrial, loses_packets
from probe.session.pacing import Pace
from probe.steps.tls.tls_stream import client_hello
from probe.targets.target import parse_endpoint
from tests.support.world import Box, World

HOSTS = {"one.example": "127.0.5.1", "two.example": "127.0.5.2", "three.example": "127.0.5.3"}
OVER_IPV6 = {"one6.example": "::1", "two6.example": "::1"}
LIMIT = 1400  # bytes. On loopback, segments have 32 kB unless they are lowered.
LOWERED = {"ipv4": SMALL, "ipv6": None, "refused": []}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.without_resolvers(monkeypatch)
    monkeypatch.setattr(segment_size, "SILENT_FOR", 0.2)
    monkeypatch.setattr("probe.session.pacing.TLS_FIRST", 1.0)
    return made


@asynccontextmanager
async def neutral_hosts(world: World, *how: dict[str, Any], names: dict[str, str] = HOSTS) -> AsyncIterator[list[Box]]:
    """Serve one more neutral host for each of `how`."""
    async with AsyncExitStack() as stack:
        boxes, endpoints = [], list(world.session.neutral.endpoints)
        for (name, ip), keys in zip(names.items(), how, strict=False):
            boxes.append(await stack.enter_async_context(world.box(ip, [name], **keys)))
            world.system[name] = [ip]
            endpoints.append(parse_endpoint(f"https://{name}:{boxes[-1].port}/"))
        before = world.session.neutral
        world.session.neutral = replace(before, endpoints=tuple(endpoints))
        yield boxes
        world.session.neutral = before


async def facts(world: World) -> dict[str, Any]:
    await asyncio.wait_for(preflight(world.session, world.roots), 10)
    assert world.session.bugs == []
    return world.session.preflight


def hellos(boxes: list[Box]) -> list[int]:
    return [sum(seen.startswith("hello") for seen in box.seen) for box in boxes]


async def test_lost_large_packets_lower_the_segments_of_the_run(world: World) -> None:
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [2, 2, 2]
    assert found["mtu"] == LOWERED and world.session.pace.segment_sizes == {4: SMALL}
    assert found["network"] is True and found["ipv4_proven"] is True and found["clock_skew"] is None
    assert [(host["failure"], host["segment_size"]) for host in found["neutral"]] == [(None, SMALL)] * 3
    assert len(world.session.neutral_addresses) == 3
    assert world.session.pace.triggers == 0


async def test_short_hello_is_followed_by_a_request_that_fills_a_segment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lose long packets after the handshake, as where hello and chain fit into one segment each."""
    monkeypatch.setattr("probe.run.network.preflight.ONE_SEGMENT", 4000)
    async with neutral_hosts(world, *[{"longest_request": LIMIT}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [2, 2, 2]
    assert found["mtu"] == LOWERED and world.session.pace.segment_sizes == {4: SMALL}
    assert [(host["failure"], host["segment_size"]) for host in found["neutral"]] == [(None, SMALL)] * 3


async def test_long_hello_needs_no_long_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.run.network.preflight.ONE_SEGMENT", 0)
    async with neutral_hosts(world, *[{"longest_request": LIMIT}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [1, 1, 1]
    assert "mtu" not in found


async def test_one_host_that_ignores_long_requests_is_no_fact_about_the_network(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.run.network.preflight.ONE_SEGMENT", 4000)
    async with neutral_hosts(world, {"longest_request": LIMIT}, {}, {}) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [1, 1, 1]
    assert "mtu" not in found and found["ipv4_proven"] is True


async def test_hosts_that_ignore_long_requests_in_small_segments_too_are_no_lost_packets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.run.network.preflight.ONE_SEGMENT", 4000)
    async with neutral_hosts(world, *[{"longest_request": 400}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [2, 2, 2]
    assert "mtu" not in found and world.session.pace.segment_sizes == {}


async def test_healthy_network_gets_no_trial(world: World) -> None:
    async with neutral_hosts(world, {}, {}, {}) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [1, 1, 1]
    assert "mtu" not in found and world.session.pace.segment_sizes == {}
    assert all("segment_size" not in host for host in found["neutral"])


async def test_lost_large_packets_of_one_host_are_no_fact_about_the_network(world: World) -> None:
    """Drop large packets of one name, as a censor may do."""
    async with neutral_hosts(world, {"longest_segment": LIMIT}, {}, {}) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [1, 1, 1]
    assert "mtu" not in found and world.session.pace.segment_sizes == {}
    assert sorted(str(host["failure"]) for host in found["neutral"]) == ["None", "None", f.TIMEOUT]


async def test_censor_that_drops_every_handshake_drops_small_ones_too(world: World) -> None:
    async with neutral_hosts(world, *[{"otherwise": "silent"}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [2, 2, 2]
    assert "mtu" not in found and world.session.pace.segment_sizes == {}
    assert found["network"] is False and found["ipv4_proven"] is False
    assert [host["failure"] for host in found["neutral"]] == [f.TIMEOUT] * 3


async def test_small_handshake_must_work_at_several_hosts(world: World) -> None:
    async with neutral_hosts(world, {"longest_segment": LIMIT}, *[{"otherwise": "silent"}] * 2):
        found = await facts(world)
    assert "mtu" not in found and world.session.pace.segment_sizes == {}


async def test_forged_certificate_is_no_proof_of_small_packets(world: World) -> None:
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 2) as boxes:
        world.system = {"one.example": [boxes[1].ip], "two.example": [boxes[0].ip]}
        urls = (f"https://one.example:{boxes[1].port}/", f"https://two.example:{boxes[0].port}/")
        world.session.neutral = replace(world.session.neutral, endpoints=tuple(map(parse_endpoint, urls)))
        found = await facts(world)
    assert "mtu" not in found and found["ipv4_proven"] is False


async def test_slow_answers_are_no_lost_packets(world: World) -> None:
    async with neutral_hosts(world, *[{"delay": 0.5}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [2, 2, 2], "the trial must have begun"
    assert "mtu" not in found and world.session.pace.segment_sizes == {}
    assert [host["failure"] for host in found["neutral"]] == [None] * 3
    assert all("segment_size" not in host for host in found["neutral"])


async def test_packet_loss_is_no_loss_of_large_packets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = "probe.platforms.sockets.tcp_state.retransmissions"
    monkeypatch.setattr(repeated, lambda sock: 1)  # every connect repeated its SYN
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 3):
        found = await facts(world)
    assert "mtu" not in found and world.session.pace.segment_sizes == {}


async def test_only_the_family_that_loses_packets_gets_small_segments(world: World) -> None:
    async with (
        neutral_hosts(world, {}, {}) as usual,
        neutral_hosts(world, *[{"longest_segment": LIMIT}] * 2, names=OVER_IPV6) as narrow,
    ):
        found = await facts(world)
        assert hellos(usual) == [1, 1] and hellos(narrow) == [2, 2]
    assert found["mtu"] == {"ipv4": None, "ipv6": SMALL, "refused": []}
    assert world.session.pace.segment_sizes == {6: SMALL}
    assert found["ipv6_proven"] is True and {host["failure"] for host in found["neutral"]} == {None}


async def test_preflight_measures_the_usual_size_again(world: World) -> None:
    """Check that sizes of an earlier preflight do not hide that large packets arrive again."""
    world.session.pace.segment_sizes[4] = SMALL
    async with neutral_hosts(world, {}, {}):
        found = await facts(world)
    assert "mtu" not in found and world.session.pace.segment_sizes == {}
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 2):
        world.session.pace.segment_sizes[4] = SMALL
        assert (await facts(world))["mtu"] == LOWERED


async def test_system_that_refuses_small_segments_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.steps.tcp.limit_segments", lambda sock, size: False)
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 3) as boxes:
        found = await facts(world)
        assert hellos(boxes) == [1, 1, 1]
    assert found["mtu"] == {"ipv4": None, "ipv6": None, "refused": [4]}
    assert world.session.pace.segment_sizes == {} and found["ipv4_proven"] is False
    assert [host["failure"] for host in found["neutral"]] == [f.TIMEOUT] * 3


async def test_encrypted_resolver_is_tried_again_with_small_segments(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Warm:
        ip = "192.0.2.1"

        async def close(self) -> None: ...

    sizes: list[dict[int, int]] = []

    async def first_warm_resolver(*_: Any) -> Warm:
        sizes.append(dict(world.session.pace.segment_sizes))
        if not sizes[-1]:
            await asyncio.Event().wait()
        return Warm()

    monkeypatch.setattr("probe.run.network.preflight.first_warm_resolver", first_warm_resolver)
    async with neutral_hosts(world, *[{"longest_segment": LIMIT}] * 3):
        found = await facts(world)
    assert sizes == [{}, {4: SMALL}] and isinstance(world.session.encrypted, Warm)
    assert found["runtime"] < 3, "the attempt with large packets must not be waited for"


async def test_trial_ends_with_the_preflight(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.run.network.preflight.PATIENCE", 0.5)
    async with neutral_hosts(world, *[{"longest_segment": LIMIT, "delay": 0.0}] * 2, {"otherwise": "silent"}):
        found = await facts(world)
    assert found["runtime"] < 1.5
    assert found["mtu"] == LOWERED, "handshakes that are cancelled at the end were silent too"


class Wire:
    """Stand for a connection that is silent for some seconds."""

    def __init__(self, silent: float) -> None:
        self.silent = silent

    def silent_for(self) -> float:
        return self.silent


@pytest.mark.parametrize(
    ("last_byte", "failure", "expected"),
    [(9.0, f.TIMEOUT, {4: SMALL}), (0.1, f.TIMEOUT, {}), (9.0, f.RESET, {}), (9.0, f.INTERRUPTED, {})],
    ids=["silent", "bytes came late", "reset in the end", "this computer was busy"],
)
async def test_handshake_that_ends_otherwise_was_not_silent(
    last_byte: float, failure: str, expected: dict[int, int]
) -> None:
    """End the first handshakes after the small ones have worked, as on a slow line."""
    proven: list[NeutralResult] = []

    async def visit(small: NeutralResult) -> None:
        small.failure, small.proven = None, True
        proven.append(small)

    async def nothing() -> None: ...

    pace, wires = Pace(), [Wire(9.0), Wire(9.0)]
    trial = SegmentTrial(pace, visit, nothing)
    hosts = [NeutralResult.unanswered(parse_endpoint(f"https://{name}:443/"), ip) for name, ip in HOSTS.items()][:2]
    for host, wire in zip(hosts, wires, strict=True):
        trial.connected(host, wire)  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    await trial.settle(asyncio.get_running_loop().time() + 1)
    assert len(proven) == 2, "both were silent so far"
    wires[0].silent, hosts[0].failure = last_byte, failure
    for host in hosts:
        trial.ended(host)
    assert (trial.conclude([]) is not None) is bool(expected)
    assert pace.segment_sizes == expected


def connect(repeats: int | None, failure: str | None = None) -> TCPConnect:
    return TCPConnect(ip="192.0.2.1", port=443, x_syn_repeats=repeats, failure=failure)


@pytest.mark.parametrize(
    ("connects", "expected"),
    [
        ([connect(0)] * 8, False),
        ([connect(None)] * 8, False),
        ([connect(0)] * 9 + [connect(1)] * 3, True),
        ([connect(0)] * 10 + [connect(1)] * 2, False),
        ([connect(0), connect(1)], False),
        ([connect(1)] * 2 + [connect(None, f.TIMEOUT)] * 90, True),
        ([], False),
    ],
    ids=["none", "not told", "a quarter", "a sixth", "one alone", "failed ones do not count", "no connect"],
)
def test_line_is_lossy_if_many_connects_repeat_their_syn(connects: list[TCPConnect], expected: bool) -> None:
    assert loses_packets(connects) is expected


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
@pytest.mark.parametrize("name", ["a.example", "captive.apple.com", f"{'long.' * 12}example.org"])
def test_small_segments_cut_a_hello_into_as_many_parts_as_usual(name: str, alpn: tuple[str, ...]) -> None:
    """Check what a censor that reads only one segment sees. Otherwise its block would look like lost packets."""
    hello, options = client_hello(name, alpn), 12  # bytes of timestamps in each segment
    parts = [-(-len(hello) // (segment - options)) for segment in (SMALL, 1460)]
    assert parts[0] == parts[1] and hello.index(name.encode()) + len(name) < SMALL - options

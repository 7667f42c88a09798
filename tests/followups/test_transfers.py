"""Test what the transfers after a silent answer send: which name, to which server, in which segments."""

import socket

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.followups.transfers import MOST_REQUESTS, send_transfer
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Trace
from probe.signatures.silent_streams import COMPARED_BYTES, SMALL_SEGMENT
from probe.targets.target import parse_endpoint
from tests.support.servers.loopback import Peer, TLSPeer, serving, tls_with
from tests.support.world import INNOCUOUS, Box, World

NAME, NEUTRAL_NAME = "service.example", "neutral.example"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30000
COSTS = {"same_transfer_again": 1, "small_segments_transfer": 1}


async def transfer(
    world: World, box: Box, followup: FollowUp, name: str, url: str = ""
) -> tuple[TransactionRecord, HTTPTransaction, str]:
    """Carry out one follow-up. Return its record, its last HTTP entry, and the name in the hello."""
    trace = Trace()
    endpoint = parse_endpoint(url or f"https://{NAME}:{box.port}/path")
    context = FollowUpContext(FlowRunner(trace, world.session), world.roots, world.roots, "web", endpoint, 4)
    flow = PlannedFlow(
        "row",
        "followup",
        box.ip,
        box.port,
        name,
        followup=followup,
        cost=COSTS.get(followup, 0),
        at_endpoint=followup != "neutral_host_transfer",
    )
    record = await send_transfer(context, flow)
    assert record is not None and trace.bugs == []
    http = [entry for entry in trace.entries if isinstance(entry, HTTPTransaction)]
    hellos = [entry.server_name for entry in trace.entries if isinstance(entry, TLSHandshake)]
    return record, http[-1], hellos[0] if hellos else ""


@pytest.mark.parametrize("followup", ["same_transfer_again", "small_segments_transfer"])
async def test_same_request_has_the_endpoints_name_and_costs_a_trigger(world: World, followup: FollowUp) -> None:
    async with world.box("127.0.2.1", [NAME], reply=PAGE) as box:
        record, http, hello = await transfer(world, box, followup, NAME)
        left = world.session.pace.triggers_left(NAME, box.ip, "tcp")
    assert (record.failure, record.trigger, left) == (None, True, 5)
    assert (hello, http.request.headers["Host"], http.request.url) == (NAME, f"{NAME}:{box.port}", url_of(box))
    assert http.response.x_body_length == 16000
    assert record.stream is not None and record.stream.segment_size is not None
    is_small = followup == "small_segments_transfer"
    assert (record.stream.segment_size <= SMALL_SEGMENT) == is_small


def url_of(box: Box) -> str:
    return f"https://{NAME}:{box.port}/path"


async def test_innocuous_name_is_in_the_hello_alone(world: World) -> None:
    async with world.box("127.0.2.1", reply=PAGE) as box:
        record, http, hello = await transfer(world, box, "innocuous_name_transfer", INNOCUOUS)
        left = world.session.pace.triggers_left(NAME, box.ip, "tcp")
    assert (record.failure, record.trigger, left) == (None, False, 6)
    assert (hello, record.sent_name, http.request.headers["Host"]) == (INNOCUOUS, INNOCUOUS, f"{NAME}:{box.port}")


@pytest.mark.parametrize(("length", "requests"), [(2 * COMPARED_BYTES, 1), (32000, 3), (10, MOST_REQUESTS)])
async def test_neutral_host_is_asked_until_enough_bytes_came(world: World, length: int, requests: int) -> None:
    """Ask only for the neutral host's own page, and often enough to pass the place of a stop."""
    heads: list[bytes] = []

    async def serve(tls: TLSPeer) -> None:
        while True:
            heads.append(await tls.read())
            await tls.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)

    async with serving(tls_with(world.forged, serve), "127.0.2.1") as server:
        box = Box("127.0.2.1", server.port)
        record, http, hello = await transfer(world, box, "neutral_host_transfer", NEUTRAL_NAME)
    assert (record.failure, record.trigger, hello) == (None, False, NEUTRAL_NAME)
    assert len(heads) == requests
    assert all(b"Host: neutral.example\r\n" in head and NAME.encode() not in head for head in heads)
    assert record.stream is not None and (record.stream.bytes_received >= COMPARED_BYTES or requests == MOST_REQUESTS)
    assert http.response.x_body_failure is None


async def test_clear_text_is_asked_without_tls(world: World) -> None:
    async def serve(peer: Peer) -> None:
        await peer.receive()
        await peer.send(PAGE)

    async with serving(serve, "127.0.2.1") as server:
        box = Box("127.0.2.1", server.port)
        url = f"http://{NAME}:{server.port}/"
        record, http, hello = await transfer(world, box, "same_transfer_again", NAME, url)
    assert (record.failure, hello, http.response.x_body_length) == (None, "", 30000)


async def test_system_without_small_segments_has_a_local_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send nothing where segments cannot be made small, since the same transfer would then look like one."""
    monkeypatch.delattr(socket, "TCP_MAXSEG")
    trace = Trace()
    async with world.box("127.0.2.1", [NAME], reply=PAGE) as box:
        endpoint = parse_endpoint(f"https://{NAME}:{box.port}/")
        context = FollowUpContext(FlowRunner(trace, world.session), world.roots, world.roots, "web", endpoint, 4)
        flow = PlannedFlow("row", "followup", box.ip, box.port, NAME, followup="small_segments_transfer", cost=1)
        record = await send_transfer(context, flow)
    assert record is not None and record.failure is not None and not record.trigger
    assert box.seen == []

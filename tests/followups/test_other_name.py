"""Test flows with an innocuous name: what counts as success, and how long they may take."""

import socket
from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.flow_context import FollowUpContext
from probe.followups.other_name import send_name
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.session import pacing
from probe.session.trace import Trace
from probe.targets.target import Endpoint, parse_endpoint
from tests.support.world import INNOCUOUS, World

NAME = "service.example"


async def send_innocuous(world: World, endpoint: Endpoint, ip: str, port: int) -> TransactionRecord | None:
    context = FollowUpContext(FlowRunner(Trace(), world.session), world.roots, world.roots, "web", endpoint, 4)
    return await send_name(context, PlannedFlow("innocuous", "innocuous", ip, port, INNOCUOUS))


@pytest.mark.parametrize(("behaviour", "passes"), [("serve", True), ("reset", False), ("garbage", False)])
async def test_innocuous_hello_succeeds_on_any_well_formed_record(world: World, behaviour: Any, passes: bool) -> None:
    """Accept a certificate for another name, but neither clear text nor a reset."""
    async with world.box("127.0.2.1", otherwise=behaviour) as box:
        endpoint = parse_endpoint(f"https://{NAME}:{box.port}/")
        record = await send_innocuous(world, endpoint, box.ip, box.port)
    assert record is not None and (record.failure is None) == passes
    assert record.sent_name == INNOCUOUS and not record.trigger and not record.in_residual


async def test_innocuous_quic_hello_has_a_short_timeout(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "INNOCUOUS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.2.1", 0))
        ip, port = deaf.getsockname()
        record = await send_innocuous(world, parse_endpoint(f"quic://{NAME}:{port}/"), ip, port)
    assert record is not None and record.failure == f.TIMEOUT
    assert record.t - record.t0 < 2.0  # TCP_FIRST, which others have, is 3.5

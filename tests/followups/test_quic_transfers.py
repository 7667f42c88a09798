"""Test what the transfers after a silent answer over QUIC send: which name, to which server, after which packets."""

from typing import Any

import pytest

from probe.followups.flow import FlowRunner
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.followups.transfers import MOST_REQUESTS, send_transfer
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.tls import QUICHandshake
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.session.trace import Trace
from probe.signatures.silent_streams import COMPARED_BYTES, PINGS
from probe.targets.target import parse_endpoint
from tests.steps.quic.test_http3 import GOOD
from tests.support.servers.quic import Http3Connection, listening, quic_server
from tests.support.world import INNOCUOUS, World

NAME, NEUTRAL_NAME, ADDRESS = "service.example", "neutral.example", "127.0.0.1"
COSTS = {"same_transfer_again": 1, "pings_before_transfer": 1}


class Answers:
    """Answer each request with a page of `length` bytes. `asked` holds the requests."""

    def __init__(self, length: int) -> None:
        self.length, self.asked = length, list[dict[str, str]]()

    def __call__(self, connection: Http3Connection, stream: int, asked: dict[str, str]) -> None:
        self.asked.append(asked)
        connection.http.send_headers(stream, [(b":status", b"200")])
        connection.http.send_data(stream, bytes(self.length), end_stream=True)


async def transfer(
    world: World, followup: FollowUp, name: str, answers: Answers
) -> tuple[TransactionRecord, HTTPTransaction, str, int]:
    """Carry out one follow-up. Return its record, its last HTTP entry, the name in the hello, and the triggers left."""
    trace = Trace()
    async with listening(quic_server(GOOD, answer=answers)) as (port, _):
        endpoint = parse_endpoint(f"quic://{NAME}:{port}/path")
        context = FollowUpContext(FlowRunner(trace, world.session), world.roots, world.roots, "web", endpoint, 4)
        about: dict[str, Any] = {"followup": followup, "cost": COSTS.get(followup, 0)}
        about["at_endpoint"] = followup != "neutral_host_transfer"
        record = await send_transfer(context, PlannedFlow("row", "followup", ADDRESS, port, name, **about))
    assert record is not None and trace.bugs == []
    http = [entry for entry in trace.entries if isinstance(entry, HTTPTransaction)]
    hellos = [entry.server_name for entry in trace.entries if isinstance(entry, QUICHandshake)]
    return record, http[-1], hellos[0], world.session.pace.triggers_left(NAME, ADDRESS, "udp")


@pytest.mark.parametrize("followup", COSTS)
async def test_same_request_has_the_endpoints_name_and_costs_a_trigger(world: World, followup: FollowUp) -> None:
    answers = Answers(30000)
    record, http, hello, left = await transfer(world, followup, NAME, answers)
    assert (record.failure, record.trigger, left, hello) == (None, True, 5, NAME)
    assert (answers.asked[0][":path"], answers.asked[0][":authority"].split(":")[0]) == ("/path", NAME)
    assert (len(answers.asked), http.response.x_body_length) == (1, 16000)
    assert record.stream is not None and record.stream.segments_out is not None
    assert (record.stream.segments_out > PINGS) == (followup == "pings_before_transfer")


async def test_innocuous_name_is_in_the_hello_alone(world: World) -> None:
    answers = Answers(30000)
    record, _, hello, left = await transfer(world, "innocuous_name_transfer", INNOCUOUS, answers)
    assert (record.failure, record.trigger, left) == (None, False, 6)
    assert (hello, record.sent_name, answers.asked[0][":authority"].split(":")[0]) == (INNOCUOUS, INNOCUOUS, NAME)


@pytest.mark.parametrize(("length", "requests"), [(2 * COMPARED_BYTES, 1), (32000, 3), (10, MOST_REQUESTS)])
async def test_neutral_host_is_asked_until_enough_bytes_came(world: World, length: int, requests: int) -> None:
    answers = Answers(length)
    record, http, hello, _ = await transfer(world, "neutral_host_transfer", NEUTRAL_NAME, answers)
    assert (record.failure, record.trigger, hello, http.response.x_body_failure) == (None, False, NEUTRAL_NAME, None)
    assert {asked[":authority"] for asked in answers.asked} == {NEUTRAL_NAME} and len(answers.asked) == requests
    assert record.stream is not None and (record.stream.bytes_received >= COMPARED_BYTES or requests == MOST_REQUESTS)

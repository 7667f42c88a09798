"""Test the hello with a published key: whom the probe asks for it, when it is sent, and what OONI's keys contain."""

import base64
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from probe.followups.ech_key import record_owner
from probe.formats import failures as f
from probe.lab.net.dns_packets import read_question, record_reply
from probe.lab.services.dns.ech_records import config_list, https_record
from probe.run.measure import Measured, measure
from probe.targets.target import Service, Target, parse_endpoint
from probe.wire.dns.dns_message import build_query
from probe.wire.tls.server_name import carries_ech
from tests.connectivity.one_endpoint import HERE, NAME, NEUTRAL, resolves
from tests.support.ooni.checker import problems
from tests.support.world import Behaviour, World

REJECTED = "unknown_failure: tls: server rejected ECH"


def target(port: int, nettest: str = "echcheck") -> Target:
    endpoint = parse_endpoint(f"https://{NAME}:{port}/cdn-cgi/trace", ooni=True)
    services = {"server": Service("server", "all", (endpoint,), ("pages",))}
    return Target("ech", nettest, "ECH", "here", date(2026, 11, 28), services, "00")


def publishes(world: World, port: int, public: str = NAME) -> None:
    """Let the encrypted resolver answer with a key for the endpoint."""
    owner = record_owner(NAME, port)
    question = read_question(build_query(owner, "HTTPS", 1))
    assert question is not None
    world.ech[owner] = record_reply(question, https_record(public))


async def measured(world: World, port: int, nettest: str = "echcheck") -> Measured:
    return await measure(target(port, nettest), world.session, roots=world.roots)


def followups(found: Measured) -> list[str]:
    return [t["followup"] for t in found.test_keys["x_transactions"] if t["followup"]]


def keyed(found: Measured) -> dict[str, Any]:
    (record,) = (t for t in found.test_keys["x_transactions"] if t["followup"] == "hello_with_ech_key")
    return dict(record)


def with_ech(hello: bytes) -> Behaviour | None:
    return "reset" if carries_ech(hello) else None


def test_record_stands_at_the_name_or_below_the_port() -> None:
    assert record_owner("a.example", 443) == "a.example"
    assert record_owner("a.example", 8443) == "_8443._https.a.example"  # RFC 9460 section 9.1


async def test_three_handshakes_with_one_address_are_in_oonis_keys(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        publishes(world, box.port)
        found = await measured(world, box.port)
    assert found.input == f"https://{NAME}:{box.port}/cdn-cgi/trace"
    keys = found.test_keys
    plain, grease, real = keys["tls_handshakes"]
    assert [plain["failure"], grease["failure"], real["failure"]] == [None, None, REJECTED]
    assert "echconfig" not in plain and grease["echconfig"] == "GREASE"
    assert real["echconfig"] == base64.b64encode(config_list(NAME)).decode()
    assert (real["outer_server_name"], real["x_ech_accepted"]) == (NAME, False)
    assert [one["ip"] for one in keys["tcp_connects"]] == [HERE] * 3
    assert [query["query_type"] for query in keys["queries"]] == ["A", "HTTPS"]
    assert followups(found) == ["browser_hello", "hello_with_ech_key"]


async def test_measurement_has_oonis_form(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        publishes(world, box.port)
        found = await measured(world, box.port)
    line: dict[str, Any] = {
        "test_name": "echcheck",
        "test_version": "0.3.0",
        "input": found.input,
        "test_keys": found.test_keys,
    }
    assert not [one for one in problems(line) if one.startswith(("echcheck", "3:", "rule 15"))]
    del line["test_keys"]["tcp_connects"]
    assert "3: test_keys lacks tcp_connects" in list(problems(line))


async def test_without_a_published_key_nothing_is_encrypted(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        found = await measured(world, box.port)
    assert keyed(found)["failure"] == "dns_no_answer" and not keyed(found)["trigger"]
    assert box.flows(NAME) == 2  # the own hello and a browser's
    assert len(found.test_keys["tls_handshakes"]) == 2 and found.test_keys["queries"][-1]["query_type"] == "HTTPS"


async def test_answer_without_a_key_sends_nothing(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        world.ech[record_owner(NAME, box.port)] = b"\0" * 12
        found = await measured(world, box.port)
    assert (keyed(found)["failure"], keyed(found)["steps"]) == (None, ["resolve"]) and box.flows(NAME) == 2


async def test_outer_hello_shows_the_public_name(world: World) -> None:
    async with world.box(HERE, [NAME, "public.example"]) as box:
        resolves(world, HERE)
        publishes(world, box.port, "public.example")
        found = await measured(world, box.port)
    assert box.flows("public.example") == 1 and found.test_keys["tls_handshakes"][-1]["server_name"] == NAME


async def test_key_costs_a_trigger_of_the_endpoint(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        publishes(world, box.port)
        found = await measured(world, box.port)
    spent = [t for t in found.test_keys["x_transactions"] if t["trigger"] and t["address"] == HERE]
    assert [t["followup"] or t["kind"] for t in spent] == ["first", "browser_hello", "hello_with_ech_key"]
    assert world.session.pace.triggers_left(NAME, HERE, "tcp") == 3


@pytest.mark.parametrize("change", ["no resolver", "no followups", "another nettest"])
async def test_no_key_is_used_where_it_is_not_wanted(world: World, change: str) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        publishes(world, box.port)
        if change == "no resolver":
            world.session.encrypted = None
        if change == "no followups":
            world.session.settings = replace(world.session.settings, followups=False)
        found = await measured(world, box.port, "endpoint_reachability" if change == "another nettest" else "echcheck")
    assert followups(found) == (["browser_hello"] if change == "no resolver" else [])
    assert f"_{box.port}._https.{NAME}" not in dict(world.lookups)


async def test_without_utls_the_key_is_a_local_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "utls", None)
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        publishes(world, box.port)
        found = await measured(world, box.port)
    assert keyed(found)["failure"] == f.NO_FINGERPRINT and box.flows(NAME) == 1
    assert [one.get("echconfig") for one in found.test_keys["tls_handshakes"]] == [None]


@pytest.mark.parametrize(("does", "more"), [(with_ech, True), (lambda hello: None, False)])
async def test_standard_run_compares_hellos_only_after_a_failure(
    world: World, does: Callable[[bytes], Behaviour | None], more: bool
) -> None:
    async with (
        world.box(HERE, [NAME], by_hello=does) as box,
        world.box(NEUTRAL, ["neutral.example"], by_hello=does) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        publishes(world, box.port)
        found = await measured(world, box.port)
    compared = {"browser_hello_without_ech", "neutral_browser_hello", "neutral_hello_with_ech"}
    assert (compared <= set(followups(found))) is more

"""Test the name in other hellos: where they are sent, in which order, and how often."""

import sys
from dataclasses import replace

import pytest

from probe.formats import failures as f
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.pacing import Pace
from probe.session.trace import Trace
from probe.wire.tls.server_name import carries_ech, read_hello
from tests.connectivity.one_endpoint import HERE, NAME, NEUTRAL, kinds, resolves, run, the
from tests.support.world import INNOCUOUS, Behaviour, World

OTHER_NEUTRAL = "127.0.1.10"
DEEP = ["browser_hello", "browser_hello_without_ech", "browser_hello", "harmless_browser_hello"]


def programs(hello: bytes) -> Behaviour | None:
    """Reset the name in any hello but a browser's."""
    seen = read_hello(hello)
    return "reset" if seen.name == NAME and not seen.greased else None


def browsers(hello: bytes) -> Behaviour | None:
    """Reset the name in a browser's hello."""
    seen = read_hello(hello)
    return "reset" if seen.name == NAME and seen.greased else None


def middling(hello: bytes) -> Behaviour | None:
    """Reset the name in hellos of a common length."""
    return "reset" if read_hello(hello).name == NAME and 400 < len(hello) < 1700 else None


def answers(hello: bytes) -> Behaviour | None:
    return "garbage" if read_hello(hello).name == NAME else None


def with_ech(hello: bytes) -> Behaviour | None:
    """Reset every hello with Encrypted ClientHello."""
    return "reset" if carries_ech(hello) else None


def name_with_ech(hello: bytes) -> Behaviour | None:
    """Reset the name in hellos with Encrypted ClientHello."""
    return "reset" if carries_ech(hello) and read_hello(hello).name == NAME else None


def engines(trace: Trace, kind: str) -> list[str]:
    ids = [record.transaction_id for record in trace.transactions if record.followup == kind]
    return [e.x_engine for e in trace.entries if isinstance(e, TLSHandshake) and e.transaction_id in ids]


async def test_hello_that_passes_at_another_neutral_host_is_sent_to_the_endpoint_and_the_own_hello_last(
    world: World,
) -> None:
    async with (
        world.box(HERE, [NAME], by_hello=programs) as box,
        world.box(NEUTRAL, ["neutral.example"], by_hello=programs) as first_neutral,
        world.box(OTHER_NEUTRAL, ["neutral.example"], by_hello=programs) as other,
    ):
        resolves(world, HERE)
        world.neutral(first_neutral)
        world.neutral(other)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert first_neutral.flows(NAME) == 1
    assert sorted(kinds(trace, address=OTHER_NEUTRAL)[-2:]) == ["browser_hello", "other_size_hello"]
    assert kinds(trace, address=HERE)[-2:] == ["browser_hello", "same_hello_again"]
    here = [record for record in trace.transactions if record.address == HERE and record.trigger]
    assert [record.failure for record in here] == [f.RESET, f.RESET, None, f.RESET]
    assert box.flows(NAME) == 4
    assert engines(trace, "browser_hello")[0].startswith("utls ") and engines(trace, "same_hello_again") == ["openssl"]
    assert {r.cause for r in here[2:]} == {the(trace, "first").transaction_id}


async def test_hello_of_another_length_passes(world: World) -> None:
    async with world.box(HERE, [NAME], by_hello=middling) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace)[-3:] == ["browser_hello", "other_size_hello", "same_hello_again"]
    assert [record.failure for record in trace.transactions[-3:]] == [None, None, f.RESET]


@pytest.mark.parametrize(("depth", "sent"), [("standard", 1), ("deep", 2)])
async def test_name_that_fails_in_every_hello_costs_the_endpoint_one_more(world: World, depth: str, sent: int) -> None:
    async with world.box(HERE, [NAME], names={NAME: "reset"}) as box:
        resolves(world, HERE)
        world.session.settings = replace(world.session.settings, depth=depth)  # type: ignore[arg-type]
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace)[-sent:] == ["browser_hello", "other_size_hello"][:sent]
    assert box.flows(NAME) == 2 + sent


async def test_without_utls_the_other_length_is_tried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "utls", None)
    async with world.box(HERE, [NAME], by_hello=middling) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    browser = the(trace, "browser_hello")
    assert (browser.failure, browser.trigger, browser.steps) == (f.NO_FINGERPRINT, False, [])
    assert kinds(trace)[-2:] == ["other_size_hello", "same_hello_again"]
    assert box.flows(NAME) == 4 and trace.bugs == []


async def test_browsers_hello_is_sent_only_to_https(world: World) -> None:
    async with world.box(HERE, [NAME], by_hello=middling) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"tls://{NAME}:{box.port}"))
    assert kinds(trace)[-2:] == ["other_size_hello", "same_hello_again"]


async def test_answer_of_the_server_needs_no_other_hello(world: World) -> None:
    async with world.box(HERE, [NAME], by_hello=answers) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert the(trace, "first").failure == f.NOT_TLS
    assert not {"browser_hello", "other_size_hello"} & set(kinds(trace))


@pytest.mark.parametrize(("depth", "sent"), [("standard", 0), ("deep", 4)])
async def test_deep_run_sends_the_browsers_hello_after_a_success(world: World, depth: str, sent: int) -> None:
    async with world.box(HERE, [NAME], by_hello=browsers) as box:
        resolves(world, HERE)
        world.session.settings = replace(world.session.settings, depth=depth)  # type: ignore[arg-type]
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace)[2:] == DEEP[:sent]
    of_browsers = [(r.failure, r.trigger) for r in trace.transactions if r.followup]
    assert of_browsers == [(f.RESET, True), (f.RESET, True), (f.RESET, True), (None, False)][:sent]
    assert box.flows(INNOCUOUS) == 1 + bool(sent)


async def test_browsers_hello_that_passes_is_sent_once(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        resolves(world, HERE)
        world.session.settings = replace(world.session.settings, depth="deep")
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == ["innocuous", "first", "browser_hello"]
    assert the(trace, "browser_hello").failure is None


async def test_reset_of_every_hello_with_ech_is_compared_at_a_neutral_host_without_a_trigger(world: World) -> None:
    async with (
        world.box(HERE, [NAME], by_hello=with_ech) as box,
        world.box(NEUTRAL, ["neutral.example"], by_hello=with_ech) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        world.session.settings = replace(world.session.settings, depth="deep")
        world.session.pace = Pace(deep=True)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/", f"https://{NAME}:{box.port}/other"))
    first = [record for record in trace.transactions if record.endpoint.endswith("/") and record.followup]
    assert [r.followup for r in first if r.address == HERE] == DEEP
    assert [r.failure for r in first if r.address == HERE] == [f.RESET, None, f.RESET, f.RESET]
    there = [record for record in trace.transactions if record.address == NEUTRAL]
    assert [(r.followup, r.failure, r.trigger) for r in there] == [
        ("neutral_browser_hello", f.RESET, False),
        ("neutral_browser_hello_without_ech", None, False),
        ("neutral_hello_with_ech", f.RESET, False),
    ]  # once for both endpoints
    assert (neutral.flows(NAME), neutral.flows("neutral.example")) == (0, 3)
    assert box.flows(NAME) == 8  # of two endpoints: our hello, two browser's with ECH, one without
    assert engines(trace, "neutral_hello_with_ech") == ["openssl, with ECH"]


async def test_name_that_is_reset_with_ech_only_costs_two_triggers_at_a_neutral_host(world: World) -> None:
    async with (
        world.box(HERE, [NAME], by_hello=name_with_ech) as box,
        world.box(NEUTRAL, ["neutral.example"], by_hello=name_with_ech) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        world.session.settings = replace(world.session.settings, depth="deep")
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace, address=HERE)[2:] == DEEP
    there = [record for record in trace.transactions if record.address == NEUTRAL]
    assert [(r.followup, r.failure, r.trigger) for r in there] == [
        ("hello_with_ech_neutral_host", f.RESET, True),
        ("same_name_neutral_host", None, True),
    ]
    assert (box.flows(NAME), neutral.flows(NAME)) == (4, 2)


async def test_server_that_refuses_ech_leaves_the_neutral_host_with_one_hello(world: World) -> None:
    async with (
        world.box(HERE, [NAME], by_hello=with_ech) as box,
        world.box(NEUTRAL, ["neutral.example"]) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        world.session.settings = replace(world.session.settings, depth="deep")
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace, address=NEUTRAL) == ["neutral_browser_hello"]
    assert the(trace, "neutral_browser_hello").failure is None

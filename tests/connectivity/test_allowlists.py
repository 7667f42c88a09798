"""Test the follow-ups for names and protocols that are on no list, and for pages in clear text."""

import pytest

from probe.connectivity import cool_down
from probe.formats import failures as f
from probe.session import pacing
from probe.signatures.connection_rates import REST
from tests.connectivity.one_endpoint import HERE, NAME, NEUTRAL, kinds, resolves, run, the
from tests.support.world import INNOCUOUS, World

NONEXISTENT, NEUTRALS = "none.invalid", "neutral.example"
OTHER_NEUTRAL = "127.0.1.10"


async def test_innocuous_name_is_the_last_one_sent_to_the_endpoint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cool_down, "MARGIN", 0.1 - REST)
    async with world.box(HERE, [NAME], names={NAME: "reset", NONEXISTENT: "reset"}) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    sent = [record.sent_name for record in trace.transactions if record.endpoint]
    assert sent[:5] == [INNOCUOUS, NAME, NAME, NONEXISTENT, INNOCUOUS]
    # The name is sent again after a rest. Of what follows failures only a success counts.
    assert kinds(trace)[5:] == ["confirm", "browser_hello"]
    nonexistent = the(trace, "nonexistent_name_same_address")
    assert (nonexistent.failure, nonexistent.in_residual, nonexistent.trigger) == (f.RESET, True, False)
    assert nonexistent.cause == the(trace, "first").transaction_id


@pytest.mark.parametrize(
    ("cut_off", "trusted", "sent"),
    [
        (True, False, ["first", "other_name_same_address"]),
        (False, False, ["first"]),
        (True, True, ["innocuous", "first", "other_name_same_address"]),
    ],
)
async def test_innocuous_name_is_sent_beside_a_working_one_where_neutral_hosts_are_cut_off(
    world: World, cut_off: bool, trusted: bool, sent: list[str]
) -> None:
    world.session.neutral_cut_off = cut_off
    async with world.box(HERE, [NAME], names={INNOCUOUS: "reset"}) as box:
        resolves(world, HERE, trusted=(HERE,) if trusted else ())
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace) == sent
    innocuous = [record for record in trace.transactions if record.sent_name == INNOCUOUS]
    assert [(record.failure, record.trigger) for record in innocuous] == [(f.RESET, False)] * (len(sent) - 1)


async def test_bad_certificate_needs_no_nonexistent_name(world: World) -> None:
    async with world.box(HERE) as box:
        resolves(world, HERE)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert "nonexistent_name_same_address" not in kinds(trace)


async def test_neutral_hosts_own_name_is_sent_last_where_every_name_fails(world: World) -> None:
    """Use another neutral host than for the target's name, outside its residual window."""
    resets = {NAME: "reset", NONEXISTENT: "reset", INNOCUOUS: "reset"}
    async with (
        world.box(HERE, [NAME], names=resets) as box,
        world.box(NEUTRAL, [NEUTRALS], names=resets) as first_neutral,
        world.box(OTHER_NEUTRAL, [NEUTRALS], names=resets) as other,
    ):
        resolves(world, HERE)
        world.neutral(first_neutral)
        world.neutral(other)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert [seen for seen in first_neutral.seen if seen.startswith("hello")] == [f"hello {NAME}"]
    sent = [seen for seen in other.seen if seen.startswith("hello")]
    assert sent == [f"hello {NONEXISTENT}", f"hello {NEUTRALS}", *2 * [f"hello {NAME}"]]  # in other hellos, at the end
    assert the(trace, "nonexistent_name_neutral_host").failure == f.RESET
    own = the(trace, "neutral_name_neutral_host")
    assert (own.failure, own.in_residual, own.trigger) == (None, False, False)


async def test_name_that_passes_at_the_neutral_host_is_the_only_one_there(world: World) -> None:
    async with (
        world.box(HERE, [NAME], names={NAME: "reset"}) as box,
        world.box(NEUTRAL, [NEUTRALS]) as neutral,
    ):
        resolves(world, HERE)
        world.neutral(neutral)
        trace = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert kinds(trace, address=NEUTRAL) == ["same_name_neutral_host"]


async def test_page_in_clear_text_is_requested_from_a_neutral_host_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.box(HERE, [NAME]) as box, world.box(NEUTRAL, [NEUTRALS], port=box.port) as neutral:
        resolves(world, HERE)
        world.neutral(neutral)
        target = world.target(f"http://{NAME}:{box.port}/")
        assert kinds(await run(world, target)) == ["innocuous", "first"]  # neutral web servers have no such port
        monkeypatch.setattr("probe.connectivity.policy.followup_conditions.HTTP_PORT", box.port)
        trace = await run(world, target)
    assert kinds(trace) == ["innocuous", "first", "same_name_neutral_host"]
    asked = the(trace, "same_name_neutral_host")
    assert (asked.address, asked.sent_name, asked.failure, asked.trigger) == (NEUTRAL, NAME, None, True)


async def test_random_bytes_are_sent_once_to_a_neutral_host_at_the_same_port(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "TLS_FIRST", 0.4)
    monkeypatch.setattr(pacing, "CONFIRM", 0.5)
    async with (
        world.box(HERE, otherwise="silent") as box,
        world.box(NEUTRAL, [NEUTRALS], port=box.port, otherwise="close") as neutral,
    ):
        world.neutral(neutral)
        trace = await run(world, world.target(f"mtproto://{HERE}:{box.port}"))
    assert kinds(trace) == ["first", "confirm", "random_bytes_neutral_host"]
    sent = the(trace, "random_bytes_neutral_host")
    assert (sent.address, sent.port, sent.failure, sent.trigger, sent.sent_name) == (
        NEUTRAL,
        neutral.port,
        None,
        False,
        "",
    )


@pytest.mark.parametrize("others", [0, 1])
async def test_random_bytes_are_sent_outside_a_residual_window_or_marked(
    world: World, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setattr(pacing, "TLS_FIRST", 0.4)
    monkeypatch.setattr(pacing, "CONFIRM", 0.5)
    async with (
        world.box(HERE, otherwise="silent") as box,
        world.box(NEUTRAL, [NEUTRALS], port=box.port, otherwise="close") as first_neutral,
        world.box(OTHER_NEUTRAL, [NEUTRALS], port=box.port, otherwise="close") as other,
    ):
        for neutral in [other, first_neutral][1 - others :]:
            world.neutral(neutral)
        world.session.pace.spend_trigger("named.example", NEUTRAL, "tcp", first_neutral.port)
        trace = await run(world, world.target(f"mtproto://{HERE}:{box.port}"))
    sent = the(trace, "random_bytes_neutral_host")
    assert (sent.address, sent.in_residual) == ((OTHER_NEUTRAL, False) if others else (NEUTRAL, True))


async def test_random_bytes_are_not_sent_without_a_neutral_host_at_the_port(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "TLS_FIRST", 0.4)
    monkeypatch.setattr(pacing, "CONFIRM", 0.5)
    async with world.box(HERE, otherwise="silent") as box, world.box(NEUTRAL, [NEUTRALS]) as neutral:
        world.neutral(neutral)
        trace = await run(world, world.target(f"mtproto://{HERE}:{box.port}"))
    assert kinds(trace) == ["first", "confirm"] and neutral.seen == []

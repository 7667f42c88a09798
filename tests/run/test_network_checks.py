"""Test when the network is checked again, and what is written of it."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from probe.formats.facts import NetworkCheck
from probe.run.network import network_checks as checking
from probe.run.network.network_checks import LOST_CHECKS, NetworkChecks
from probe.run.network.preflight import preflight
from probe.session.pacing import LOOKUPS_SIDE_BY_SIDE
from tests.run.test_preflight import HERE, HOST, neutral_at, reply
from tests.run.test_preflight import world as world
from tests.support.world import Behaviour, World, hello_name

SHARED = 5  # flows that begin together


async def started(world: World) -> NetworkChecks:
    await preflight(world.session, world.roots)
    checks = NetworkChecks(world.session, world.roots)
    world.session.watch = checks
    checks.start()
    return checks


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "GAP", 0.2)


@pytest.mark.usefixtures("quick")
async def test_flows_that_begin_together_share_the_next_check(world: World) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
        zero = time.monotonic()
        for _ in range(SHARED):
            checks.beside()
        await checks.settle(5.0)
        checks.beside()
        await checks.settle(5.0)
        written = checks.since(zero)
        await checks.close()
    assert len(written) == 2 and written[1]["began"] >= written[0]["began"] + 0.2
    for check in written:
        assert NetworkCheck.model_validate(check).portal is None
        (host,) = check["neutral"]
        assert (host["address"], host["failure"]) == (HERE, None)
    assert world.session.bugs == [] and world.session.pace.triggers == 0


@pytest.mark.usefixtures("quick")
async def test_host_that_went_down_is_written(world: World) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
    checks.beside()
    await checks.settle(5.0)
    (check,) = checks.since(time.monotonic())
    await checks.close()
    (host,) = check["neutral"]
    assert (host["failure"], host["failed_operation"]) == ("connection_refused", "connect")
    assert check["began"] < 0  # it began before the measurement that it is written into


@pytest.mark.usefixtures("quick")
async def test_check_meets_the_network_of_its_time_though_lookups_and_flows_wait(world: World) -> None:
    """Show an outage in which each lookup waits for its time limit. The check reaches the hosts at once."""
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box, AsyncExitStack() as held:
        neutral_at(world, box)
        checks = await started(world)
        pace = world.session.pace
        for _ in range(LOOKUPS_SIDE_BY_SIDE):
            await held.enter_async_context(pace.lookup_slot())
        before = box.flows(HOST)
        checks.beside()
        async with asyncio.timeout(60.0):
            while box.flows(HOST) == before:
                await asyncio.sleep(0.01)
        await held.aclose()
        await checks.settle(5.0)
        (check,) = checks.since(0.0)
        await checks.close()
    assert [host["failure"] for host in check["neutral"]] == [None]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("behaviour", "lost"), [("silent", True), ("serve", False)])
async def test_network_is_lost_after_some_checks_without_a_handshake(
    world: World, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, lost: bool
) -> None:
    monkeypatch.setattr(world.session.pace, "tls_timeout", lambda **_: 0.2)
    names = ["neutral.example", "second.example"]
    async with world.box(HERE, names, reply=reply(datetime.now(UTC)), names=dict.fromkeys(names, behaviour)) as box:
        endpoint = neutral_at(world, box)
        hosts = tuple(replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names)
        world.session.neutral = replace(world.session.neutral, endpoints=hosts)
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        zero, answers = time.monotonic(), []
        for _ in range(LOST_CHECKS):
            answers.append(checks.lost_since(zero, 4))
            checks.beside()
            await checks.settle(5.0)
        found = checks.lost_since(zero, 4), checks.lost_since(time.monotonic(), 4), checks.lost_since(zero, 6)
        await checks.close()
    assert answers == [False] * LOST_CHECKS
    assert found == (lost, False, False)


@pytest.mark.usefixtures("quick")
async def test_other_hosts_are_asked_for_their_proof_if_one_gives_none(world: World) -> None:
    names = ["neutral.example", "second.example"]
    async with world.box(HERE, names, reply=reply(datetime.now(UTC)), names={names[1]: "reset"}) as box:
        endpoint = neutral_at(world, box)
        hosts = tuple(replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names)
        world.session.neutral = replace(world.session.neutral, endpoints=hosts)
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        checks.beside()
        await checks.settle(5.0)
        (check,) = checks.since(0.0)
        await checks.close()
    proofs = {host["endpoint"]: host["failure"] for host in check["neutral"] if "connect_only" not in host}
    assert proofs == {hosts[0].url: None, hosts[1].url: "connection_reset"}


@pytest.mark.usefixtures("quick")
async def test_name_that_leads_elsewhere_since_the_preflight_is_a_portal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "NAMES_EVERY", 0.0)
    names = ["neutral.example", "second.example", "third.example"]
    async with world.box(HERE, names, reply=reply(datetime.now(UTC))) as box:
        endpoint = neutral_at(world, box)
        hosts = tuple(replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names)
        world.session.neutral = replace(world.session.neutral, endpoints=hosts)
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        checks.beside()
        await checks.settle(5.0)
        world.system |= {name: ["127.0.5.99"] for name in names}
        checks.beside()
        await checks.settle(5.0)
        before, after = checks.since(0.0)
        await checks.close()
    assert (before["portal"], after["portal"]) == (None, "dns")
    assert all(host["failure"] is None for host in after["neutral"])  # flows to known addresses pass
    proofs = [[host["endpoint"] for host in one["neutral"] if "connect_only" not in host] for one in (before, after)]
    assert [len(found) for found in proofs] == [1, 1] and proofs[0] != proofs[1]  # they take turns


@pytest.mark.usefixtures("quick")
async def test_host_that_got_another_name_shows_its_certificate(world: World) -> None:
    names = ["neutral.example", "second.example", "third.example"]
    async with world.box(HERE, names, reply=reply(datetime.now(UTC))) as box:
        endpoint = neutral_at(world, box)
        hosts = tuple(replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names)
        world.session.neutral = replace(world.session.neutral, endpoints=hosts)
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        checks.beside(HERE)
        await checks.settle(5.0)
        (check,) = checks.since(0.0)
        await checks.close()
    assert [host["failure"] for host in check["neutral"] if "connect_only" not in host] == [None] * 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("resets", [True, False])
async def test_further_hosts_show_their_certificates_once_if_a_neutral_host_is_cut_off(
    world: World, resets: bool
) -> None:
    names = ["neutral.example", "further.example"]
    async with world.box(
        HERE, names, reply=reply(datetime.now(UTC)), names={names[0]: "reset"} if resets else {}
    ) as box:
        endpoint = neutral_at(world, box)
        hosts = [replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names]
        world.session.neutral = replace(
            world.session.neutral, endpoints=tuple(hosts[:1]), reachability=tuple(hosts[1:])
        )
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        for _ in range(2):
            checks.beside()
            await checks.settle(5.0)
        written = checks.since(0.0)
        await checks.close()
    assert world.session.neutral_cut_off is resets
    further = [host for check in written for host in check["neutral"] if host["endpoint"] == hosts[1].url]
    assert [host.get("connect_only") for host in further] == ([None, True] if resets else [True, True])
    assert {host["failure"] for host in further} == {None}


@pytest.mark.usefixtures("quick")
async def test_network_is_checked_once_a_minute_without_a_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "AT_LEAST", 0.5)
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
        await asyncio.sleep(2.0)
        written = checks.since(0.0)
        await checks.close()
    assert len(written) >= 2


@pytest.mark.usefixtures("quick")
async def test_nothing_is_checked_once_the_run_is_stopping(world: World) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
        world.session.stopping.set()
        checks.beside()
        await checks.settle(1.0)
        assert checks.since(0.0) == []
        await checks.close()


async def test_old_preflight_is_repeated_and_a_recent_one_is_not(world: World) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
        world.session.preflight["helpers"] = ["connection_refused"]
        first: Any = world.session.preflight
        await checks.renew_preflight()
        assert world.session.preflight is first
        assert world.session.preflight_began is not None
        world.session.preflight_began -= checking.RENEWED_AFTER
        await checks.renew_preflight()
        assert world.session.preflight is not first
        assert world.session.preflight["helpers"] == ["connection_refused"]
        await checks.close()


@pytest.mark.usefixtures("quick")
async def test_host_that_was_reset_is_asked_again_in_each_check_until_it_passes(world: World) -> None:
    names, left = ["neutral.example", "second.example"], ["neutral.example"]

    def reset_once(hello: bytes) -> Behaviour | None:
        if hello_name(hello) not in left:
            return None
        left.clear()
        return "reset"

    async with world.box(HERE, names, reply=reply(datetime.now(UTC)), by_hello=reset_once) as box:
        endpoint = neutral_at(world, box)
        hosts = tuple(replace(endpoint, host=name, url=f"https://{name}:{box.port}/") for name in names)
        world.session.neutral = replace(world.session.neutral, endpoints=hosts)
        world.system |= {name: [HERE] for name in names}
        checks = await started(world)
        assert not left and world.session.innocuous_resets.to_repeat() == {"neutral.example"}
        for _ in range(2):
            checks.beside()
            await checks.settle(5.0)
        proofs = [
            [host["endpoint"] for host in one["neutral"] if "connect_only" not in host] for one in checks.since(0.0)
        ]
        await checks.close()
    assert [len(one) for one in proofs] == [2, 1]
    found = world.session.innocuous_resets.counted()
    assert found is not None and (found.resets, found.networks, found.owners) == (1, 1, 1)


@pytest.mark.usefixtures("quick")
async def test_another_network_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.box(HERE, [HOST], reply=reply(datetime.now(UTC))) as box:
        neutral_at(world, box)
        checks = await started(world)
        monkeypatch.setattr(checks, "_changes", SimpleNamespace(look=lambda: ["network"]))
        checks.beside()
        await checks.settle(5.0)
        (check,) = checks.since(time.monotonic())
        await checks.close()
    assert NetworkCheck.model_validate(check).changes == ["network"]

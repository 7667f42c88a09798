"""Test that a run ends in order at its time limit, and that the limit accuses nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from probe.analysis.rules.services import OUT_OF_TIME
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats import failures as f
from probe.run import time_budget
from probe.run.measure import measure
from probe.run.measurement_keys import Measured
from probe.run.time_budget import STANDARD_SECONDS, TimeBudget
from probe.session.session import RunSettings, Session
from probe.targets.target import Target
from probe.targets.url_lists import web_target
from tests.support.world import Box, World

NAME, HERE = "service.example", "127.0.3.5"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limit to a second, with the same order of its parts."""
    for name, seconds in (("STANDARD_SECONDS", 1.0), ("LAST_START", 0.6), ("LAST_STEP", 0.2)):
        monkeypatch.setattr(time_budget, name, seconds)


def budget(session: Session, *targets: Target, repeat: int = 1, told: list[str] | None = None) -> TimeBudget:
    return TimeBudget(session, targets, repeat, (told if told is not None else []).append)


def test_only_standard_runs_over_target_files_are_limited(world: World) -> None:
    session, target = world.session, world.target("tcp://192.0.2.1:443")
    assert budget(session, target).seconds == STANDARD_SECONDS == 120
    assert budget(session, target, repeat=3).seconds == 3 * STANDARD_SECONDS
    assert budget(session, target, web_target("https://a.example:443/")).seconds is None
    for settings in (RunSettings(depth="deep"), RunSettings(max_time=500.0)):
        assert budget(replace(session, settings=settings), target).seconds is None


async def test_run_without_limit_gives_up_no_step(world: World) -> None:
    session = replace(world.session, settings=RunSettings(depth="deep"))
    budget(session).begin()
    assert session.steps_end_at is None and session.seconds_left() is None


async def test_signal_before_the_limit_stays_the_reason(world: World, short: None) -> None:
    told = list[str]()
    limit = budget(world.session, told=told)
    limit.begin()
    world.session.stopping.set()
    await asyncio.sleep(0.6)
    assert not limit.spent and told == []


async def test_run_that_ended_has_no_limit_any_more(world: World, short: None) -> None:
    limit = budget(world.session)
    limit.begin()
    limit.cancel()
    await asyncio.sleep(0.6)
    assert not limit.spent and not world.session.stopping.is_set()


# -- steps under way ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def measured_until_the_limit(world: World, **how: Any) -> AsyncIterator[tuple[Measured, Box, float]]:
    """Measure an endpoint that the helper reaches, and yield the measurement after the time limit."""
    world.system[NAME], world.encrypted = [HERE], {NAME: [HERE]}
    limit = budget(world.session)

    async def ask(addresses: Any, offered: Any, fresh: Any = ()) -> dict[str, Any]:
        return {"failure": None, "preflight": {"ipv4": True}, "test_keys": works_there(target)}

    async with world.box(HERE, [NAME], **how) as box:
        target = world.target(f"https://{NAME}:{box.port}/")
        began = time.monotonic()
        limit.begin()
        done = await asyncio.wait_for(measure(target, world.session, ask_control=ask, roots=world.roots), 10)
        yield done, box, time.monotonic() - began


def works_there(target: Target) -> dict[str, Any]:
    """Return what a helper writes that reached the target's endpoint."""
    (url,) = (endpoint.url for _, endpoint in target.endpoints())
    port = int(url.rpartition(":")[2].strip("/"))
    here = {"transaction_id": 1, "failure": None, "t0": 0.1, "t": 0.2}
    record = here | {"kind": "first", "service": "web", "endpoint": url, "address": HERE, "port": port, "family": 4}
    tcp = here | {"ip": HERE, "port": port, "status": {"success": True, "failure": None}}
    tls = here | {"server_name": NAME, "x_verified_name": NAME, "x_completed": True, "x_answered": True}
    http = here | {"request": {"url": url, "headers": {"Host": NAME}}, "response": {"code": 200, "x_body_length": 0}}
    lists = {"tcp_connect": [tcp], "tls_handshakes": [tls], "requests": [http]}
    return {"x_transactions": [record | {"age": 0.0, "steps": ["connect", "tls_handshake"]}], "x_endpoints": lists}


def judged(done: Measured) -> dict[str, Any]:
    (record,) = judge_measurement({"test_keys": done.test_keys}, file="a.jsonl", number=1)
    return record


async def test_handshake_under_way_at_the_limit_is_not_tested(world: World, short: None) -> None:
    silent = measured_until_the_limit(world, names={NAME: "silent"})
    async with silent as (done, box, seconds):
        keys, record = done.test_keys, judged(done)
        assert box.flows(NAME) == 1 and seconds < 4.5
    (own,) = [each for each in keys["x_transactions"] if each["kind"] == "first"]
    assert (own["steps"], own["failure"]) == (["connect"], f.INTERRUPTED)
    assert keys["x_run"]["interrupted"] is True and keys["x_run"]["out_of_time"] is True
    assert (record["state"], record["rule_id"], record["mechanisms"]) == ("insufficient", OUT_OF_TIME, [])
    assert record["failures"] == 0 and done.bugs == []


async def test_what_ended_before_the_limit_counts(world: World, short: None) -> None:
    async with measured_until_the_limit(world) as (done, _, _):
        assert judged(done)["state"] == "ok" and done.test_keys["x_run"]["out_of_time"] is False


async def test_failure_before_the_limit_without_confirmation_accuses_nothing(
    world: World, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test a reset by name whose confirmation could not start any more."""
    monkeypatch.setattr("probe.connectivity.attempt.PAUSE_SECONDS", (0.7, 0.8))
    reset = measured_until_the_limit(world, names={NAME: "reset"})
    async with reset as (done, box, _):
        assert box.flows(NAME) == 1
        assert judged(done)["state"] == "insufficient"


# -- the estimate ------------------------------------------------------------------------------------------------------


def line(world: World, round_trip: float, *, waits: float = 0.0, received: int = 0) -> Session:
    """Return the session after a preflight of eight connects and answers."""
    for _ in range(8):
        world.session.pace.saw_round_trip(round_trip)
        world.session.pace.saw_wait(waits)
    world.session.pace.received(received)
    return world.session


def many(world: World) -> list[Target]:
    return [world.target(*(f"https://h{n}.example:443/" for n in range(80)))]


async def test_fast_network_takes_the_shortest_time(world: World) -> None:
    assert budget(line(world, 0.02), *many(world)).expected() == pytest.approx(time_budget.SHORTEST, abs=0.5)


async def test_time_grows_with_the_round_trip(world: World) -> None:
    near = budget(line(world, 0.2), *many(world)).expected()
    far = budget(line(world, 0.8), *many(world)).expected()  # the latest eight count
    assert time_budget.SHORTEST < near < far < 30


async def test_crowded_line_takes_the_time_of_its_bytes(world: World) -> None:
    session = line(world, 0.02, waits=0.2, received=30_000)  # in half a second at most
    seconds = budget(session, *many(world)).expected()
    assert seconds - time_budget.SHORTEST == pytest.approx(80 * (3 * 14_000 + 1_800) / 60_000, rel=0.1)
    assert budget(session, *many(world), repeat=2).expected() == pytest.approx(2 * seconds)


async def test_idle_line_is_not_taken_for_a_slow_one(world: World) -> None:
    """Test that few bytes in the preflight say nothing if no answer lay in a queue."""
    assert budget(line(world, 0.02, received=5_000), *many(world)).expected() < time_budget.SHORTEST + 1

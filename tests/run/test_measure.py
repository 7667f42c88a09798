"""Test that the test keys of a measurement are complete and suffice for its verdict."""

import asyncio
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.connectivity.endpoint import Reach
from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSResponse
from probe.formats.keys import LISTS, Lists
from probe.formats.transactions import TransactionRecord
from probe.platforms import abilities
from probe.run import fresh_control, sparing_control
from probe.run import measure as measuring
from probe.run.measure import measure, measured_nothing
from probe.run.measurement_keys import Measured
from probe.session.innocuous_resets import InnocuousName
from probe.targets.target import Target
from tests.support.world import World

NAME, HERE, THERE = "service.example", "127.0.3.1", "127.0.3.2"
ALWAYS = {
    *("agent", "failed_operation", "failure", "socksproxy", "network_events"),
    *("queries", "tcp_connect", "tls_handshakes", "requests"),
    *("x_endpoints", "x_followups", "x_transactions", "x_control", "x_packets"),
    *("x_target", "x_run", "x_bugs", "x_revision"),
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    made.install(monkeypatch)
    made.system[NAME] = [HERE]
    made.encrypted = {NAME: [HERE]}
    return made


async def run(world: World, target: Target, **how: Any) -> Measured:
    done = await asyncio.wait_for(measure(target, world.session, roots=world.roots, **how), 20)
    assert json.loads(json.dumps(done.test_keys)) == done.test_keys
    assert set(done.test_keys) >= ALWAYS
    return done


async def test_measurement_has_all_keys_for_its_verdict(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/", ooni=True, nettest="telegram"))
    keys = done.test_keys
    assert (done.test_name, done.test_version, done.input, done.bugs) == ("telegram", "0.3.1", None, [])
    assert keys["telegram_web_status"] == "ok" and keys["telegram_tcp_blocking"] is True  # no data centre was tried
    assert [request["request"]["url"] for request in keys["requests"]] == [f"https://{NAME}:{box.port}/"]
    assert len(keys["queries"]) == 1 and len(keys["x_endpoints"]["queries"]) == 2
    assert set(keys["x_endpoints"]) == set(keys["x_followups"]) == set(LISTS) - Lists.OMITTED
    assert keys["x_target"] == {
        "name": "test",
        "digest": "00",
        "reviewed": "2026-01-01",
        "retired": None,
        "successor": None,
        "title": "Test",
        "nettest": "telegram",
        "services": {"web": {"works_if": "all", "endpoints": [f"https://{NAME}:{box.port}/"]}},
    }
    about = keys["x_run"]
    assert about["families"] == {"ipv4": True, "ipv6": False} and about["run_id"] == "test"
    assert (
        about["triggers"] == 4
        and not about["interrupted"]
        and re.fullmatch(r"(Open|Libre)SSL [\w.+-]+", about["openssl"])
    )
    assert about["tcp_timestamps"] == (Path("/proc/sys/net/ipv4/tcp_timestamps").read_text().strip() != "0")
    assert about["client_hello_length"] > 100 and about["bytes_sent"] > 100
    known = {record["transaction_id"] for record in keys["x_transactions"]}
    for place in (keys, keys["x_endpoints"], keys["x_followups"]):
        for name in LISTS:
            assert {entry["transaction_id"] for entry in place.get(name, [])} <= known


async def test_a_run_looks_once_at_what_the_system_lets_it_see(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the raw sockets. To close one, the kernel stops this process for 10 ms or more."""
    looks = list[bool]()
    monkeypatch.setattr(abilities, "may_capture", lambda: looks.append(True) or len(looks) == 1)
    target, session = world.target(), world.session
    session.stopping.set()
    first, second = await run(world, target), await run(world, target)
    assert looks == [True]
    assert first.test_keys["x_run"]["abilities"] == second.test_keys["x_run"]["abilities"]
    assert first.test_keys["x_run"]["abilities"]["raw_packets"] is True


async def test_innocuous_names_that_were_reset_once_are_written(world: World) -> None:
    counts = world.session.innocuous_resets
    for number, failure in enumerate((f.RESET, None)):
        record = TransactionRecord(transaction_id=number, kind="innocuous", failure=failure)
        counts.note(InnocuousName(HERE, 443, "innocuous.example", "test"), record, [], named=False)
    done = await run(world, world.target(f"https://{NAME}:443/"))
    found = done.test_keys["x_run"]["innocuous_resets"]
    assert found == {"flows": 2, "resets": 1, "networks": 1, "owners": 1}


async def test_answers_have_their_as_number(world: World) -> None:
    world.session.asn_of = lambda ip: 64511 if ip == HERE else 0
    world.responses = [DNSResponse(t=0.1, answers=[DNSAnswer(answer_type="A", ipv4=ip)]) for ip in (HERE, THERE)]
    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    queries = [*done.test_keys["queries"], *done.test_keys["x_endpoints"]["queries"]]
    assert {answer["asn"] for query in queries for answer in query["answers"]} == {64511}
    (responses,) = [query["x_responses"] for query in queries if query.get("x_responses")]
    assert [answer.get("asn") for response in responses for answer in response["answers"]] == [64511, None]


async def test_missing_network_gives_no_attempts_and_no_delay(world: World) -> None:
    world.session.preflight = {"network": False, "udp": False}
    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/", f"tcp://{HERE}:{box.port}"))
        assert box.seen == []
    assert done.test_keys["x_transactions"] == [] and world.lookups == [] and done.runtime < 0.5
    facts = done.test_keys["x_run"]["preflight"]
    assert (facts["network"], facts["udp"], facts["ipv4"]) == (False, False, None)
    assert done.test_keys["x_run"]["udp"] is False


async def test_stopping_run_gives_measurement_without_attempts(world: World) -> None:
    world.session.stopping.set()
    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"))
    assert done.test_keys["x_transactions"] == [] and done.test_keys["x_run"]["interrupted"] is True


async def test_bug_in_nettest_gives_measurement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise IndexError("a secret")

    monkeypatch.setattr(Reach, "services", broken)
    done = await run(world, world.target(f"https://{NAME}:1/"))
    assert [bug.split(" ")[0] for bug in done.bugs] == ["IndexError"]
    assert done.test_keys["x_bugs"] == done.bugs and "secret" not in json.dumps(done.test_keys)


def test_empty_measurement_names_its_bug(world: World) -> None:
    done = measured_nothing(world.target(f"https://{NAME}:1/"), world.session, "ValueError in measure.py:1")
    assert set(done.test_keys) == ALWAYS and done.bugs == ["ValueError in measure.py:1"]


async def test_only_named_services_are_measured(world: World) -> None:
    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"), services=["other"])
        assert box.seen == []
    assert done.test_keys["x_transactions"] == []


async def test_control_gets_addresses_while_probe_measures(world: World) -> None:
    asked: list[dict[str, list[str]]] = []

    async def ask(addresses: dict[str, list[str]], offered: Any) -> dict[str, Any]:
        asked.append(addresses)
        assert box.flows(NAME) == 0
        return {"failure": None, "test_keys": {}}

    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"), ask_control=ask)
    assert asked == [{NAME: [HERE]}]
    assert done.test_keys["x_control"] == {"failure": None, "test_keys": {}}


async def test_begin_of_control_attempts_is_counted_from_the_measurement(world: World) -> None:
    zero = time.monotonic()

    async def ask(addresses: dict[str, list[str]], offered: Any) -> dict[str, Any]:
        return {"failure": None, "test_keys": {"x_transactions": [{"began": zero - 45.0}, {"began": None}, {}]}}

    async with world.box(HERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"), ask_control=ask)
    known, unknown, absent = done.test_keys["x_control"]["test_keys"]["x_transactions"]
    assert -75.0 < known["began"] <= -45.0 and unknown == {"began": None} and absent == {}


def control_row(number: int, url: str, failure: str | None, began: float) -> dict[str, Any]:
    about = {"transaction_id": number, "endpoint": url, "address": HERE, "failure": failure, "began": began}
    return about | {"kind": "first", "service": "web"}


@pytest.mark.parametrize(("age", "asked_again"), [(30.0, True), (5.6, True), (0.0, False)])
async def test_old_success_of_control_is_renewed_beside_a_new_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, age: float, asked_again: bool
) -> None:
    monkeypatch.setattr(fresh_control, "REPEAT_AFTER", 0.0)
    world.session.settings = replace(world.session.settings, followups=False)
    asked: list[Any] = []

    async def ask(addresses: dict[str, list[str]], offered: Any, fresh: Any = ()) -> dict[str, Any]:
        asked.append((addresses, list(fresh)))
        now = time.monotonic()
        row = control_row(1, url, "connection_refused", now) if fresh else control_row(1, url, None, now - age)
        return {"failure": None, "preflight": {"ipv4": True}, "test_keys": {"x_transactions": [row]}}

    async with world.box(HERE, otherwise="reset") as box:
        url = f"https://{NAME}:{box.port}/"
        done = await run(world, world.target(url), ask_control=ask)
    mine = [t for t in done.test_keys["x_transactions"] if t["endpoint"] == url]
    kinds = [t["kind"] for t in mine if t["kind"] in {"first", "confirm"}]
    control = done.test_keys["x_control"]
    assert asked[1:] == ([({NAME: [HERE]}, [url])] if asked_again else [])
    assert kinds == ["first", "confirm", "confirm"][: 2 + asked_again]
    assert [row["transaction_id"] for row in control["test_keys"]["x_transactions"]] == [1, 2][: 1 + asked_again]
    assert control.get("fresh") == ({"endpoints": [url], "failure": None} if asked_again else None)


async def test_unverified_address_is_not_tried_beside_a_renewed_control(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the limit of one connection to an address that nothing proves (P7). The control reached another address."""
    monkeypatch.setattr(fresh_control, "REPEAT_AFTER", 0.0)
    world.session.settings = replace(world.session.settings, followups=False)
    world.system[NAME] = [HERE]
    asked: list[Any] = []

    async def ask(addresses: dict[str, list[str]], offered: Any, fresh: Any = ()) -> dict[str, Any]:
        asked.append((addresses, list(fresh)))
        row = control_row(1, url, None, time.monotonic() - 30.0) | {"address": THERE}
        return {"failure": None, "preflight": {"ipv4": True}, "test_keys": {"x_transactions": [row]}}

    assert world.encrypted is not None
    world.encrypted[NAME] = []
    async with world.box(HERE, otherwise="reset") as box:
        url = f"https://{NAME}:{box.port}/"
        done = await run(world, world.target(url), ask_control=ask)
    assert asked == [({NAME: [HERE]}, []), ({}, [url])]
    assert [t["kind"] for t in done.test_keys["x_transactions"] if t["endpoint"] == url] == ["first"]
    assert box.seen.count("connect") == 1


async def test_working_service_is_not_asked_about_again(world: World) -> None:
    asked: list[Any] = []

    async def ask(addresses: dict[str, list[str]], offered: Any, fresh: Any = ()) -> dict[str, Any]:
        asked.append(fresh)
        rows = [control_row(1, url, None, time.monotonic() - 60.0)]
        return {"failure": None, "preflight": {}, "test_keys": {"x_transactions": rows}}

    async with world.box(HERE, [NAME]) as box:
        url = f"https://{NAME}:{box.port}/"
        await run(world, world.target(url), ask_control=ask)
    assert asked == [()]


async def test_address_known_only_to_control_is_tried(world: World) -> None:
    """Check an address from the helper's resolver if the system's is forged and no encrypted resolver answers."""
    world.session.encrypted = None
    world.system[NAME] = f.DNS_NXDOMAIN
    query = {"engine": "system", "hostname": NAME, "query_type": "A", "transaction_id": 1}
    query |= {"answers": [{"answer_type": "A", "ipv4": THERE}]}

    async def ask(addresses: dict[str, list[str]], offered: Any) -> dict[str, Any]:
        assert addresses == {}
        await asyncio.sleep(0.1)
        return {"failure": None, "test_keys": {"queries": [query]}}

    async with world.box(THERE, [NAME]) as box:
        done = await run(world, world.target(f"https://{NAME}:{box.port}/"), ask_control=ask)
    (found,) = [t for t in done.test_keys["x_transactions"] if t["followup"] == "alternative_address"]
    assert (found["address"], found["address_sources"], found["failure"]) == (THERE, ["control"], None)
    assert found["corroborated"] is True


async def test_failing_or_silent_control_does_not_delay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError

    async def hanging(*_: Any) -> dict[str, Any]:
        world.session.stopping.set()
        await asyncio.sleep(60)
        return {}

    async with world.box(HERE, [NAME]) as box:
        target = world.target(f"https://{NAME}:{box.port}/")
        done = await run(world, target, ask_control=broken)
        assert done.test_keys["x_control"]["failure"].startswith(f.BUG) and len(done.bugs) == 1
        assert [t["failure"] for t in done.test_keys["x_transactions"] if t["kind"] == "first"] == [None]
        done = await run(world, target, ask_control=hanging)
        assert done.test_keys["x_control"] == {"failure": f.INTERRUPTED}


async def test_helper_answers_in_time_with_partial_results(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "CONTROL_SECONDS", 0.3)
    world.session.as_control = True
    async with world.box(HERE, otherwise="silent") as stalled, world.box(THERE, [NAME]) as box:
        world.system[NAME] = [THERE]
        urls = (f"mtproto://{HERE}:{stalled.port}", f"https://{NAME}:{box.port}/")
        done = await run(world, world.target(*urls), addresses={NAME: [HERE]})
    failures = {(t["endpoint"], t["address"]): t["failure"] for t in done.test_keys["x_transactions"] if t["endpoint"]}
    assert failures[urls[0], HERE] == f.INTERRUPTED
    assert failures[urls[1], THERE] is None
    assert done.test_keys["x_run"]["interrupted"] is True and done.bugs == []


@pytest.mark.parametrize("fails", [False, True])
async def test_helper_of_many_is_asked_about_failures_alone(world: World, fails: bool) -> None:
    """Check that a working endpoint is not asked about, and that no answer is waited for if all work."""
    asked: list[Any] = []

    async def ask(addresses: dict[str, list[str]], offered: Any, fresh: Any = ()) -> dict[str, Any]:
        asked.append((addresses, list(fresh)))
        rows = [control_row(1, fresh[0], None, time.monotonic())]
        return {"failure": None, "preflight": {"ipv4": True}, "test_keys": {"x_transactions": rows}}

    async with world.box(HERE, [NAME]) as box, world.box(HERE, otherwise="reset") as broken:
        works, not_here = f"https://{NAME}:{box.port}/", f"https://{NAME}:{broken.port}/"
        target = world.target(works, not_here) if fails else world.target(works)
        done = await run(world, target, ask_control=ask, sparing=True)
    assert asked == ([({NAME: [HERE]}, [not_here])] if fails else [])
    control = done.test_keys["x_control"]
    assert control["asked"] == ([not_here] if fails else []) and control["failure"] is None


async def test_failure_after_the_first_question_is_asked_about_at_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_control, "REPEAT_AFTER", 0.0)
    monkeypatch.setattr(sparing_control, "GATHERING", 0.0)
    world.session.settings = replace(world.session.settings, followups=False)
    asked: list[Any] = []

    async def ask(addresses: dict[str, list[str]], offered: Any, fresh: Any = ()) -> dict[str, Any]:
        asked.append(list(fresh))
        rows = [control_row(1, fresh[0], None, time.monotonic())]
        return {"failure": None, "preflight": {"ipv4": True}, "test_keys": {"x_transactions": rows}}

    async def first_only(reach: Any, target: Any) -> list[str]:
        await reach.names.control_wanted.wait()
        return [urls[0]]

    monkeypatch.setattr(measuring, "needed", first_only)
    async with world.box(HERE, otherwise="reset") as one, world.box(HERE, otherwise="reset") as other:
        urls = [f"https://{NAME}:{one.port}/", f"https://{NAME}:{other.port}/"]
        done = await run(world, world.target(*urls), ask_control=ask, sparing=True)
    assert asked == [[urls[0]], [urls[1]]]
    assert done.test_keys["x_control"]["fresh"] == {"endpoints": [urls[1]], "failure": None}
    assert [t["kind"] for t in done.test_keys["x_transactions"] if t["endpoint"] == urls[1]].count("confirm") == 2

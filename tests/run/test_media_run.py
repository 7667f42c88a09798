"""Test a run that measures media flows, against real test helpers over loopback."""

import asyncio
import base64
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurements
from probe.followups.run_flows import media_pairs as pairs
from probe.formats import failures as f
from probe.formats.exchanges.media import LOST
from probe.helper import HelperState, listening
from probe.helper import helper_measure as of_helper
from probe.helper.helper_limits import Tokens
from probe.helper.media import media_reflector
from probe.helper.media.media_reflector import Media
from probe.http_server.client_shares import PortKind
from probe.http_server.peers import UNKNOWN, Client
from probe.results import Problem, ResultsFile, read_lines, validation
from probe.run import runner
from probe.run.measurement_keys import Measured
from probe.run.phases import Phase
from probe.run.run_plan import RunOutcome, RunPlan
from probe.run.vantage import Vantage
from probe.session.session import RunSettings, Session
from probe.steps.calls.media import HANDSHAKE, TAIL
from probe.targets.target import Service, Target
from tests.support.world import World

NAME, HERE = "chat.example", "127.0.3.1"
PACKETS = 20
OTHER = "mail"


class MediaRun:
    """Hold a run over two targets in a world of servers. Only the first has calls."""

    def __init__(self, root: Path, world: World, port: int) -> None:
        self.root, self.world, self.phases = root, world, list[Phase]()
        plain = world.target(f"https://{NAME}:{port}/")
        calls = Service("calls", "all", plain.services["web"].endpoints, media="rtp")
        self.targets = [plain_named(plain, OTHER), plain_named(replace(plain, services={"calls": calls}), "chat")]

    def __getattr__(self, name: str) -> Any:
        """Return a report of progress that does nothing."""
        return lambda *_: None

    def started(self, target: Target, phase: Any) -> None:
        async def look() -> None:
            while True:
                self.phases.append(phase())
                await asyncio.sleep(0.02)

        if target.name == "chat":
            self.looking = asyncio.create_task(look())

    def open(self, where: Vantage) -> ResultsFile:
        return ResultsFile.in_folder(self.root, "XX", "AS64500", "4f2a", datetime(2026, 11, 27, tzinfo=UTC), False)

    async def go(self, *control: str, repeat: int = 1, **settings: Any) -> RunOutcome:
        self.world.session.settings = RunSettings(control=control, **settings)
        outcome = await runner.run(RunPlan(self.targets, repeat), self.world.session, self.world.roots, self.open, self)
        self.looking.cancel()
        return outcome


def plain_named(target: Target, name: str) -> Target:
    return replace(target, name=name)


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MediaRun]:
    monkeypatch.setattr(pairs, "SECONDS", PACKETS * 0.02)
    world = World(tmp_path)
    world.encrypted = {NAME: [HERE]}
    world.system = {NAME: [HERE]}
    world.install(monkeypatch)

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight = {"network": True, "udp": True, "udp_public": True}

    async def where_are_we(session: Session, **_: Any) -> Vantage:
        return Vantage("XX", "AS64500", "Example")

    monkeypatch.setattr(runner, "preflight", preflight)
    monkeypatch.setattr(runner, "where_are_we", where_are_we)
    monkeypatch.setattr(runner, "may_capture", lambda: False)
    async with world.box(HERE, [NAME]) as box:
        yield MediaRun(tmp_path / "results", world, box.port)


@asynccontextmanager
async def helper(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch, media: Media | None, **calls: Any
) -> AsyncIterator[str]:
    """Run a helper that measures nothing, and answers as a helper does. Yield its URL. `calls` are those it takes."""

    async def measure(target: Target, session: Session, **_: Any) -> Measured:
        return Measured({"x_transactions": []}, "x", "0.1.0", datetime.now(UTC), 0.1)

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight, session.ipv4, session.ipv6 = {"network": True, "udp": True}, True, False

    monkeypatch.setattr(of_helper, "measure", measure)
    monkeypatch.setattr(of_helper, "preflight", preflight)
    known = {target.name: target for target in run.targets}
    state = HelperState(known, run.world.session.neutral, run.world.session.resolvers, lab=True, media=media, **calls)
    if media is not None:
        await media.open("127.0.0.1")
    async with listening(state, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"
    if media is not None:
        media.close()


def written(outcome: RunOutcome) -> dict[str, list[dict[str, Any]]]:
    """Return the test keys of each target's measurements. All must fit the schema."""
    assert outcome.path is not None and outcome.bugs == [] and outcome.code in {0, 130}
    found: dict[str, list[dict[str, Any]]] = {}
    for number, line in read_lines(outcome.path):
        assert not isinstance(line, Problem) and list(validation.problems(line)) == [], number
        found.setdefault(line["test_keys"]["x_target"]["name"], []).append(line["test_keys"])
    return found


def flows(keys: dict[str, Any]) -> list[dict[str, Any]]:
    return list(keys["x_followups"].get("media", []))


async def test_flows_are_written_with_the_target_that_has_calls(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with helper(run, monkeypatch, Media(0)) as url:
        outcome = await run.go(url)
    keys = written(outcome)
    (chat,), (other,) = keys["chat"], keys[OTHER]
    assert chat["x_run"]["media"] == "measured" and chat["x_target"]["services"]["calls"]["media"] == "rtp"
    assert "media" not in other["x_run"] and flows(other) == [] and "media" not in other["x_target"]["services"]["web"]
    assert {(each["shape"], each["pair"], each["sent"], each["returned"]) for each in flows(chat)} == {
        ("rtp", 0, PACKETS, PACKETS),
        ("opaque", 0, PACKETS, PACKETS),
    }
    records = {each["transaction_id"]: each for each in chat["x_transactions"]}
    (port,) = {each["port"] for each in flows(chat)}
    for entry in flows(chat):
        record = records[entry["transaction_id"]]
        assert record["followup"] == {"rtp": "media_shape", "opaque": "media_opaque"}[entry["shape"]]
        assert (record["address"], record["port"], record["family"]) == ("helper", port, 4)
        assert (record["service"], record["endpoint"], record["trigger"]) == ("", "", False)
    assert "call_packets" in run.phases


async def test_verdicts_of_other_services_are_those_of_a_run_without_flows(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with helper(run, monkeypatch, Media(0)) as url:
        outcome = await run.go(url)
    assert outcome.path is not None
    for _, line in read_lines(outcome.path):
        assert not isinstance(line, Problem)
        (record,) = judge_measurements([("-", 1, line)])
        assert record["state"] == "ok", record


async def test_line_has_no_address_and_no_token(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search for what the helper gave and for its address and ours, in every form that a field could have."""
    tokens: list[str] = []
    issue = Tokens.issue

    def remembering(self: Tokens, client: Client) -> str:
        tokens.append(issue(self, client))
        return tokens[-1]

    monkeypatch.setattr(Tokens, "issue", remembering)
    async with helper(run, monkeypatch, Media(0)) as url:
        outcome = await run.go(url)
    assert outcome.path is not None and len(tokens) == 3  # one before the targets, and one for each of two targets
    text = outcome.path.read_text()
    for token in tokens:
        assert token not in text and base64.b64encode(bytes.fromhex(token)).decode() not in text
    ours = json.dumps([flows(keys) for keys in written(outcome)["chat"]])
    assert "127.0.0.1" not in ours and f":{url.rpartition(':')[2]}" not in text and "127.0.0.1:" not in text


@asynccontextmanager
async def slow_helper(run: MediaRun, monkeypatch: pytest.MonkeyPatch, seconds: float) -> AsyncIterator[str]:
    """Run a helper that answers each question about a target after some seconds."""
    async with helper(run, monkeypatch, Media(0)) as url:
        measure = of_helper.measure

        async def slowly(*about: Any, **options: Any) -> Measured:
            await asyncio.sleep(seconds)
            return await measure(*about, **options)

        monkeypatch.setattr(of_helper, "measure", slowly)
        yield url


async def test_flows_begin_with_the_run_and_not_after_the_rest(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a long flow waits neither for the helper's answer nor for the end of other flows."""
    async with slow_helper(run, monkeypatch, 2.0) as url:
        (chat,) = written(await run.go(url))["chat"]
    rest = [each["t"] for each in chat["x_transactions"] if each["followup"] not in {"media_shape", "media_opaque"}]
    assert [each["returned"] for each in flows(chat)] == [PACKETS] * 2
    assert all(each["t0"] < max(rest) and each["t"] < 2.0 for each in flows(chat))


async def test_flows_on_a_crowded_line_wait_for_the_helpers_answer(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that the first flows of a narrow line are measured before the call packets."""
    for _ in range(8):
        run.world.session.pace.saw_wait(0.4)
    run.world.session.pace.received(1_000_000)
    async with slow_helper(run, monkeypatch, 1.0) as url:
        (chat,) = written(await run.go(url))["chat"]
    assert flows(chat) and all(each["t0"] > 0.8 for each in flows(chat))


async def test_helper_that_does_not_offer_them_costs_no_time(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with helper(run, monkeypatch, None) as url:
        (chat,) = written(await run.go(url))["chat"]
    assert chat["x_run"]["media"] == "not_offered" and flows(chat) == [] and "call_packets" not in run.phases


async def test_run_without_a_helper_says_so(run: MediaRun) -> None:
    (chat,) = written(await run.go())["chat"]
    assert chat["x_run"]["media"] == "no_helper" and flows(chat) == [] and "call_packets" not in run.phases


async def test_dead_helper_is_no_helper(run: MediaRun) -> None:
    (chat,) = written(await run.go("http://127.0.0.1:9"))["chat"]
    assert chat["x_run"]["media"] == "no_helper"


async def test_busy_helper_accuses_nothing(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_reflector, "MEDIA_FLOWS", PortKind(0, 0))
    async with helper(run, monkeypatch, Media(0)) as url:
        (chat,) = written(await run.go(url))["chat"]
    assert chat["x_run"]["media"] == "helper_busy"
    assert [(each["failure"], each["sent"]) for each in flows(chat)] == [(f.HELPER_BUSY, 0)] * 2


async def test_reflector_that_goes_silent_costs_no_more_than_the_flow(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Media):
        """Stop listening after a quarter of a second of the flows."""

        def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
            asyncio.get_running_loop().call_later(0.25, self.close)
            return super().offer(client)

    async with helper(run, monkeypatch, Silent(0)) as url:
        (chat,) = written(await run.go(url))["chat"]
    assert chat["x_run"]["media"] == "measured" and len(flows(chat)) == 2
    assert all(each["established"] and each["returned"] < PACKETS for each in flows(chat))
    assert LOST not in flows(chat)[0]["forth"]  # nothing is known of the packets behind the last that came back


async def test_interrupted_run_keeps_what_was_measured(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "SECONDS", 30.0)

    async def press() -> None:
        while "call_packets" not in run.phases:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.4)
        os.kill(os.getpid(), signal.SIGINT)

    async with helper(run, monkeypatch, Media(0)) as url:
        pressing, began = asyncio.create_task(press()), time.monotonic()
        outcome = await run.go(url)
        await pressing
    assert time.monotonic() - began < 10.0 and outcome.code == 130
    keys = written(outcome)
    (chat,) = keys["chat"]
    assert chat["x_run"]["media"] == "interrupted" and chat["x_run"]["interrupted"] and len(keys[OTHER]) == 1
    assert [(each["failure"], each["returned"] > 5) for each in flows(chat)] == [(f.INTERRUPTED, True)] * 2
    assert chat["tls_handshakes"] and chat["tls_handshakes"][0]["failure"] is None


async def test_each_round_measures_its_own_pair(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with helper(run, monkeypatch, Media(0)) as url:
        outcome = await run.go(url, repeat=2)
    first, second = written(outcome)["chat"]
    assert [keys["x_run"]["media"] for keys in (first, second)] == ["measured"] * 2
    assert [each["late"] for each in flows(first)] != [each["late"] for each in flows(second)]
    assert all(each["t0"] > -0.5 for each in flows(second)), "the pair began with its round, a moment before the target"


async def test_apps_with_other_shapes_are_measured_in_turn_and_told_why_not(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, chat = run.targets
    calls = replace(chat.services["calls"], media="whatsapp")
    run.targets = [plain_named(replace(other, services={"calls": calls}), OTHER), chat]
    async with helper(run, monkeypatch, Media(0)) as url:
        keys = written(await run.go(url, repeat=2))
    for one, of_other in zip(keys["chat"], keys[OTHER], strict=True):
        assert {one["x_run"]["media"], of_other["x_run"]["media"]} == {"measured", "other_shape"}
        assert sorted([len(flows(one)), len(flows(of_other))]) == [0, 2]
    shapes = [{each["shape"] for name in keys for each in flows(keys[name][place])} for place in range(2)]
    assert sorted(map(sorted, shapes)) == [["opaque", "rtp"], ["opaque", "whatsapp"]]


async def test_flows_lengthen_a_run_by_no_more_than_their_own_time(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check one second beyond handshake, flow and last packets. A flow of 10 s then costs at most 13 s."""
    took: list[float] = []
    for media in (None, Media(0)):
        async with helper(run, monkeypatch, media) as url:
            took.append((await run.go(url)).seconds)
    assert took[0] < took[1] < took[0] + HANDSHAKE + PACKETS * 0.02 + TAIL + 1.0

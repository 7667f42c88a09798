"""Test a deep run that calls real test helpers over loopback, and a standard one that does not."""

import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aioice.ice
import pytest

from probe.analysis.verdicts.verdicts import judge_measurements
from probe.followups.run_flows import call_flows
from probe.formats import failures as f
from probe.helper.calls import sip_user_agent
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.helper_limits import Tokens
from probe.helper.media.media_reflector import Media
from probe.http_server.client_shares import PortKind
from probe.http_server.peers import Client
from probe.results import Problem, read_lines
from probe.run.run_plan import RunOutcome
from probe.targets.target import Service, parse_endpoint
from tests.run.test_media_run import OTHER, MediaRun, helper, run, written

__all__ = ["run"]  # the fixture

PACKETS = 15


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_flows, "SECONDS", PACKETS * 0.02)
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@asynccontextmanager
async def calling(run: MediaRun, monkeypatch: pytest.MonkeyPatch, media: Media | None = None) -> AsyncIterator[str]:
    """Run a helper that takes calls of both kinds, for a target that is asked over SIP too. Yield its URL."""
    chat = run.targets[1]
    sip = Service("sip", "any", (parse_endpoint("sip://127.0.3.1:9;transport=udp"),))
    run.targets[1] = replace(chat, services=chat.services | {"sip": sip})
    ports, webrtc = SIPPorts(0), WebRTC()
    await ports.open("127.0.0.1")
    try:
        async with helper(run, monkeypatch, media, sip=ports, webrtc=webrtc) as url:
            yield url
    finally:
        ports.close()
        await webrtc.close()


def made(keys: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {name: keys["x_followups"].get(name, []) for name in ("sip_calls", "webrtc_calls")}


def documents(outcome: RunOutcome) -> list[dict[str, Any]]:
    assert outcome.path is not None
    return [line for _, line in read_lines(outcome.path) if not isinstance(line, Problem)]


async def test_deep_run_calls_the_helper_after_the_media_flows(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(run, monkeypatch, Media(0)) as url:
        outcome = await run.go(url, depth="deep")
    keys = written(outcome)
    (chat,), (other,) = keys["chat"], keys[OTHER]
    assert chat["x_run"]["calls"] == {"sip": "measured", "webrtc": "measured"}
    assert "calls" not in other["x_run"] and made(other) == {"sip_calls": [], "webrtc_calls": []}
    (sip,), (webrtc,) = made(chat).values()
    assert {(each["failure"], each["sent"], each["returned"]) for each in (sip, webrtc)} == {(None, PACKETS, PACKETS)}
    assert max(flow["t"] for flow in chat["x_followups"]["media"]) <= sip["t0"] < sip["t"] <= webrtc["t0"]
    records = {each["transaction_id"]: each for each in chat["x_transactions"]}
    for entry, name in ((sip, "sip_call"), (webrtc, "webrtc_call")):
        record = records[entry["transaction_id"]]
        assert (record["kind"], record["followup"], record["address"]) == ("followup", name, "helper")
        assert (record["service"], record["endpoint"], record["trigger"]) == ("", "", False)
    assert "call_packets" in run.phases


async def test_standard_run_makes_no_call(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(run, monkeypatch) as url:
        (chat,) = written(await run.go(url))["chat"]
    assert "calls" not in chat["x_run"] and made(chat) == {"sip_calls": [], "webrtc_calls": []}


async def test_no_line_has_an_address_of_ours_or_of_the_helper_or_a_token(
    run: MediaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search for what the helper gave and for its address and ours, in every form that a field could have."""
    tokens: list[str] = []
    issue = Tokens.issue

    def remembering(self: Tokens, client: Client) -> str:
        tokens.append(issue(self, client))
        return tokens[-1]

    monkeypatch.setattr(Tokens, "issue", remembering)
    async with calling(run, monkeypatch) as url:
        outcome = await run.go(url, depth="deep")
    assert outcome.path is not None and len(tokens) == 6  # two kinds before the targets, and for each of two targets
    text = outcome.path.read_text()
    for token in tokens:
        assert token not in text and base64.b64encode(bytes.fromhex(token)).decode() not in text
    (chat,) = written(outcome)["chat"]
    assert all(made(chat).values())
    assert "127.0.0.1" not in json.dumps(made(chat)) and "127.0.0.1:" not in text
    assert f":{url.rpartition(':')[2]}" not in text


async def test_failed_calls_change_no_verdict(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the verdicts of measurements whose calls passed, failed, and were not made."""
    async with calling(run, monkeypatch) as url:
        passed = documents(await run.go(url, depth="deep"))
    failed = json.loads(json.dumps(passed))
    left_out = json.loads(json.dumps(passed))
    for line in failed:
        for entry in [entry for entries in made(line["test_keys"]).values() for entry in entries]:
            entry |= {"failure": f.TIMEOUT, "sent": 0, "returned": 0}
        for record in line["test_keys"]["x_transactions"]:
            if record["followup"] in {"sip_call", "webrtc_call"}:
                record |= {"failure": f.TIMEOUT, "failed_operation": record["followup"], "steps": []}
    for line in left_out:
        line["test_keys"]["x_followups"] = {}
        records = line["test_keys"]["x_transactions"]
        line["test_keys"]["x_transactions"] = [each for each in records if each["kind"] != "followup"]
    verdicts = [
        [(record["service"], record["state"], record["rule_id"]) for record in judged(lines)]
        for lines in (passed, failed, left_out)
    ]
    assert verdicts[0] == verdicts[1] == verdicts[2] and len(verdicts[0]) == 3


def judged(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(judge_measurements([("-", number, line) for number, line in enumerate(lines, 1)]))


async def test_busy_helper_is_named(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_user_agent, "SIP_CALLS", PortKind(0, 0))
    monkeypatch.setattr("probe.helper.calls.webrtc.WEBRTC_CALLS", PortKind(0, 0))
    async with calling(run, monkeypatch) as url:
        (chat,) = written(await run.go(url, depth="deep"))["chat"]
    assert chat["x_run"]["calls"] == {"sip": "helper_busy", "webrtc": "helper_busy"}
    assert [entry["failure"] for entries in made(chat).values() for entry in entries] == [f.HELPER_BUSY] * 2


async def test_missing_extra_is_named(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(run, monkeypatch) as url:
        monkeypatch.setitem(sys.modules, "aiortc", None)
        (chat,) = written(await run.go(url, depth="deep"))["chat"]
    assert chat["x_run"]["calls"] == {"sip": "measured", "webrtc": "no_extra"} and made(chat)["webrtc_calls"] == []


async def test_run_without_a_helper_says_so(run: MediaRun) -> None:
    (chat,) = written(await run.go(depth="deep"))["chat"]
    assert chat["x_run"]["calls"] == {"webrtc": "no_helper"}


async def test_each_round_makes_its_own_calls(run: MediaRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(run, monkeypatch) as url:
        first, second = written(await run.go(url, repeat=2, depth="deep"))["chat"]
    for keys in (first, second):
        assert keys["x_run"]["calls"] == {"sip": "measured", "webrtc": "measured"}
        assert [len(entries) for entries in made(keys).values()] == [1, 1]
    assert all(entry["t0"] > -0.5 for entries in made(second).values() for entry in entries)

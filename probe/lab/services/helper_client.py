"""Ask the lab's helper for what other users of it ask before the run. Its answers are then cached, its flows taken."""

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from probe.lab.scenario.scenario import Scenario
from probe.lab.services.media_client import take_call, take_media_flow
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import HELPER_PORT, HELPER_V4
from probe.targets.target import Target

SECONDS = 35.0  # the helper answers within 30

Question = dict[str, Any]


def other_users(scenario: Scenario, world: World) -> list[Callable[[], None]]:
    """Return what other users do before the run, in this order. Each call raises OSError."""
    found: list[Callable[[], None]] = []
    wait, taken, calls = scenario.helper.asked_before, scenario.helper.media_taken, scenario.helper.calls_taken
    if wait is not None:
        found += [partial(_ask_all, _run_questions(world, scenario)), partial(time.sleep, wait)]
    if taken:
        found.append(partial(_take_media_flows, _token_question(world, scenario), taken))
    if calls:
        found.append(partial(_take_calls, _token_question(world, scenario), calls))
    return found


def _run_questions(world: World, scenario: Scenario) -> list[Question]:
    """Return the questions that the probe asks about the scenario's targets, with the addresses that it resolves."""
    return [_question(world, target) for target in world.targets if target.name in scenario.targets]


def _token_question(world: World, scenario: Scenario) -> Question:
    """Return a short question about a target that the run does not measure. Its answer carries a token."""
    others = [target for target in world.targets if target.lab and target.name not in scenario.targets]
    return _question(world, min(others, key=lambda target: len(list(target.endpoints()))))


def _question(world: World, target: Target) -> Question:
    hosts = {endpoint.host for _, endpoint in target.endpoints() if not endpoint.is_literal}
    addresses = {host: world.zone[host] for host in sorted(hosts) if host in world.zone}
    return {"target": target.name, "addresses": addresses}


def _ask_all(questions: Sequence[Question]) -> None:
    """Ask all questions side by side and wait for the answers."""
    with ThreadPoolExecutor(max_workers=len(questions)) as threads:
        list(threads.map(_ask, questions))


def _take_media_flows(question: Question, count: int) -> None:
    for _ in range(count):
        media = _ask(question)["media"]
        take_media_flow(HELPER_V4, media["port"], bytes.fromhex(media["token"]))


def _take_calls(question: Question, count: int) -> None:
    sip = _ask(question)["sip"]
    for _ in range(count):
        take_call(HELPER_V4, sip["port"], sip["token"])


def _ask(question: Question) -> dict[str, Any]:
    url = f"http://{HELPER_V4}:{HELPER_PORT}/v1/measure"
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        document: dict[str, Any] = json.load(answer)
    return document

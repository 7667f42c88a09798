"""Ask the lab's helper the questions of a run before that run, as another user would. Its answers are then cached."""

import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from probe.lab.scenario.scenario import Scenario
from probe.lab.world.world import World

SECONDS = 35.0  # the helper answers within 30

Question = dict[str, Any]


def helper_questions(world: World, scenario: Scenario) -> list[Question]:
    """Return the questions that the probe asks about the scenario's targets, with the addresses that it resolves."""
    targets = [target for target in world.targets if target.name in scenario.targets]
    hosts = {target.name: {e.host for _, e in target.endpoints() if not e.is_literal} for target in targets}
    return [
        {"target": name, "addresses": {host: world.zone[host] for host in sorted(known) if host in world.zone}}
        for name, known in hosts.items()
    ]


def ask_helper(questions: Sequence[Question], address: str, port: int) -> None:
    """Ask all questions side by side and wait for the answers. Raises OSError."""
    with ThreadPoolExecutor(max_workers=len(questions)) as threads:
        list(threads.map(lambda question: _ask(question, f"http://{address}:{port}/v1/measure"), questions))


def _ask(question: Question, url: str) -> None:
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        answer.read()

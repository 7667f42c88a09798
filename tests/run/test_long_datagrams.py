"""Test whether long datagrams arrive, by questions to public resolvers."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from probe.formats import failures as f
from probe.run.network.long_datagrams import LONG, long_datagrams_pass
from probe.session.trace import StepFailed
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from tests.support.world import INNOCUOUS, World

ONE, TWO = "192.0.2.1", "192.0.2.2"


def resolvers() -> Target:
    urls = {"one": f"dns+udp://{ONE}:53", "two": f"dns+udp://{TWO}:53"}
    services = {name: Service(name, "all", (parse_endpoint(url),)) for name, url in urls.items()}
    return Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), services, "")


@pytest.mark.parametrize(
    ("answered", "found"),
    [
        ({(ONE, 0), (TWO, 0)}, False),
        ({(ONE, 0), (TWO, 0), (TWO, LONG)}, True),
        ({(ONE, 0)}, None),  # one resolver alone may dislike long questions
        ({(ONE, LONG)}, None),  # a lost answer to the short one
        (set(), None),
    ],
)
async def test_long_questions_are_lost_and_short_ones_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: set[tuple[str, int]], found: bool | None
) -> None:
    async def query_udp(tx: Any, ip: str, *_: Any, padding: int, **__: Any) -> None:
        if (ip, padding) not in answered:
            tx.record.failure = f.TIMEOUT
            raise StepFailed("resolve", f.TIMEOUT)

    world = World(tmp_path)
    world.session.resolvers = resolvers()
    world.session.neutral = NeutralHosts(
        (INNOCUOUS,), "none.invalid", (parse_endpoint("https://neutral.example:443/"),), (), None, ""
    )
    monkeypatch.setattr("probe.run.network.long_datagrams.query_udp", query_udp)
    assert await long_datagrams_pass(world.session) is found

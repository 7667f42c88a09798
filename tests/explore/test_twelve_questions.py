"""Answer twelve questions of analysts from a store, by following links and forms of the pages alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.explore.linked_pages import Reader
from tests.explore.served import serving

NOW, WHERE = "What is blocked in a country now?", "Where is a service blocked?"
SINCE = "Since when is a service blocked, and on which networks?"
FAULT, WHICH = "Is it the network, or does the service fail elsewhere too?", "Which measurements show it?"
EVIDENCE = "Each line is the verdict"


@pytest.fixture
async def reader(store: Path) -> AsyncIterator[Reader]:
    """Return a reader with the first page open, whose address the terminal prints."""
    async with serving(store) as served:
        found = Reader(served)
        await found.open(f"/?token={served.token}")
        yield found


async def forms(reader: Reader) -> None:
    await reader.follow("Five usual questions")


async def test_1_what_is_blocked_in_a_country_now(reader: Reader) -> None:
    await forms(reader)
    assert "telegram/dc_pool in Iran (IR): WORKS BADLY" in await reader.ask(NOW, "IR")


async def test_2_where_is_a_service_blocked(reader: Reader) -> None:
    await forms(reader)
    text = await reader.ask(WHERE, "telegram/web")
    assert all(place in text for place in ("IR Iran", "DE Germany", "NA Namibia"))


async def test_3_since_when_and_on_which_networks(reader: Reader) -> None:
    await forms(reader)
    text = await reader.ask(SINCE, "telegram/web", "IR")
    assert "AS64500" in text and "2026-01-11" in text


async def test_4_is_it_the_network_or_the_service(reader: Reader) -> None:
    await forms(reader)
    text = await reader.ask(FAULT, "telegram/web", "DE")
    assert "baseline DE" in text


async def test_5_which_measurements_show_it(reader: Reader) -> None:
    await forms(reader)
    text = await reader.ask(WHICH, "telegram/web", "IR", "BLOCKED")
    assert EVIDENCE in text and text.count("IR AS") == text.count("telegram/web: blocked") > 3


async def test_6_and_7_what_decided_a_verdict_and_what_would_change_it(reader: Reader) -> None:
    await forms(reader)
    await reader.ask(WHICH, "telegram/web", "IR", "BLOCKED")
    text = await reader.follow("2026-")
    assert "Decided by" in text and "Would change it" in text


async def test_8_how_much_was_measured_in_a_country(reader: Reader) -> None:
    await forms(reader)
    assert "IR Iran</a>: 21" in reader.text
    assert (await reader.follow("IR Iran")).count("IR AS") == 21


async def test_9_what_began_and_ended(reader: Reader) -> None:
    feed = json.loads(await reader.follow("JSON", "/events.json"))
    assert "items" in feed and feed["title"]


async def test_10_the_same_for_a_spreadsheet(reader: Reader) -> None:
    assert "telegram/web" in await reader.follow("CSV")


async def test_11_and_12_which_other_answers_there_are_and_what_the_store_has(reader: Reader) -> None:
    document: dict[str, Any] = json.loads(await reader.follow("Description of the API"))
    token = reader.address.partition("?")[2]
    store = json.loads(
        await reader.open(next(path for path in document["paths"] if path.endswith("/store")) + f"?{token}")
    )
    assert store
    days = json.loads(
        await reader.open(next(path for path in document["paths"] if path.endswith("/series")) + f"?{token}")
    )
    assert days["rows"][0]["time"]

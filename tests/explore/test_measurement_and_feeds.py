"""Test the page of one measurement, and the feeds of events."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from probe.analysis.observations.measurement_identity import identity
from probe.explore.event_feed import ATOM, FeedEntry, _atom, _json
from tests.explore.served import serving
from tests.support.store.stores import some_lines


async def test_page_of_a_measurement_has_its_evidence(store: Path) -> None:
    wanted = identity(some_lines(1)[0]).hex()
    async with serving(store) as served:
        answer = await served.get("/measurement", {"id": wanted})
        assert answer.status == 200
        for part in ("telegram/web: BLOCKED", "Decided by", "Would change it", f"probe why {wanted}"):
            assert part in answer.text(), part
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text()


@pytest.mark.parametrize(("wanted", "status"), [("f" * 24, 404), ("<b>", 404), ("", 400), ("a' OR 1=1", 404)])
async def test_unknown_measurement_has_a_sentence(store: Path, wanted: str, status: int) -> None:
    async with serving(store) as served:
        answer = await served.get("/measurement", {"id": wanted})
        assert answer.status == status
        assert "<b>" not in answer.text()


@pytest.mark.parametrize("path", ["/measurement", "/events.atom", "/events.json"])
async def test_token_is_needed(store: Path, path: str) -> None:
    async with serving(store) as served:
        assert (await served.send("GET", path)).status == 401


async def test_page_links_to_measurement_and_feeds(store: Path) -> None:
    async with serving(store) as served:
        text = (await served.shown("/", {"by": "cc", "only": "cc=IR"})).text()
        assert "<main data-measurements>" in text
        assert f"/events.atom?token={served.token}&amp;only=cc%3DIR" in text


async def test_feeds_are_well_formed(store: Path) -> None:
    async with serving(store) as served:
        atom, feed = await served.get("/events.atom"), await served.get("/events.json")
        assert atom.headers["Content-Type"] == "application/atom+xml"
        assert ElementTree.fromstring(atom.text()).tag == f"{{{ATOM}}}feed"
        assert json.loads(feed.text())["version"] == "https://jsonfeed.org/version/1.1"
        again = await served.get("/events.atom", If_None_Match=atom.headers["ETag"])
        assert again.status == 304


def test_entry_has_link_and_texts_of_measurements_stay_texts() -> None:
    evil: Any = "<script>\0\ud800&"
    entries = [FeedEntry("a/b~IR~2026-10-11", evil, "98 %", "2026-10-11")]
    feed = ElementTree.fromstring(_atom(entries, "https://data.example.org/"))
    (entry,) = feed.findall(f"{{{ATOM}}}entry")
    texts = {child.tag.rpartition("}")[2]: child.text for child in entry}
    assert texts["id"] == "https://data.example.org/#event=a/b~IR~2026-10-11"
    assert texts["title"] == "<script>\ufffd\ufffd&" and texts["updated"] == "2026-10-11T00:00:00Z"
    (item,) = json.loads(_json(entries, "https://data.example.org/"))["items"]
    assert item["url"] == texts["id"]

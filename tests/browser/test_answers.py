"""Test what the page begins with, in Chromium: sentences, changes, events with links, and its height on a phone."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_events import bad, fine
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import blocked, large_store, rows

PHONE = {"width": 390, "height": 844}
SCREEN = 844
MEDIA = json.dumps({"rate": 27_000, "loss": [0.31, 0.2, 0.4], "late": None, "delay_change": None, "mos": 1.6})
HEIGHT = "document.documentElement.scrollHeight"


def world() -> list[VerdictRow]:
    """Return calls that began to work badly on three of four networks, and a service that works on all."""
    calls: dict[str, Any] = {"service": "telegram/calls", "probe_cc": "IR"}
    slow: dict[str, Any] = {"state": "degraded", "mechanisms": "media.throttle", "media": MEDIA}
    networks = [f"AS{number}" for number in range(1, 5)]
    return [
        *(row for asn in networks for row in fine(6, range(10), probe_asn=asn, **calls)),
        *(row for asn in networks[:3] for row in bad(6, range(10, 20), probe_asn=asn, **calls, **slow)),
        *fine(6, range(10, 20), probe_asn="AS4", **calls),
        *(row for asn in networks for row in fine(2, range(20), probe_asn=asn, probe_cc="IR", service="a/ok")),
    ]


def fine_store() -> list[VerdictRow]:
    """Return 40 services at five vantage points in 20 days, of which none fails."""
    return [
        row
        for number in range(40)
        for asn in range(5)
        for row in fine(1, range(20), probe_asn=f"AS{asn + 1}", service=f"t{number // 4}/{number}", target=f"t{number}")
    ]


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_page_begins_with_the_answer(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    first = page.locator("h1 + ul li").first.inner_text()
    assert first == (
        "In Iran (IR), telegram/calls works badly: on 3 of 4 networks, since 2026-10-11, 27 kbit/s, 31 % of the "
        "packets lost, MOS 1.6 (median of 180 failing runs), fails on 53-80 % of the measured days, media.throttle."
    )
    assert "2026-10-11: telegram/calls began to fail in Iran (IR)" in page.locator("#changes li").first.inner_text()
    tops = [page.locator(f"#{part}").bounding_box() for part in ("problems", "changes", "events", "grid")]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box) and len(tops) == 4
    assert page.locator("#grid tbody th").first.inner_text() == "telegram/calls"  # worst first, not by name
    legend, grid = page.locator("[aria-label='What the letters mean']").bounding_box(), tops[3]
    assert legend is not None and grid is not None and legend["y"] > grid["y"]


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_time_line_opens_on_the_worst_service(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    values = [select.input_value() for select in page.locator("#time-filters select").all()]
    assert values == ["telegram/calls", "IR", ""]


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_event_has_evidence_and_a_permalink(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    cells = page.locator("#events tbody tr").first.locator("th, td").all_inner_texts()
    assert cells[:6] == [
        "telegram/calls",
        "IR",
        "since 2026-10-11",
        "10 days so far",
        "media.throttle",
        "3: AS1, AS2, AS3",
    ]
    assert cells[6] == "98.6 %"  # 3 of 3 after 0 of 3
    assert cells[7].startswith("3 of 3 sources fail during it, 0 of 3 before, 180 accusing measurements")
    page.get_by_role("link", name="Link to this event").first.click()
    assert page.url.endswith("#event=telegram/calls~IR~2026-10-11")
    page.goto(page.url.replace("#event", "#since=2027-01-01&event"))
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#events tr.marked")).to_be_visible()


def test_one_wrong_clock_does_not_stretch_the_period(open_page: Seen) -> None:
    days = fine(2, range(20))
    page = open_page.show(made(days, rows(1, day="2019-01-01"), rows(1, day="2031-01-01")))
    header = page.locator("header").inner_text()
    assert "2026-10-01T13:05:00Z to 2026-10-20T13:05:00Z" in header
    assert "2 runs are dated more than a year from all others (2019-01-01, 2031-01-01)" in header
    assert page.evaluate("JSON.parse(document.getElementById('data').textContent).days.length") == 20


def phone(browser: Browser, folder: Path, html: str) -> tuple[Page, int]:
    """Open a page on a phone, and return it with its height once all that is seen is drawn."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = Seen(context.new_page(), folder).show(html)
    for place in range(0, int(page.evaluate(HEIGHT)), SCREEN):
        page.evaluate(f"scrollTo(0, {place})")
        page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    return page, int(page.evaluate(HEIGHT))


def test_store_without_problems_has_three_screens_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    page, height = phone(browser, tmp_path, made(fine_store()))
    assert page.locator("#problems").inner_text().startswith("No service fails clearly. 40 of 40 services")
    assert height <= 3 * SCREEN
    page.context.close()


def test_large_store_stays_below_twenty_screens_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    page, height = phone(browser, tmp_path, made(large_store()))
    assert height < 20 * SCREEN
    assert page.locator("#grid td:visible").first.get_attribute("class").split()[1] == "blocked"  # type: ignore[union-attr]
    page.context.close()


def test_problem_comes_before_what_is_fine_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    page, _ = phone(browser, tmp_path, made(fine_store(), blocked(6, service="z/worst", probe_asn="AS1")))
    assert page.locator("#grid tbody tr:visible").count() == 1
    page.get_by_role("button", name="Show 40 more services that fail nowhere").click()
    assert page.locator("#grid tbody tr:visible").count() == 41
    page.context.close()

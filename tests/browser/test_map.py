"""Test the map of the page in Chromium: states, patterns, keyboard, small countries, gaps."""

from typing import Any

from playwright.sync_api import Page, expect

from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import blocked, rows


def world() -> list[VerdictRow]:
    """Return rows of seven countries. One has two networks that differ, one has too few runs, one only gaps."""

    def at(cc: str, asn: int, **more: Any) -> dict[str, Any]:
        return {"probe_cc": cc, "probe_asn": f"AS{asn}", **more}

    return [
        *(blocked(6, **at("IR", 1)) + rows(6, **at("IR", 2)) + rows(6, service="signal/chat", **at("IR", 1))),
        *(rows(6, **at("DE", 3)) + rows(2, "blocked", service="signal/chat", **at("DE", 3))),
        *(rows(6, "down", **at("SG", 4)) + blocked(1, **at("BR", 5))),
        *(rows(6, "degraded", **at("FR", 6)) + rows(6, **at("GI", 7))),
        *rows(3, "", valid=False, invalid_reason="vpn", **at("US", 8)),
    ]


def shown_map(page: Page) -> Any:
    """Return the map, which is folded on a phone."""
    if (folded := page.locator("#map > details:not([open]) > summary")).count():
        folded.click()
    page.locator("#map-picture").scroll_into_view_if_needed()
    expect(page.locator("#map-picture svg")).to_be_visible()
    return page.locator("#map-picture")


def country(page: Page, cc: str) -> Any:
    return page.locator(f'#map-picture [data-cc="{cc}"]')


def test_country_has_its_worst_state_with_enough_runs(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    shown_map(page)
    states = {cc: country(page, cc).get_attribute("class") for cc in ("IR", "DE", "SG", "BR", "FR", "US")}
    assert states == {
        "IR": "country blocked",  # one of two networks
        "DE": "country ok",  # two blocked runs are too few
        "SG": "country down",
        "BR": "country blocked pale",
        "FR": "country degraded",
        "US": "country land",  # nothing counts
    }
    assert country(page, "US").get_attribute("aria-label") == "United States: not measured"
    name = country(page, "IR").get_attribute("aria-label")
    assert name.startswith("Iran: telegram/web at IR AS1: BLOCKED 6/6")
    assert page.locator("#map-picture path.land title").first.text_content() == "Afghanistan: not measured"


def test_state_is_not_shown_by_colour_alone(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    shown_map(page)
    hatched = page.locator("#map-picture pattern[id^=map-]:has(path)")
    assert hatched.count() == 5  # BLOCKED and OK differ in brightness
    paths = [hatched.nth(number).locator("path").get_attribute("d") for number in range(5)]
    assert len(set(paths)) == 5
    assert country(page, "FR").get_attribute("fill") == "url(#map-degraded)"
    assert page.locator("#map-legend li").all_inner_texts() == ["BLOCKED", "WORKS BADLY", "DOWN", "OK", "not measured"]


def test_small_country_is_a_circle_that_can_be_hit(open_page: Seen) -> None:
    for width in (1280, 390):
        open_page.page.set_viewport_size({"width": width, "height": 844})
        page = open_page.show(made(world()))
        shown_map(page)
        for cc in ("SG", "GI"):
            circle = country(page, cc).locator("circle").bounding_box()
            assert circle is not None and circle["width"] >= 9
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_service_of_the_map_can_be_chosen(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    shown_map(page)
    page.locator("#map").get_by_label("Service").select_option("signal/chat")
    assert country(page, "IR").get_attribute("class") == "country ok"
    assert country(page, "DE").get_attribute("class") == "country blocked pale"
    assert country(page, "FR").get_attribute("class") == "country land"


def test_part_of_the_world_is_enlarged(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    shown_map(page)
    before = country(page, "IR").bounding_box()
    page.locator("#map").get_by_label("Part of the world").select_option("Southern Asia")
    after = country(page, "IR").bounding_box()
    assert before is not None and after is not None and after["width"] > 3 * before["width"]
    assert "Iran" in (country(page, "IR").get_attribute("aria-label") or "")


def test_keyboard_reaches_every_country_and_opens_its_cell(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    shown_map(page)
    assert page.locator('#map-picture [tabindex="0"]').count() == 1
    page.locator("#map").get_by_label("Part of the world").focus()
    page.keyboard.press("Tab")
    names = []
    for _ in range(7):
        names.append(page.evaluate("document.activeElement.dataset.cc"))
        page.keyboard.press("ArrowRight")
    assert names == ["BR", "FR", "DE", "GI", "IR", "SG", "US"]  # by name
    page.keyboard.press("Home")
    assert page.locator("#map-name").inner_text().startswith("Brazil: telegram/web at BR AS5: (BLOCKED 1/1)")
    page.keyboard.press("Enter")
    assert page.locator("#detail-title").inner_text() == "telegram/web at BR Brazil AS5"
    page.keyboard.press("Escape")
    assert page.locator("#detail").is_hidden()


def test_hidden_cell_is_said(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.locator("#filters").get_by_label("Country").select_option("DE")
    shown_map(page)
    country(page, "SG").click()
    assert page.locator("#detail").is_hidden()
    assert page.locator("#map-name").inner_text().endswith("The table does not show this cell now.")


def test_country_without_outline_is_named(open_page: Seen) -> None:
    page = open_page.show(made(world(), rows(6, probe_cc="ZZ", probe_asn="AS9")))
    assert "Not on the map: ZZ." in page.locator("#map").inner_text()


def test_one_country_needs_no_map(open_page: Seen) -> None:
    page = open_page.show(made(rows(6)))
    assert page.locator("#map").count() == 0

"""Test the pictures over time in Chromium: events, notes, gaps, networks, small multiples, mechanisms."""

import re
from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_events import bad, fine
from tests.browser.test_page import world
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import blocked, rows

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")


def choose(page: Page, **chosen: str) -> None:
    selects = dict(zip(("service", "country", "network"), page.locator("#time-filters select").all(), strict=True))
    for name, value in chosen.items():
        selects[name].select_option(value)


def seen(page: Page, name: str = "time-picture") -> Any:
    picture = page.locator(f"#{name}")
    picture.scroll_into_view_if_needed()
    expect(picture.locator("svg").first).to_be_visible()
    return picture


def row_of(page: Page, day: str, name: str = "time-table") -> list[str]:
    return page.locator(f"#{name} tr", has=page.locator(f'th:text-is("{day}")')).locator("th, td").all_text_contents()


def test_time_line_has_events_and_table(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    choose(page, service="telegram/web", country="IR")
    picture = seen(page)
    assert page.locator("#multiples-title").inner_text() == "All services in Iran"
    # both countries' measurements end on 2026-10-20, so that nothing went missing in one of them
    assert page.locator("#time-marks li").all_inner_texts() == ["2026-10-11: tls.reset.sni begins"]
    assert picture.locator(".mark").count() == 1
    assert row_of(page, "2026-10-11") == ["2026-10-11", "30", "0", "0", "89-100 %", "tls.reset.sni begins"]
    assert row_of(page, "2026-10-26") == ["2026-10-26", "not measured", "", "", "", ""]
    assert "2026-10-11" in page.locator("section[aria-labelledby=events-title]").inner_text()


def test_days_without_measurements_are_gaps(open_page: Seen) -> None:
    page = open_page.show(made(fine(6, [0, 1, 2, 8, 9, 12])))
    picture = seen(page)
    assert picture.locator(".band").count() == picture.locator(".share-line").count() == 3
    assert picture.locator(".dot").count() == 6
    assert picture.locator(".dot.pale").count() == 0
    boxes = [band.bounding_box() for band in picture.locator(".band").all()]
    ends = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
    assert ends[0][1] < ends[1][0] < ends[1][1] < ends[2][0]


def test_day_with_few_runs_has_a_hollow_point(open_page: Seen) -> None:
    page = open_page.show(made(fine(6, range(3)), fine(2, [3])))
    assert [dot.get_attribute("class") for dot in seen(page).locator(".dot").all()] == ["dot"] * 3 + ["dot pale"]


def test_shutdown_and_stopped_measurements_have_different_words(open_page: Seen) -> None:
    html = made(world())
    events = [
        {"kind": kind, "service": None, "cc": "IR", "onset": onset, "end": end, "mechanism": None, "networks": ["AS1"]}
        for kind, onset, end in (
            ("possible_shutdown", "2026-10-03", "2026-10-05"),
            ("measurements_stopped", "2026-10-07", "2026-10-09"),
        )
    ]
    page = open_page.page
    page.add_init_script(
        "const parse = JSON.parse; JSON.parse = (text) => { const found = parse(text);"
        f" if (found.events) found.events = {events!r}; return found; }};".replace("None", "null")
    )
    open_page.show(html)
    choose(page, service="telegram/web", country="IR")
    seen(page)
    assert page.locator("#time-marks li").all_inner_texts() == [
        "2026-10-03: possible shutdown begins",
        "2026-10-05: possible shutdown ends",
        "2026-10-07: measurements stop",
        "2026-10-09: measurements are back",
    ]


def test_notes_are_marked_where_they_belong(open_page: Seen) -> None:
    notes = [
        Annotation("2026-10-05", "", "", "Election"),
        Annotation("2026-10-11", "IR", "telegram/web", "<b>Court</b> order"),
        Annotation("2026-10-12", "DE", "", "Elsewhere"),
        Annotation("2026-10-13", "IR", "signal/chat", "Another service"),
        Annotation("2030-01-01", "IR", "", "Later"),
    ]
    page = open_page.show(made(world(), annotations=notes))
    choose(page, service="telegram/web", country="IR")
    picture = seen(page)
    assert page.locator("#time-marks li").all_inner_texts() == [
        "2026-10-05: note: Election",
        "2026-10-11: tls.reset.sni begins; note: <b>Court</b> order",
    ]
    assert (picture.locator(".mark").count(), picture.locator(".note-mark").count()) == (2, 1)
    assert page.locator("#notes tbody tr").count() == 5
    assert "2030-01-01" in page.locator("#notes").inner_text()


def test_many_events_have_numbers(open_page: Seen) -> None:
    """Block four networks one after the other for eight days. The chart has space for numbers only."""
    networks = [("AS1", 60), ("AS2", 62), ("AS3", 64), ("AS4", 68)]
    page = open_page.show(
        made(
            [
                row
                for asn, start in networks
                for row in fine(6, range(start), probe_asn=asn)
                + bad(6, range(start, start + 8), probe_asn=asn)
                + fine(6, range(start + 8, 100), probe_asn=asn)
            ]
        )
    )
    picture = seen(page)
    marks = page.locator("#time-marks li").all_inner_texts()
    assert len(marks) == 7  # one begins and another ends on the same day
    assert marks[0] == "2026-11-30: tls.reset.sni begins (AS1)"
    assert marks[3] == "2026-12-08: tls.reset.sni ends (AS1); tls.reset.sni begins (AS4)"
    page.set_viewport_size({"width": 390, "height": 844})
    expect(picture.locator("svg")).to_have_attribute("width", re.compile(r"3\d\d"))  # drawn again
    labels = picture.locator(".mark-number").all()
    assert [label.text_content() for label in labels] == list("1234567")
    for one, other in combinations([box for box in (label.bounding_box() for label in labels) if box], 2):
        apart = abs(one["x"] - other["x"]) >= one["width"] or abs(one["y"] - other["y"]) >= one["height"] * 0.7
        assert apart, (one, other)


def networks_world() -> list[VerdictRow]:
    blocks = fine(6, range(10), probe_asn="AS1") + bad(6, range(10, 20), probe_asn="AS1")
    calls = {"service": "telegram/calls"}
    return [*blocks, *fine(6, range(20), probe_asn="AS2"), *fine(6, range(20), probe_asn="AS2", **calls)]


def test_network_can_be_chosen(open_page: Seen) -> None:
    page = open_page.show(made(networks_world()))
    choose(page, service="telegram/web", network="AS1")
    seen(page)
    assert row_of(page, "2026-10-15")[:3] == ["2026-10-15", "6", "0"]
    assert page.locator("#time-marks li").all_inner_texts() == ["2026-10-11: tls.reset.sni begins"]
    choose(page, network="AS2")
    assert row_of(page, "2026-10-15")[:3] == ["2026-10-15", "0", "6"]
    assert page.locator("#time-marks li").count() == 0  # the event is on the other network
    choose(page, network="")
    assert row_of(page, "2026-10-15")[:3] == ["2026-10-15", "6", "6"]
    assert page.locator("#time-marks li").all_inner_texts() == ["2026-10-11: tls.reset.sni begins (AS1)"]


def test_small_multiples_are_worst_first_and_choose_the_service(open_page: Seen) -> None:
    page = open_page.show(made(networks_world()))
    buttons = seen(page, "multiples").locator("button")
    assert buttons.all_inner_texts() == ["telegram/web\n36 % fail", "telegram/calls\n0 % fail"]
    buttons.nth(1).focus()
    page.keyboard.press("Enter")
    assert page.locator("#time-filters select").first.input_value() == "telegram/calls"
    assert page.evaluate("document.activeElement.textContent").startswith("telegram/calls")
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"


def test_cell_chooses_its_series(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.locator('td[aria-label^="signal/chat, DE"]').click()
    values = [select.input_value() for select in page.locator("#time-filters select").all()]
    assert values[:2] == ["signal/chat", "DE"]


def test_mechanisms_are_stacked_with_the_rest_below(open_page: Seen) -> None:
    ways = ["a", "b", "c", "d", "e", "f", "a b"]
    day = {"day": "2026-10-01"}
    page = open_page.show(
        made(
            *[blocked(9 - number, mechanisms=way, **day) for number, way in enumerate(ways)],
            rows(8, **day),
            fine(6, [5]),
        )
    )
    picture = seen(page, "mechanisms-picture")
    legend = ["a", "b", "c", "d", "e", "other mechanisms", "works"]
    assert page.locator("#mechanisms-legend li").all_inner_texts() == legend
    assert row_of(page, "2026-10-01", "mechanisms-table") == ["2026-10-01", "9", "8", "7", "6", "5", "7", "8", "50"]
    assert row_of(page, "2026-10-02", "mechanisms-table")[1] == "not measured"
    boxes = [area.bounding_box() for area in picture.locator("rect.area").all()]
    areas = [box for box in boxes if box][:7]
    total = sum(box["height"] for box in areas)
    assert [round(50 * box["height"] / total) for box in areas] == [9, 8, 7, 6, 5, 7, 8]
    assert [round(box["y"]) for box in areas] == sorted(round(box["y"]) for box in areas)


def test_long_period_is_drawn_by_week(open_page: Seen) -> None:
    page = open_page.show(made(bad(1, range(140))))
    picture = seen(page, "mechanisms-picture")
    assert picture.locator("rect.area").count() == 20
    assert page.locator("#mechanisms-legend li").all_inner_texts() == ["tls.reset.sni", "works"]
    assert page.locator("#mechanisms-table th").first.text_content() == "week from"
    assert row_of(page, "2026-10-01", "mechanisms-table")[1] == "7"


def test_period_of_the_fragment_shortens_the_pictures(open_page: Seen) -> None:
    notes = [Annotation("2026-10-06", "", "", "Inside"), Annotation("2026-10-12", "", "", "Outside")]
    page = open_page.show(made(world(), annotations=notes))
    page.evaluate("location.hash = '#since=2026-10-05&until=2026-10-12'")
    choose(page, service="telegram/web", country="IR")
    seen(page)
    assert page.locator("#time-table tbody th").all_text_contents()[0] == "2026-10-05"
    assert page.locator("#time-table tbody th").all_text_contents()[-1] == "2026-10-11"
    visible = page.locator("#events tbody tr:visible, #notes tbody tr:visible")
    assert [row.split("\t")[0] for row in visible.all_inner_texts()] == ["telegram/web", "2026-10-06"]
    page.evaluate("location.hash = '#until=2026-10-11'")  # the day on which the event begins
    expect(page.locator("#events tbody tr:visible")).to_have_count(0)


def test_link_restores_the_series_and_the_map(open_page: Seen) -> None:
    page = open_page.show(made(networks_world(), fine(3, range(3), probe_cc="DE", probe_asn="AS9")))
    choose(page, service="telegram/web", country="IR")
    choose(page, network="AS1")
    page.locator("#map-filters select").first.select_option("telegram/calls")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("html[data-ready]")
    selects = page.locator("#time-filters select, #map-filters select").all()
    assert [select.input_value() for select in selects] == ["telegram/calls", "", "telegram/web", "IR", "AS1"]
    page.locator('td[aria-label^="telegram/calls, "][aria-label*="AS2"]').click()
    assert [select.input_value() for select in selects[2:]] == ["telegram/calls", "IR", "AS2"]
    page.keyboard.press("Escape")
    assert selects[2].input_value() == "telegram/calls"  # closing the cell changes no picture


def test_pictures_are_drawn_when_they_are_first_seen(open_page: Seen) -> None:
    page = open_page.show(made(world(), *(rows(5, service=f"s/{number}") for number in range(60))))
    assert page.locator("#mechanisms-picture svg").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#mechanisms-picture svg").count() == page.locator("#map-picture svg").count() == 1


def test_series_beyond_the_limit_are_said(open_page: Seen, monkeypatch: Any) -> None:
    monkeypatch.setattr("probe.analysis.report.page.over_time_data.MOST_POINTS", 40)
    page = open_page.show(made(networks_world()))
    note = page.locator("#time .note").inner_text()
    assert note.startswith("This page has the series of 1 countries and networks. 2 more with fewer runs are left out")

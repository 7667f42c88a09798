"""Test the table of cells in Chromium: fills, bars, regions, order, search, paper."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.analysis.compare.test_events import bad, fine
from tests.analysis.compare.test_networks import run, verdicts
from tests.browser.test_page import AXE, SERIOUS
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import blocked, rows

STATES = ("blocked", "likely_blocked", "degraded", "impaired", "down", "ok", "connected")
CERTAIN = ("sure", "fair", "unsure", "few")
# The contrast of WCAG 2.1 between the text and the fill of an element.
CONTRAST = """(cell) => {
  const style = getComputedStyle(cell);
  const light = (color) => { const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const [dark, bright] = [light(style.color), light(style.backgroundColor)].sort((one, other) => one - other);
  return (bright + 0.05) / (dark + 0.05);
}"""


def world() -> str:
    """Return a page of six vantage points. Their cells differ in state, certainty and networks."""
    days = [f"2026-11-{day:02}" for day in range(1, 15)]
    here: dict[str, Any] = {"probe_cc": "IR", "service": "telegram/web"}
    there: dict[str, Any] = {"probe_cc": "DE", "service": "telegram/web"}
    return made(
        *(blocked(1, day=day, probe_asn="AS1", **here) for day in days),
        *(rows(1, day=day, probe_asn="AS2", **here) for day in days),
        *(rows(1, day=day, probe_asn="AS3", **there) for day in days[:5]),
        *(rows(2, probe_cc=cc, probe_asn="AS4", service="telegram/web") for cc in ("FR", "BR", "ZZ", "IT")),
        rows(6, probe_cc="DE", service="gmail/imap", target="gmail"),
        by=("cc",),
    )


def cell(page: Page, service: str, cc: str) -> Any:
    return page.locator(f'#grid td[aria-label^="{service}, {cc}"]')


def classes(page: Page, service: str, cc: str) -> list[str]:
    return (cell(page, service, cc).get_attribute("class") or "").split()[2:]


def services(page: Page) -> list[str]:
    return page.locator("#grid tbody th").all_inner_texts()


def vantages(page: Page) -> list[str]:
    return page.locator("#grid thead th[scope=col]:not(.corner)").all_inner_texts()


def test_fill_and_bar_tell_certainty_and_networks(open_page: Seen) -> None:
    page = open_page.show(world())
    assert classes(page, "telegram/web", "IR") == ["fair", "share4"]  # 14 of 28 network-days: 33 to 67 %
    assert classes(page, "telegram/web", "DE") == ["fair", "share0"]
    assert classes(page, "gmail/imap", "DE") == ["unsure", "share0"]  # six runs of one day
    assert classes(page, "telegram/web", "FR") == ["few", "share0"]
    widths = page.locator("#grid td.share4").evaluate("(cell) => getComputedStyle(cell).backgroundSize")
    assert widths == "50% 4px"
    cell(page, "telegram/web", "IR").hover()
    assert "on 1 of 2 networks" in (cell(page, "telegram/web", "IR").get_attribute("title") or "")
    cell(page, "telegram/web", "IR").click()
    assert "Networks that fail\n1 of 2" in page.locator("#detail").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_every_fill_is_readable(browser: Browser, tmp_path: Any, scheme: Any) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = Seen(context.new_page(), tmp_path).show(world())
        some = cell(page, "telegram/web", "DE")
        fills = {}
        for state in STATES:
            for certain in CERTAIN:
                some.evaluate("(cell, name) => { cell.className = name; }", f"cell {state} {certain} share8")
                fills[state, certain] = some.evaluate("(cell) => getComputedStyle(cell).backgroundColor")
                assert some.evaluate(CONTRAST) >= 4.5, (state, certain)
        page_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for state in STATES:
            strengths = [contrast(fills[state, certain], page_colour) for certain in CERTAIN]
            assert all(stronger > weaker for stronger, weaker in pairwise(strengths)), (state, strengths)


def contrast(one: str, other: str) -> float:
    """Return how far apart two colours of CSS are, from 0 to 441."""
    colours = [[float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]] for text in (one, other)]
    return float(sum((a - b) ** 2 for a, b in zip(*colours, strict=True)) ** 0.5)


def by_region(page: Page) -> None:
    page.get_by_label("Order of vantage points").select_option("by region")


def test_columns_stand_below_their_region(open_page: Seen) -> None:
    page = open_page.show(world())
    by_region(page)
    heads = page.locator("#grid thead th.region")
    spans = [(head.inner_text(), head.get_attribute("colspan")) for head in heads.all()]
    assert spans == [
        *(("South America", "1"), ("Southern Asia", "1"), ("Southern Europe", "1")),
        *(("Western Europe", "2"), ("unknown region", "1")),
    ]
    assert vantages(page) == ["BR Brazil", "IR Iran", "IT Italy", "FR France", "DE Germany", "ZZ"]


def test_names_of_networks_stand_below_the_country(open_page: Seen) -> None:
    page = open_page.show(made(rows(5, probe_asn="AS3320", probe_cc="DE")))
    assert vantages(page) == ["DE Germany AS3320\nDeutsche Telekom AG"]


def test_orders_of_services_and_vantage_points(open_page: Seen) -> None:
    ok = ("a/changed", "b/changed", "c/worst", "d/ok")
    changed = [
        row
        for start, service in ((20, "a/changed"), (10, "b/changed"))
        for row in fine(5, range(start), service=service) + bad(9, range(start, 30), service=service)
    ]
    page = open_page.show(
        made(
            changed,
            *(rows(5, "ok", service=service, probe_cc="DE") for service in ok),
            *(blocked(5, service="c/worst", probe_cc=cc) for cc in ("IR", "RU", "CN")),
            rows(5, "degraded", service="b/changed", probe_cc="CN"),
            by=("cc",),
        )
    )
    assert services(page) == ["c/worst", "b/changed", "a/changed", "d/ok"]
    assert [name[:2] for name in vantages(page)] == ["IR", "CN", "RU", "DE"]
    page.get_by_label("Order of services").select_option("most recently changed")
    assert services(page) == ["a/changed", "b/changed", "c/worst", "d/ok"]
    page.get_by_label("Order of services").select_option("by name")
    assert services(page) == ["a/changed", "b/changed", "c/worst", "d/ok"]
    page.get_by_label("Order of vantage points").select_option("by name")
    assert [name[:2] for name in vantages(page)] == ["CN", "DE", "IR", "RU"]
    assert page.locator("#grid .region").count() == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("gmail", (["gmail/imap"], 6)),
        ("germany", (["gmail/imap", "telegram/web"], 1)),
        ("IR", (["gmail/imap", "telegram/web"], 1)),
        ("ir", (["gmail/imap", "telegram/web"], 1)),
        ("southern europe", (["gmail/imap", "telegram/web"], 1)),
        ("RESET", (["telegram/web"], 1)),
        ("AS2", (["telegram/web"], 1)),
        ("tele france", (["telegram/web"], 1)),
        ("no such thing", ([], 0)),
        ("<b>", ([], 0)),
        ("(", ([], 0)),
        ("", (["gmail/imap", "telegram/web"], 6)),
    ],
)
def test_search_finds_rows_and_columns(open_page: Seen, words: str, found: tuple[list[str], int]) -> None:
    page = open_page.show(world())
    page.get_by_label("Search").fill(words)
    assert (sorted(services(page)), len(vantages(page))) == found


def test_baseline_stays_beside_what_is_found(open_page: Seen) -> None:
    baseline = (("cc", "DE"),)
    page = open_page.show(made(blocked(5), rows(5, probe_cc="DE"), rows(5, probe_cc="FR"), baseline=baseline))
    by_region(page)
    page.get_by_label("Search").fill("IR")
    assert [name.splitlines()[0] for name in vantages(page)] == ["baseline DE Germany", "IR Iran AS64500"]
    assert page.locator("#grid .region").all_inner_texts() == ["baseline", "Southern Asia"]
    page.get_by_label("Search").fill("nothing")
    assert vantages(page) == []


def test_phone_lists_the_vantage_points_below_each_service(browser: Browser, tmp_path: Any) -> None:
    many = [rows(5, probe_asn=f"AS{number}", probe_cc=cc) for cc in ("IR", "DE", "BR") for number in range(1, 9)]
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = Seen(context.new_page(), tmp_path).show(made(*many, rows(5, probe_cc="FR", service="gmail/imap")))
        page.get_by_role("button", name="Show all 2 services. None fails.").click()
        page.get_by_role("button", name="Show 24 more vantage points").click()
        service = page.locator("#grid tbody th", has_text="telegram/web").bounding_box()
        cells = page.locator("#grid tr", has_text="telegram/web").locator("td:visible")
        assert service is not None and cells.count() == 24  # the gap of FR is left out
        heights = []
        for cell in cells.all():
            box, name = cell.bounding_box(), cell.evaluate("(cell) => getComputedStyle(cell, '::before').content")
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and " AS" in name
            heights.append(box["y"])
        assert heights == sorted(set(heights)) and heights[0] > service["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        cells.last.click()
        assert page.locator("#detail-title").is_visible()
        page.get_by_role("button", name="Close").click()
        assert page.locator("#detail").is_hidden()


@pytest.mark.parametrize("count", [12, 45])
def test_table_fits_on_paper(open_page: Seen, count: int) -> None:
    page = open_page.show(
        made(*(rows(5, probe_asn=f"AS{number}", network="A long name of a network") for number in range(count)))
    )
    page.set_viewport_size({"width": 1047, "height": 700})  # A4, landscape, without its margins
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    tables = page.locator("#grid:visible, #printed table:visible")
    assert tables.count() == -(-count // 20)
    assert sum(table.locator("td.cell").count() for table in tables.all()) == count
    for table in tables.all():
        box = table.bounding_box()
        assert box is not None and box["x"] + box["width"] <= 1047
    for hidden in ("#filters", "#downloads", "#reset", "#keys"):
        assert page.locator(hidden).is_hidden()
    assert page.locator(".legend").first.is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#printed table").count() == 0


def test_printing_draws_the_parts(open_page: Seen) -> None:
    page = open_page.show(made(*(rows(5, probe_asn=f"AS{number}") for number in range(45))))
    page.evaluate(
        "addEventListener('beforeprint', () => { window.seen = document.querySelectorAll('#printed table').length; })"
    )
    assert page.pdf()[:5] == b"%PDF-"
    assert page.evaluate("window.seen") == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_problem_in_wide_table(browser: Browser, tmp_path: Any, scheme: Any) -> None:
    countries = ("IR", "DE", "BR", "ZZ", "FR", "IT", "US")
    states = ("blocked", "likely_blocked", "degraded", "impaired", "down", "ok")
    many = [
        row
        for cc in countries
        for number, state in enumerate(states)
        for row in rows(1 + 3 * number, state, probe_cc=cc, service=f"s/{state}")
    ]
    with browser.new_context(color_scheme=scheme) as context:
        page = Seen(context.new_page(), tmp_path).show(made(many, baseline=(("cc", "DE"),)))
        page.locator("#grid td").first.click()
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")
        grave = [violation for violation in found["violations"] if violation["impact"] in SERIOUS]
        assert not [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in grave]
        assert len(found["passes"]) > 20  # the page was rendered


def test_opened_cell_is_marked_and_in_view(open_page: Seen) -> None:
    page = open_page.show(made(*(rows(5, probe_asn=f"AS{number}") for number in range(1, 61))))
    page.evaluate("location.hash = '#cell=telegram%2Fweb~IR%20AS40'")
    marked = page.locator("#grid td[aria-selected]")
    marked.wait_for()
    assert (marked.get_attribute("aria-label") or "").startswith("telegram/web, IR Iran AS40:")
    cell_box, box = marked.bounding_box(), page.locator("#scroll").bounding_box()
    assert cell_box is not None and box is not None
    assert box["x"] <= cell_box["x"] and cell_box["x"] + cell_box["width"] <= box["x"] + box["width"]
    page.keyboard.press("Escape")
    assert marked.count() == 0


def test_cells_of_a_network_that_stops_most_connections_are_marked(open_page: Seen) -> None:
    fine = (line for cc in ("BR", "DE", "FR", "IT") for line in run("clean", cc))
    page = open_page.show(made(verdicts([*run("allowlist-address", "IR"), *fine]), by=("cc",)))
    assert cell(page, "snapchat/web", "IR").inner_text() == "(L°)"
    assert cell(page, "snapchat/web", "DE").inner_text() == "(✓)"
    table = page.locator("#networks tbody tr").all_inner_texts()
    assert ["DE Germany", "1", "open in 1"] in [line.split("\t")[:3] for line in table] and len(table) == 5
    assert ["IR Iran", "1", "allowlist_address in 1"] in [line.split("\t")[:3] for line in table]
    cell(page, "snapchat/web", "IR").click()
    said = page.locator("#detail dd", has_text="allowlist_address").inner_text()
    assert said.startswith("In 1 of the failing runs: allowlist_address. This network lets only listed servers pass.")

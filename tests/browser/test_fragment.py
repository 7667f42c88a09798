"""Test in Chromium that the address of a page holds what is chosen, and that no fragment does harm."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_page import EVIL, world
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import rows

CELL = "cell=telegram%2Fweb~IR%20AS64500"


def fragment(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def shown(page: Page) -> tuple[list[str], int]:
    services = page.locator("#grid tbody th").all_inner_texts()
    return services, page.locator("#grid thead th[scope=col]:not(.corner)").count()


def controls(page: Page) -> list[str]:
    found: list[str] = (
        page.locator("#filters").locator("select, input").evaluate_all("(all) => all.map((one) => one.value)")
    )
    return found


def test_every_choice_stands_in_the_address(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.get_by_label("Search").type("tele")
    page.locator("#filters").get_by_label("Country").select_option("IR")
    page.locator("#filters").get_by_label("State").select_option("blocked")
    page.get_by_label("Order of services").select_option("by name")
    page.get_by_label("Order of vantage points").select_option("by name")
    page.get_by_label("Pictures and events since").fill("2026-10-05")
    page.get_by_label("until").fill("2026-11-01")
    page.locator("#grid td").first.click()
    chosen = fragment(page).removeprefix("#").split("&")
    assert sorted(chosen) == [
        *(
            "cc=IR",
            CELL,
            "columns=name",
            "q=tele",
            "since=2026-10-05",
            "sort=name",
            "state=blocked",
            "until=2026-11-01",
        ),
    ]
    before, values = shown(page), controls(page)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert (shown(page), controls(page)) == (before, values)
    assert before == (["telegram/web"], 1)
    assert page.locator("#detail-title").inner_text() == "telegram/web at IR Iran AS64500"


def test_link_with_a_period_only_is_opened(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.goto(f"{page.url}#since=2026-10-05")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.get_by_label("Pictures and events since").input_value() == "2026-10-05"
    assert page.locator("#grid td").count() == 6


def test_back_and_forward_restore_choices(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.locator("#filters").get_by_label("Country").select_option("DE")
    page.get_by_label("Search").type("signal")  # one step for all letters
    page.locator("#grid td").first.click()
    page.go_back()
    assert page.locator("#detail").is_hidden()
    assert shown(page) == (["signal/calls", "signal/chat"], 1)
    page.go_back()
    assert shown(page)[1] == 1 and page.get_by_label("Search").input_value() == ""
    page.go_back()
    assert shown(page) == (["telegram/web", "signal/calls", "signal/chat"], 2)
    page.go_forward()
    assert page.locator("#filters").get_by_label("Country").input_value() == "DE"
    page.go_forward()
    page.go_forward()
    assert page.locator("#detail-title").inner_text() == "signal/calls at DE Germany AS3320"


def test_show_everything_removes_choices(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    assert page.locator("#reset").is_hidden()
    page.locator("#filters").get_by_label("Country").select_option("DE")
    page.locator("#reset").click()
    assert fragment(page) == "" and shown(page)[1] == 2
    assert page.locator("#reset").is_hidden()


def test_link_of_cell_is_copied(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = Seen(context.new_page(), tmp_path).show(made(world()))
        page.locator("#filters").get_by_label("State").select_option("blocked")
        page.locator("#grid td").first.click()
        page.get_by_role("button", name="Copy link").click()
        page.get_by_text("The link was copied.").wait_for()
        link = page.evaluate("navigator.clipboard.readText()")
        assert link == f"{(tmp_path / 'page.html').as_uri()}#{CELL}"
        other = context.new_page()
        other.goto(link)
        other.wait_for_selector("html[data-ready]")
        assert other.locator("#detail-title").inner_text() == "telegram/web at IR Iran AS64500"
        assert other.evaluate("document.activeElement.id") == "detail-title"


def test_refused_copy_is_said(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.locator("#grid td").first.click()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The browser did not allow to copy.").wait_for()


def test_every_cell_of_the_list_has_a_link(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.locator("#list summary").click()
    links = page.locator("#list-table a")
    expect(links).to_have_count(6)  # Chromium opens the list, and changes the fragment, in a later task
    for number in range(6):
        links.nth(number).click()
        service, vantage = page.locator("#list-table tbody tr").nth(number).locator("th, td").all_inner_texts()[:2]
        expect(page.locator("#detail-title")).to_have_text(f"{service} at {vantage}")


HOSTILE = [
    *("#", "#&", "#=", "#&&==&", "#grid", "#cc", "#cc=", "#cc=XX", "#cc=__proto__", "#__proto__=1", "#constructor=x"),
    *("#sort=toString", "#sort=hasOwnProperty", "#columns=constructor", "#state=OK", "#state=mixed", "#mechanism=%00"),
    *("#cell=", "#cell=~", "#cell=telegram/web", "#cell=telegram/web~", "#cell=~IR", "#cell=telegram/web~XX"),
    *("#cell=%E0%A4%A", "#cc=%", "#cc=%ZZ", "#%ff=%fe", "#since=yesterday", "#since=2026-13-99", "#until=0"),
    *("#until=99999-01-01", "#cc=IR%00", "#target=<script>console.log('owned')</script>", "#cc=IR" + "&x=1" * 10_000),
    *("#q=" + "a" * 201, "#q=" + "%41" * 2000, "#" + "cc=IR;" * 50, "#javascript:alert(1)", "#:~:text=telegram"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_fragment_changes_nothing(open_page: Seen, text: str) -> None:
    page = open_page.show(made(world()))
    usual = page.locator(".split").inner_text()
    page.goto("about:blank")
    page.goto((open_page.folder / "page.html").as_uri() + text)
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".split").inner_text() == usual
    page.evaluate("location.hash = '#cc=DE'")
    page.wait_for_function("document.querySelectorAll('#grid thead th[scope=col]').length === 2")


def test_search_for_half_a_character_has_an_address(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.get_by_label("Search").evaluate(
        "(input) => { input.value = '\\ud800'; input.dispatchEvent(new Event('input')); }"
    )
    assert fragment(page) == "#q=%EF%BF%BD"


def test_search_with_markup_stays_text(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.evaluate("(text) => { location.hash = '#q=' + encodeURIComponent(text); }", EVIL)
    page.wait_for_function("document.querySelectorAll('#grid td').length === 0")
    assert page.get_by_label("Search").input_value() == EVIL
    assert page.locator("img").count() == 0


def test_hostile_names_have_working_links(open_page: Seen) -> None:
    """Check names that need escapes, and names that begin like others."""
    names = ["a&b=c#d%20e+f", "ünï/çødé ~ x", "a", "a~IR AS1", EVIL]
    page = open_page.show(made(*(rows(5, service=name, target=name, probe_asn="AS1") for name in names)))
    for number in range(len(names)):
        page.locator("#grid td").nth(number).click()
        title = page.locator("#detail-title").text_content()
        assert (title or "").startswith(page.locator("#grid tbody th").nth(number).text_content() or "?")
        address = page.evaluate("location.href")
        page.goto("about:blank")
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        assert page.locator("#detail-title").text_content() == title


def test_vantage_points_of_one_label_have_own_links(open_page: Seen) -> None:
    page = open_page.show(made(rows(5, probe_cc="DE", probe_asn=""), rows(6, probe_cc="", probe_asn="DE")))
    for number in range(2):
        page.locator("#grid td").nth(number).click()
        wanted = page.locator("#grid td").nth(number).inner_text()
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.locator("#detail-body strong").inner_text() == wanted


def test_period_leaves_cells_as_they_are(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    assert "Cells are computed from all data of this page." in page.locator("#period-note").inner_text()
    before = shown(page)
    page.get_by_label("Pictures and events since").fill("2026-11-01")
    assert shown(page) == before
    assert fragment(page) == "#since=2026-11-01"


def test_page_of_one_day_has_no_period(open_page: Seen) -> None:
    page = open_page.show(made(rows(5)))
    assert page.get_by_label("Pictures and events since").count() == 0
    assert page.locator("#period-note").is_hidden()

"""Test how much space pages need: on a phone of 390 px while folded, and on paper of the size A4."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from probe.cli.results.show import show
from tests.analysis.verdicts.test_apps import RECORDED
from tests.browser.test_ui import Offered, ended, started

PHONE = {"width": 390, "height": 844}
LETTERS = 8  # that the narrowest column holds
NARROW = """least => [...document.querySelectorAll('th, td')].filter(cell => cell.offsetParent).map(cell => {
    const style = getComputedStyle(cell), context = document.createElement('canvas').getContext('2d');
    context.font = style.font;
    const inner = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return [cell.innerText.trim(), inner, context.measureText('n'.repeat(least)).width];
}).filter(([text, inner, wanted]) => text.length > least && inner < wanted)"""


@pytest.fixture(params=["great-firewall", "clean", "interrupted"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    show(str(RECORDED / f"{request.param}.jsonl.gz"), html=tmp_path / "page.html")
    return tmp_path / "page.html"


def opened(browser: Browser, file: Path) -> Page:
    page = browser.new_context(viewport=PHONE).new_page()  # type: ignore[arg-type]
    page.goto(file.as_uri())
    return page


def narrow_columns(page: Page) -> list[object]:
    found: list[object] = page.evaluate(NARROW, LETTERS)
    return found


def test_folded_page_has_at_most_two_screens(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    assert page.evaluate("document.documentElement.scrollHeight") <= 2 * PHONE["height"]
    assert narrow_columns(page) == []


def test_paper_has_at_most_six_pages_with_each_app(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    assert 0 < len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4"))) <= 6
    page.emulate_media(media="print")
    assert page.get_by_role("article").first.locator(".certainty, .soft").first.is_visible()


def test_apps_at_a_glance_have_state_and_calls_while_folded(browser: Browser, file: Path) -> None:
    page = opened(browser, file)
    whatsapp = page.get_by_role("article", name="WhatsApp")
    if whatsapp.count():
        assert "Calls: " in whatsapp.inner_text() and "How sure" not in whatsapp.inner_text()
        whatsapp.locator("summary").click()
        assert "How sure" in whatsapp.inner_text()


def test_narrow_columns_are_found(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<table><tr><td style='max-width:3em;overflow:hidden'>wordwordword</td></tr></table>"
    )
    assert narrow_columns(opened(browser, tmp_path / "page.html"))


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offered]:
    offered = started(tmp_path_factory.mktemp("interface"), 0.4, consent=False)
    yield offered
    ended(offered)


def test_consent_has_at_most_two_screens_and_no_flags(browser: Browser, interface: Offered) -> None:
    page = browser.new_context(viewport=PHONE).new_page()  # type: ignore[arg-type]
    page.goto(interface.address)
    assert page.get_by_role("radio").count() >= 6
    assert page.evaluate("document.documentElement.scrollHeight") <= 2 * PHONE["height"]
    assert not re.search(r"(^|\s)--?[a-z]", page.inner_text("main"))
    assert narrow_columns(page) == []

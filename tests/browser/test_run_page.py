"""Test the page of one run in Chromium from file://: requests, screens, paper, keyboard, screen reader."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from probe.cli.results.show import show
from probe.messages import catalogue, use
from tests.analysis.verdicts.test_apps import RECORDED
from tests.browser.test_page import AXE
from tests.run_page.test_run_page import hostile_page
from tests.support.browser import watched
from tests.support.measurements.media_flows import flow, with_media


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page that `probe show --html` writes about the great firewall of the lab."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    show(str(RECORDED / "great-firewall.jsonl.gz"), html=path)
    return path


@pytest.fixture
def shown(page: Page, file: Path) -> Iterator[Page]:
    """Return the opened page, and check at the end that it made no request and no error."""
    for seen in watched(page, file.parent):
        page.goto(file.as_uri())
        yield seen.page


def check_fit_and_axe(page: Page, width: int) -> None:
    """Open all evidence, and check that nothing scrolls sideways and that axe finds nothing."""
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
    assert len(found["passes"]) > 15  # the page was rendered


def test_first_screen_has_the_answer(shown: Page) -> None:
    assert shown.title() == "What this run found"
    assert shown.locator(".headline").inner_text().startswith("7 of 9 apps do not work: WhatsApp, ")
    assert shown.get_by_text("LAB great-firewall: emulated").is_visible()
    cards = shown.get_by_role("article")
    assert cards.count() == 12
    signal = shown.get_by_role("article", name="Signal")
    assert "BLOCKED" in signal.inner_text() and "Calls: no (app blocked)" in signal.inner_text()
    assert [card.get_attribute("aria-labelledby") for card in cards.all()] == [f"app-{n}" for n in range(1, 13)]


def test_foreign_request_is_blocked_and_noticed(page: Page, file: Path, tmp_path: Path) -> None:
    """Check that the policy blocks a request, and that the listener of the other tests records it."""
    spoiled = file.read_text(encoding="utf-8").replace(
        "<main>", '<main><img src="http://127.0.0.1:9/x.png"><script>alert(1)</script><p style="color: red">'
    )
    (tmp_path / "page.html").write_text(spoiled, encoding="utf-8")
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto((tmp_path / "page.html").as_uri())
    assert sum("Content Security Policy" in text for text in refused) == 3


@pytest.mark.parametrize(("code", "direction"), [("fa", "rtl"), ("zh_CN", "ltr")])
def test_translated_page_fits_and_axe_finds_no_problem(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, direction: str
) -> None:
    monkeypatch.setattr(catalogue, "_translations", None)
    monkeypatch.setenv(catalogue.OF_PARENT, "")
    use(code)
    show(str(RECORDED / "great-firewall.jsonl.gz"), html=tmp_path / "page.html")
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        assert page.locator("html").get_attribute("dir") == direction
        assert page.locator("svg").first.evaluate("one => getComputedStyle(one).direction") == "ltr"
        assert page.get_by_text("Not checked by a native speaker.").is_visible()
        check_fit_and_axe(page, 390)


@pytest.mark.parametrize("name", ["captive-portal", "web"])
def test_other_runs_fit_and_axe_finds_no_problem(browser: Browser, tmp_path: Path, name: str) -> None:
    """Check a run that cannot be used, and one of web addresses."""
    show(str(RECORDED / f"{name}.jsonl.gz"), html=tmp_path / "page.html")
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        check_fit_and_axe(page, 390)


def test_hostile_texts_do_nothing(page: Page, tmp_path: Path) -> None:
    for seen in watched(page, tmp_path):
        (tmp_path / "page.html").write_text(hostile_page(), encoding="utf-8", errors="replace")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto((tmp_path / "page.html").as_uri())
        assert page.locator("script, img").count() == 0
        assert "<script>alert(1)</script>" in page.locator(".headline").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert seen.page.title() == "What this run found"


def test_keyboard_opens_the_evidence(shown: Page) -> None:
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.tagName") == "SUMMARY"
    shown.keyboard.press("Enter")
    evidence = shown.locator("details[open]")
    assert evidence.count() == 1
    assert "attempts failed here." in evidence.inner_text() and "Rule " in evidence.inner_text()


def test_pictures_have_texts(shown: Page) -> None:
    for summary in shown.locator("summary").all():
        summary.click()
    assert shown.get_by_role("img", name="The connections are interfered with between router 3").count() == 10
    rows = shown.locator(".rows > li")
    assert rows.count() == 12
    assert "277 attempts, 114 failed." in rows.filter(has_text="Signal").inner_text()
    crosses, circles = rows.locator("path.cross"), rows.locator("circle.worked")
    assert crosses.count() > 50 and circles.count() > 50
    assert "failed" in (crosses.first.locator("..").locator("title").text_content() or "")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_axe_finds_no_problem(browser: Browser, file: Path, width: int, scheme: Any) -> None:
    """Check with all evidence open."""
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        check_fit_and_axe(page, width)


@pytest.fixture(scope="module")
def file_of_flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a run with a pair of media flows that has every kind of mark."""
    folder = tmp_path_factory.mktemp("flows")
    with gzip.open(RECORDED / "clean.jsonl.gz", "rt", encoding="utf-8") as recorded:
        measurements = [json.loads(line) for line in recorded]
    codes = [-1 if number % 3 == 1 else 2000 if number % 5 == 1 else 0 for number in range(400)] + [-3] * 100
    entries = [flow("rtp", codes, codes), flow("opaque", [0] * 500, [0] * 500)]
    made = [with_media(one, entries) if one["test_name"] == "signal" else one for one in measurements]
    (folder / "run.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made), encoding="utf-8")
    show(str(folder / "run.jsonl"), html=folder / "page.html")
    return folder / "page.html"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_media_flows_fit_and_axe_finds_no_problem(
    browser: Browser, file_of_flows: Path, width: int, scheme: Any
) -> None:
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(file_of_flows.as_uri())
        flows = page.get_by_role("region", name="Packets of a call, one by one")
        pictures = flows.get_by_role("img")
        assert pictures.count() == 4
        assert "Arrived in time: 500. Late: 0. Lost: 0." in (pictures.nth(1).get_attribute("aria-label") or "")
        for place in range(4):
            box = pictures.nth(place).bounding_box()
            assert box is not None and box["width"] > 300 and 20 < box["height"] < 40
        colours = {
            mark: flows.locator(f"path.{mark}").first.evaluate("one => getComputedStyle(one).stroke")
            for mark in ("arrived", "late", "lost", "unknown")
        }
        assert len(set(colours.values())) == 4
        check_fit_and_axe(page, width)
        page.emulate_media(media="print")
        assert flows.is_visible() and pictures.first.is_visible()


def test_evidence_opens_without_script(browser: Browser, file: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(file.as_uri())
        page.locator("summary").first.click()
        assert "from the test helper." in page.locator("details[open]").inner_text()


def test_dark_page_is_dark(browser: Browser, file: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(file.as_uri())
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(19, 19, 22)"]


def test_paper_has_the_evidence(shown: Page) -> None:
    """Check that what it means is printed, on white, and the evidence only where it is unfolded."""
    meaning = shown.locator("details > p").first
    evidence = shown.locator("details").first.locator("h4").first
    assert not meaning.is_visible() and not evidence.is_visible()
    shown.emulate_media(media="print", color_scheme="dark")
    assert meaning.is_visible() and not evidence.is_visible()
    assert meaning.bounding_box() is not None
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.pdf()[:5] == b"%PDF-"

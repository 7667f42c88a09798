"""Test `probe explore` in Chromium: with token and without, its form, its files, two tabs, and a store that changes."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

from probe.analysis.store.writing.ingest import ingest
from tests.support.local_server import Visited
from tests.support.store.stores import some_lines, store_of, write

ROOT = Path(__file__).parent.parent.parent
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
PATIENCE = 60_000  # ms for an answer that is computed


@dataclass(kw_only=True)
class Explored(Visited):
    """Hold a running `probe explore` and its store."""

    store: Path

    def shown(self, page: Page, more: str = "") -> Page:
        """Open the page, and wait until its answer is there."""
        page.goto(self.address + more)
        page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
        return page


@pytest.fixture
def explored(tmp_path: Path) -> Iterator[Explored]:
    """Serve a store of 60 measurements, and check that no page requested another address or logged an error."""
    store = store_of(tmp_path, some_lines(60))
    command = [sys.executable, "-m", "probe", "explore", str(store), "--by", "cc"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        running = Explored(process.stdout.readline().strip(), store=store)
        yield running
        process.terminate()
        assert process.stderr.read() == ""
    running.check()


def test_page_opens_and_its_form_asks(explored: Explored, page: Page) -> None:
    explored.watch(page.context)
    explored.shown(page)
    assert page.get_by_label("Vantage points", exact=True).input_value() == "cc"
    assert page.locator('td[aria-label*="IR"]').count() > 0
    page.get_by_label("Only", exact=True).fill("cc=DE")
    page.get_by_role("button", name="Ask").click()
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
    expect(page.locator('td[aria-label*="IR"]')).to_have_count(0)
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["by"], asked["only"], "lab" in asked) == (["cc"], ["cc=DE"], False)


def test_file_is_saved(explored: Explored, page: Page) -> None:
    explored.watch(page.context)
    explored.shown(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV", exact=True).first.click()
    assert waiting.value.suggested_filename == "cells.csv"
    assert Path(waiting.value.path()).read_text().startswith("service,cc,")


def test_page_without_token_is_refused(explored: Explored, page: Page) -> None:
    answer = page.goto(f"{explored.origin}/?by=cc")
    assert answer is not None and answer.status == 401
    assert "token is missing" in page.inner_text("main")


def test_other_name_of_this_computer_is_refused(explored: Explored, page: Page) -> None:
    """Open the page under a name that Chromium resolves to 127.0.0.1, as after DNS rebinding."""
    answer = page.goto(explored.address.replace("127.0.0.1", "attacker.localhost"))
    assert answer is not None and answer.status == 421


def test_other_site_cannot_read(explored: Explored, page: Page) -> None:
    """Let another origin request the API, with the token, and check that the answer stays hidden."""
    token = parse_qs(urlsplit(explored.address).query)["token"][0]
    page.route("http://attacker.example/", lambda route: route.fulfill(body="<title>other</title>"))
    page.goto("http://attacker.example/")
    read = "url => fetch(url).then(answer => answer.text()).catch(error => 'hidden: ' + error.name)"
    assert page.evaluate(read, f"{explored.origin}/api/v1/store?token={token}") == "hidden: TypeError"


def test_two_tabs_have_two_questions(explored: Explored, page: Page) -> None:
    explored.watch(page.context)
    first, second = page, page.context.new_page()
    explored.shown(first, "&only=cc=IR")
    explored.shown(second, "&only=cc=DE")
    first.reload()
    first.wait_for_selector("html[data-ready]", timeout=PATIENCE)
    assert first.locator('td[aria-label*="DE"]').count() == second.locator('td[aria-label*="IR"]').count() == 0


def test_change_of_the_store_is_shown(explored: Explored, page: Page, tmp_path: Path) -> None:
    explored.watch(page.context)
    explored.shown(page)
    assert "60 measurements" in page.inner_text("header")
    ingest([write(tmp_path / "more.jsonl", some_lines(90))], explored.store)
    page.wait_for_timeout(1100)  # for which the state of the store is taken as known
    page.reload()
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
    assert "90 measurements" in page.inner_text("header")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("query", ["", "&only=cc=ZZ"])
def test_form_is_accessible_and_fits(explored: Explored, page: Page, query: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(explored.address + query)
    page.wait_for_selector("form[method=get]", timeout=PATIENCE)
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width

"""Collects the tests in a real browser where Debian's Chromium is; with CI set everywhere, and they fail without it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.real.packages import BROWSER, COMMAND, FILES, missing
from tests.support.browser import Seen, opened

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
LACKING = BROWSER in missing()
collect_ignore = ["test_page.py", "test_site.py"] if LACKING and not os.environ.get("CI") else []


def pytest_unconfigure(config: pytest.Config) -> None:
    """Comes after pytest's closing line."""
    if collect_ignore:
        print(f"DID NOT RUN: tests/browser (not installed: {BROWSER}). To run it: {COMMAND}.", flush=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module, gone with it: Playwright's event loop must not be there for other tests'."""
    if LACKING:
        pytest.fail(f"not installed: {BROWSER}; to run this: {COMMAND}", pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page of a desktop's size."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context.new_page()


@pytest.fixture
def open_page(page: Page, tmp_path: Path) -> Iterator[Seen]:
    """Open what `Seen.show` is given; at the end there was no request and no error, whatever the test did."""
    yield from opened(page, tmp_path)

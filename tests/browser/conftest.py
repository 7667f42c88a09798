"""Collect the browser tests if Debian's Chromium is installed. With CI set they fail without it."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.real.packages import BROWSER, COMMAND, FILES, missing
from tests.support.browser import Seen, watched
from tests.support.not_run import NOT_RUN

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
LACKING = BROWSER in missing()
TESTS = [path.name for path in Path(__file__).parent.glob("test_*.py")]
collect_ignore = TESTS if LACKING and not os.environ.get("CI") else []


def pytest_configure(config: pytest.Config) -> None:
    """Print the tests that did not run, after the last line of pytest."""
    if collect_ignore:
        config.stash.setdefault(NOT_RUN, []).append(
            f"DID NOT RUN: tests/browser (not installed: {BROWSER}). To run it: {COMMAND}."
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start one browser per module. Playwright's event loop must end before other tests start theirs."""
    if LACKING:
        pytest.fail(f"not installed: {BROWSER}; to run this: {COMMAND}", pytrace=False)
    # Chromium leaves its lock there. The path of a socket is short, so it is no folder of pytest.
    with TemporaryDirectory(prefix="chromium-") as place, sync_playwright() as playwright:
        environment = os.environ | {"TMPDIR": place}
        chromium = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS, env={**environment})
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context.new_page()


@pytest.fixture
def open_page(page: Page, tmp_path: Path) -> Iterator[Seen]:
    """Return an opened page, and check at the end that it made no request and no error."""
    yield from watched(page, tmp_path)

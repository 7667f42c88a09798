"""Take the pictures of `probe ui` in docs/pictures: `python -m tests.browser.ui_pictures`.

The runs are recordings of the lab, shown as runs of an invented network.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.test_ui import PATIENCE, Offered, begin, ended, started
from tests.real.packages import BROWSER, FILES

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
DESKTOP, PHONE = (1000, 620), (390, 780)


@contextmanager
def opened(browser: Browser, offered: Offered, size: tuple[int, int]) -> Iterator[Page]:
    """Return a page of this size that shows the interface."""
    with browser.new_context(viewport={"width": size[0], "height": size[1]}) as context:
        page = context.new_page()
        page.goto(offered.address)
        yield page


def take(page: Page, name: str) -> None:
    """Save what the window shows."""
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"{name}: {(FOLDER / f'{name}.png').stat().st_size // 1000} kB", file=sys.stderr)


def take_all(browser: Browser, offered: Offered) -> None:
    """Make two runs, and take a picture of each screen that the documentation shows."""
    with opened(browser, offered, PHONE) as page:
        begin(page, offered.address)
        page.locator("#findings li").nth(3).wait_for(timeout=PATIENCE)
        take(page, "ui-phone-running")
        page.wait_for_url("**/result?**", timeout=PATIENCE)
        take(page, "ui-phone-result")
    with opened(browser, offered, DESKTOP) as page:
        take(page, "ui-start")
        begin(page, offered.address)
        page.wait_for_url("**/result?**", timeout=PATIENCE)
        page.get_by_role("link", name="Earlier runs").click()
        page.locator("tbody a").last.click()
        take(page, "ui-result")
        page.get_by_role("link", name="Earlier runs").click()
        page.get_by_role("button", name="Compare the two chosen runs").click()
        take(page, "ui-difference")


if __name__ == "__main__":
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS)
        interface = started(Path(folder), 0.4)
        take_all(chromium, interface)
        chromium.close()
        ended(interface)

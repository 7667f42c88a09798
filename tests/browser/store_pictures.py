"""Take the picture of stores and networks in docs/pictures: `python -m tests.browser.store_pictures`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import ViewportSize, sync_playwright

from tests.browser.conftest import FLAGS
from tests.real.packages import BROWSER, FILES
from tests.support.measurements.store_world import page_of

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "stores-and-networks.png"
SIZE: ViewportSize = {"width": 760, "height": 700}
SHORTEN = "(row) => { while (row.nextSibling) row.nextSibling.remove(); }"

if __name__ == "__main__":
    html = page_of()  # before Playwright's event loop
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(file.as_uri())
        page.locator("#stores tbody tr").nth(7).evaluate(SHORTEN)
        page.locator("#stores").screenshot(path=PICTURE)
        browser.close()
    print(f"{PICTURE.name}: {PICTURE.stat().st_size // 1000} kB", file=sys.stderr)

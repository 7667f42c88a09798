"""Take pictures of terminal screens for docs/pictures: `python -m tests.browser.screen_pictures`.

The screens are those of `probe show` for a recording of the lab, on terminals of two sizes, and the page on a phone.
"""

import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, sync_playwright

from probe.cli.results.show import show
from tests.analysis.verdicts.test_apps import RECORDED
from tests.browser.conftest import FLAGS
from tests.browser.test_small_screens import PHONE
from tests.cli.summary.test_result import bare
from tests.cli.summary.test_result_screen import screen
from tests.real.packages import BROWSER, FILES

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
RECORDING = "great-firewall"
SIZES = ((80, 24), (40, 20))
PAGE = """<meta charset="utf-8"><style>
pre {{ margin: 0; padding: 12px; display: inline-block; font: 14px/1.25 monospace;
inline-size: {columns}ch; block-size: {lines}lh; background: #16161a; color: #e8e8ec; }}</style><pre>{text}</pre>"""


def take_terminal(browser: Browser, columns: int, lines: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        text = bare(screen(RECORDING, columns, lines, patch))
    page = browser.new_page()
    page.set_content(PAGE.format(columns=columns, lines=lines, text=escape(text)))
    page.locator("pre").screenshot(path=FOLDER / f"screen-{columns}x{lines}.png")


def take_phone(browser: Browser, folder: Path) -> None:
    show(str(RECORDED / f"{RECORDING}.jsonl.gz"), html=folder / "page.html")
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto((folder / "page.html").as_uri())
    page.screenshot(path=FOLDER / "run-page-phone.png", full_page=True)


if __name__ == "__main__":
    with TemporaryDirectory() as made, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS)
        for size in SIZES:
            take_terminal(chromium, *size)
        take_phone(chromium, Path(made))
        print(*sorted(path.name for path in FOLDER.glob("screen-*.png")), file=sys.stderr)
        chromium.close()

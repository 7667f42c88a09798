"""Take the pictures of the page of `compare` in docs/pictures: `python -m tests.browser.page_pictures`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_events import bad, fine
from tests.browser.conftest import FLAGS
from tests.real.packages import BROWSER, FILES
from tests.support.browser import made

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDTHS = {"phone": (390, 1688), "wide": (1440, 1500)}
MEDIA = json.dumps({"rate": 27_000, "loss": [0.31, 0.2, 0.4], "late": None, "delay_change": None, "mos": 1.6})
NETWORKS = ("AS64512", "AS64513", "AS64514", "AS64515")
SERVICES = ("signal/chat", "signal/calls", "telegram/web", "telegram/dc_pool", "whatsapp/chat", "whatsapp/calls")


def world() -> Iterator[VerdictRow]:
    """Yield rows of an invented world: calls work badly in one country, and a messenger is blocked in another."""
    slow: dict[str, Any] = {
        "state": "degraded",
        "mechanisms": "media.throttle",
        "media": MEDIA,
        "service": "telegram/calls",
    }
    block: dict[str, Any] = {"service": "signal/chat"}
    for cc in ("XA", "XB", "XC"):
        for asn in NETWORKS:
            here: dict[str, Any] = {"probe_cc": cc, "probe_asn": asn, "synthetic": "example"}
            for device in range(3):
                here["probe_id"] = f"{asn}-{device}"
                for service in SERVICES:
                    if (cc, service) != ("XB", "signal/chat"):
                        yield from fine(1, range(40), **here, service=service)
                affected = cc == "XC" and asn != NETWORKS[3]
                yield from fine(1, range(26 if affected else 40), **here, service="telegram/calls")
                yield from bad(1, range(26, 40) if affected else range(0), **here, **slow)
                if cc == "XB":
                    yield from fine(1, range(12), **here, **block)
                    yield from bad(1, range(12, 40), **here, **block)


def take(browser: Browser, file: Path, name: str) -> Path:
    """Take one picture of the page, and return its file."""
    width, height = WIDTHS[name]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(500)
    picture = FOLDER / f"compare-{name}.png"
    page.screenshot(path=picture)
    page.close()
    return picture


if __name__ == "__main__":
    html = made(world(), lab=True)  # before Playwright's event loop
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "page.html"
        page_file.write_text(html, encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=FILES[BROWSER], args=FLAGS)
        for one in WIDTHS:
            made_file = take(chromium, page_file, one)
            print(f"{made_file.name}: {made_file.stat().st_size // 1000} kB", file=sys.stderr)
        chromium.close()

"""Test the documentation site in Chromium: no request to another host and no error, from a folder and from a server."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.site import build_site

PAGES = ("index.html", "concepts/judge.html", "reference/rules.html", "reference/dictionary.html")


class Quiet(SimpleHTTPRequestHandler):
    """Serve files without a log."""

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def server(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def watch(page: Page) -> tuple[list[str], list[str]]:
    """Return the lists to which the page's requests and errors are added."""
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    return requests, errors


@pytest.mark.parametrize("origin", ["folder", "server"])
def test_pages_request_only_their_own_files(page: Page, site: Path, server: str, origin: str) -> None:
    base = site.as_uri() if origin == "folder" else server
    requests, errors = watch(page)
    for name in PAGES:
        page.goto(f"{base}/{name}")
        page.wait_for_load_state("networkidle")
    assert len(requests) > len(PAGES)
    assert not [url for url in requests if not url.startswith((base, "data:"))]
    assert not errors


FOUND = """() => {
    document.querySelector("input.md-search__input").dispatchEvent(new KeyboardEvent("keyup"))
    return document.querySelector(".md-search-result__item") !== null
}"""


def test_search_finds_a_page(page: Page, server: str) -> None:
    requests, errors = watch(page)
    page.goto(f"{server}/index.html")
    page.get_by_placeholder("Search").fill("residual censorship")
    # The page's script may be ready only after the words are there. Then it needs one more key.
    page.wait_for_function(FOUND, polling=500, timeout=60_000)
    expect(page.locator(".md-search-result__item").first).to_be_visible(timeout=30_000)
    assert not [url for url in requests if not url.startswith((server, "data:"))]
    assert not errors

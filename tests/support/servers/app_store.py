"""Serve app stores on loopback, as the real ones are described: Apple's lookup, and pages of Google Play.

- Without `country` the answer is that of the US storefront. Some storefronts answer no query.
- A request with ids and bundle ids gets incomplete rows. More than `burst` requests in `window` seconds get 403.
- Faults by storefront: html, redirect, torn, busy, limited, other (another storefront answers), reset.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STATUS = {"html": 200, "redirect": 302, "torn": 200, "busy": 503, "limited": 429}


@dataclass
class FakeStore:
    """Hold the apps by id with their bundle ids, what is missing where, and the requests."""

    apps: dict[int, str]
    packages: set[str] = field(default_factory=set)
    missing: dict[str, set[int | str]] = field(default_factory=dict)
    unavailable: dict[str, set[str]] = field(default_factory=dict)
    """Packages whose page is shown in a country, although they cannot be installed there."""
    silent: set[str] = field(default_factory=set)
    """Storefronts that answer with no result."""
    faults: dict[str, str] = field(default_factory=dict)
    bundles: dict[str, dict[int, str]] = field(default_factory=dict)
    burst: int = 1000
    window: float = 60.0
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    url: str = ""

    @property
    def lookup(self) -> str:
        return self.url + "/lookup"

    @property
    def page(self) -> str:
        return self.url + "/store/apps/details"

    def is_too_fast(self) -> bool:
        now = time.monotonic()
        self.times.append(now)
        return sum(now - moment < self.window for moment in self.times) > self.burst

    def rows(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        storefront = query.get("country", ["us"])[0].lower()
        if self.faults.get(storefront) == "other":
            storefront = "us"
        if storefront in self.silent:
            return []
        ids = [int(word) for word in query.get("id", [""])[0].split(",") if word]
        by_bundle = query.get("bundleId", [""])[0].split(",")
        ids += [number for number, bundle in self.apps.items() if bundle in by_bundle]
        kept = [number for number in ids if number in self.apps and number not in self.missing.get(storefront, set())]
        if "id" in query and "bundleId" in query:
            kept = kept[:1]
        return [self.row(number, storefront) for number in kept]

    def row(self, number: int, storefront: str) -> dict[str, Any]:
        return {
            "wrapperType": "software",
            "trackId": number,
            "bundleId": self.bundles.get(storefront, {}).get(number, self.apps[number]),
            "trackName": f"App {number}",
            "trackViewUrl": f"https://apps.apple.com/{storefront}/app/app-{number}/id{number}?uo=4",
            "version": "26.39.75",
            "currentVersionReleaseDate": "2026-11-20T08:15:00Z",
            "artworkUrl60": "https://is1-ssl.mzstatic.com/image.png",
        }

    def play(self, query: dict[str, list[str]]) -> tuple[int, str]:
        """Return the status and the page of an app."""
        package, country = query["id"][0], query.get("gl", ["US"])[0].lower()
        if package not in self.packages or package in self.missing.get(country, set()):
            return 404, "<html><title>Not Found</title>We're sorry, the requested URL was not found</html>"
        offered = None if package in self.unavailable.get(country, set()) else [1]
        data = json.dumps([None, [None, None, [*[None] * 18, offered]]])
        link = f"https://play.google.com/store/apps/details?id={package}&amp;hl=en"
        return 200, (
            f'<html><head><link rel="canonical" href="{link}"></head><script class="ds:4" nonce="x">'
            "AF_initDataCallback({key: 'ds:4', hash: '1', data:[[2]], sideChannel: {}});</script>"
            f"<script class=\"ds:5\" nonce=\"x\">AF_initDataCallback({{key: 'ds:5', hash: '6', data:{data}, "
            "sideChannel: {}});</script></html>"
        )


@contextmanager
def serving(store: FakeStore) -> Iterator[FakeStore]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            store.asked.append(query)
            if store.is_too_fast():
                return self.answer(403, b"")
            where = query.get("country", query.get("gl", ["us"]))[0].lower()
            fault = store.faults.get(where)
            if fault == "reset":
                self.close_connection = True
                return None
            if fault in STATUS:
                return self.faulty(fault)
            if parts.path == "/lookup":
                rows = store.rows(query)
                return self.answer(200, b"\n\n\n" + json.dumps({"resultCount": len(rows), "results": rows}).encode())
            status, page = store.play(query)
            return self.answer(status, page.encode(), "text/html; charset=utf-8")

        def faulty(self, fault: str) -> None:
            body = {"html": b"<html>Please wait</html>", "torn": b'{"resultCount": 3, "results": [{"trackId"'}
            self.answer(STATUS[fault], body.get(fault, b""))

        def answer(self, status: int, body: bytes, kind: str = "text/javascript; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "https://consent.example/sorry?ip=192.0.2.7")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

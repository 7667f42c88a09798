"""Serve a bucket on loopback: listings as in S3, a few keys per page, ranges, and faults."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

PAGE = 3  # keys


class FakeBucket:
    """Hold files, requests, and faults by key: torn, short, busy (once each), wrong, moved, no ranges."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.faults: dict[str, str] = {}
        self.listing: bytes | None = None
        self.url = ""

    def etag(self, key: str) -> str:
        return hashlib.md5(self.files[key]).hexdigest()

    def page(self, prefix: str, token: str) -> bytes:
        keys = sorted(key for key in self.files if key.startswith(prefix))
        start = int(token) if token else 0
        shown, more = keys[start : start + PAGE], start + PAGE < len(keys)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>&quot;{self.etag(key)}&quot;</ETag>"
            f"<Size>{len(self.files[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in shown
        )
        following = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>ooni</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(shown)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{following}{entries}</ListBucketResult>"
        ).encode()

    @property
    def fetched(self) -> list[str]:
        return sorted(key for key in self.asked if not key.startswith("list "))


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FakeBucket]:
    bucket = FakeBucket(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/":
                query = parse_qs(parts.query)
                prefix = query["prefix"][0]
                bucket.asked.append(f"list {prefix}")
                self._send(200, bucket.listing or bucket.page(prefix, query.get("continuation-token", [""])[0]))
            else:
                self._file(parts.path.removeprefix("/"))

        def _file(self, key: str) -> None:
            bucket.asked.append(key)
            fault, body = bucket.faults.get(key), bucket.files[key]
            if fault in {"busy", "torn", "short"}:
                del bucket.faults[key]
            if fault == "busy":
                return self._send(503, b"<Error><Code>SlowDown</Code></Error>")
            if fault == "moved":
                return self._send(302, b"", {"Location": bucket.url + "/elsewhere"})
            wanted = self.headers.get("Range", "")
            current = self.headers.get("If-Range", "").strip('"') == bucket.etag(key)
            bucket.ranges.append(wanted)
            body = b"\0" * len(body) if fault == "wrong" else body
            body = body[: len(body) // 2] if fault == "short" else body
            if wanted and current and fault != "no ranges":
                return self._send(206, body[int(wanted[6:-1]) :])
            return self._send(200, body, torn=fault == "torn")

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, torn: bool = False) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if torn else body)
            self.close_connection = torn

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Stand in front of Ceph's server, correct its answers to requests for a range, and log the bytes.

Ceph 18 with SQLite files checks a request as S3 does, and returns wrong bytes for a range that does not begin at 0. The
proxy passes the request on unchanged, and replaces the bytes of such an answer by those of the object. It has a process
of its own, because pyarrow and DuckDB wait for an answer with Python's global lock.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.servers.object_storage import LONGEST, Server

ROOT = Path(__file__).parents[3]
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_DROPPED = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class RangeProxy:
    """Represent the running proxy. Its log has the path of each GET request and the number of bytes of the answer."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log, self._seen = log, 0

    def forget(self) -> None:
        """Leave the requests so far out of `bytes_of`."""
        self._seen = len(self._log.read_text().splitlines())

    def bytes_of(self, part: str) -> int:
        """Return the bytes that were read of objects whose path has that part."""
        lines = self._log.read_text().splitlines()[self._seen :]
        return sum(int(size) for path, size in map(str.split, lines) if part in path)


@contextmanager
def range_proxy(server: Server, folder: Path) -> Iterator[RangeProxy]:
    """Run the proxy until the end of the block."""
    log = folder / "proxy.log"
    log.touch()
    command = ["timeout", str(LONGEST), sys.executable, "-m", __name__, server.url, str(server.log), str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield RangeProxy(process.stdout.readline().strip(), log)
    finally:
        process.terminate()  # `timeout` passes it on
        process.communicate(timeout=30)


def _serve(server: Server, log: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server, log)) as listening:
        listening.daemon_threads = True
        print(f"http://127.0.0.1:{listening.server_port}", flush=True)
        listening.serve_forever()


def _handler(server: Server, log: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            self._pass_on()

        def do_HEAD(self) -> None:
            self._pass_on()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def _pass_on(self) -> None:
            status, headers, body = _asked(server, self.command, self.path, dict(self.headers.items()))
            wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
            if self.command == "GET" and status == 206 and wanted and wanted[1] != "0":
                body = _whole(server, self.path)[int(wanted[1]) : int(wanted[2]) + 1]
            if self.command == "GET":
                with log.open("a") as stream:
                    stream.write(f"{unquote(urlsplit(self.path).path)} {len(body)}\n")
            self._answer(status, headers, body)

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            length = dict(headers).get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
            kept = [(name, value) for name, value in headers if name.lower() not in _DROPPED]
            self.send_response_only(status)
            for name, value in [*kept, ("Content-Length", length)]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _asked(server: Server, method: str, path: str, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)  # the signature covers them, and the Host that the client named
    connection.endheaders()
    answer = connection.getresponse()
    try:
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def _whole(server: Server, path: str) -> bytes:
    with server.files().open_input_stream(unquote(urlsplit(path).path).lstrip("/")) as stream:
        content: bytes = stream.read()
    return content


if __name__ == "__main__":
    _serve(Server(sys.argv[1], Path(sys.argv[2])), Path(sys.argv[3]))

"""Hold what a local server answers, and what browsers that visit it request and log."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy
from playwright.sync_api import BrowserContext


@dataclass
class Answer:
    """Hold a response that was read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass
class Visited:
    """Hold the address of a running server, and what its pages requested and logged."""

    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://{urlsplit(self.address).netloc}"

    def watch(self, context: BrowserContext) -> None:
        """Record the requests and errors of all pages of a browser."""
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", lambda message: self.errors.append(message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def check(self, expected: Iterable[str] = ()) -> None:
        """Check that no page requested another address, or logged an error that does not begin as expected."""
        assert [url for url in self.requests if not url.startswith((f"{self.origin}/", "data:,"))] == []
        assert [error for error in self.errors if not error.startswith(tuple(expected))] == []

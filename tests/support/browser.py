"""Build a page from verdict rows, open it from a file, and record every request and error."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.report.page.page_data import page_data
from probe.analysis.report.page.render import render
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import table


def made(*groups: Iterable[VerdictRow], annotations: Sequence[Annotation] = (), **question: Any) -> str:
    rows = table(*groups)
    return render(page_data(rows, compare(rows, Question(**question)), ["a.jsonl"], annotations=annotations))


@dataclass
class Seen:
    """Hold an opened page, with its requests and errors."""

    page: Page
    folder: Path
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def show(self, html: str) -> Page:
        file = self.folder / "page.html"
        file.write_text(html, encoding="utf-8")
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)
        return self.page

    def others(self) -> list[str]:
        """Return the requests except for the file itself and its empty icon."""
        return [url for url in self.requests if not url.startswith((self.folder.as_uri(), "data:,"))]


def watched(page: Page, folder: Path) -> Iterator[Seen]:
    """Record what a page does, and check at the end that it made no request and no error."""
    seen = Seen(page, folder)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.errors.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: seen.errors.append(f"dialog: {dialog.message}"))
    yield seen
    assert seen.others() == []
    assert seen.errors == []

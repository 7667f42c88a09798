"""Write the events of a store as a feed: Atom (RFC 4287), or JSON Feed 1.1 (jsonfeed.org, opened 2026-12-01)."""

import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring  # written, never parsed  # nosec B405

from probe.analysis.compare.over_time.event_evidence import shown_events
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.over_time.period import period_of
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.report.page.over_time_data import event_data
from probe.explore.parameters import FeedParameters, question_of
from probe.messages import listed, tr

ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"
MOST_ENTRIES = 200  # those that last, then the newest


class FeedEntry(NamedTuple):
    """Hold one event as texts. `changed` is the day on which it ended, or was detected."""

    key: str
    title: str
    text: str
    changed: str


def feed_of(folder: Path, asked: FeedParameters, page: str, kind: str) -> bytes:
    """Return the feed of the kind `atom` or `json`. `page` is the address of the page with the same question.

    Raises QuestionError and StoreError.
    """
    table, question = VerdictTable.of_stores([folder]), question_of(asked)
    found = events(table, question)
    days = period_of(table).days
    entries = [_entry(event_data(one)) for one in shown_events(table, found, days[-1] if days else "")[:MOST_ENTRIES]]
    return _atom(entries, page) if kind == "atom" else _json(entries, page)


def _entry(event: dict[str, Any]) -> FeedEntry:
    what = event["service"] or event["kind"].replace("_", " ")
    how = f": {event['mechanism']}" if event["mechanism"] else ""
    text = tr(
        "{period}. Networks: {networks}. Evidence: {evidence}. Probability that more fails than before: {probability}.",
        period=event["period"],
        networks=listed(event["networks"]),
        evidence=event["evidence"],
        probability=event["probability"],
    )
    return FeedEntry(event["key"], f"{what}, {event['cc']}{how}", text, max(event["end"] or "", event["detected_at"]))


def _title() -> str:
    return tr("Events of interference, and of missing measurements")


def _atom(entries: list[FeedEntry], page: str) -> bytes:
    feed = Element("feed", {"xmlns": ATOM})
    for name, value in (("id", page), ("title", _title()), ("updated", _time(_last(entries)))):
        SubElement(feed, name).text = value
    SubElement(SubElement(feed, "author"), "name").text = "censorprobe"
    SubElement(feed, "link", {"href": page})
    for one in entries:
        entry = SubElement(feed, "entry")
        for name, value in (("id", _link(page, one)), ("title", one.title), ("updated", _time(one.changed))):
            SubElement(entry, name).text = _xml(value)
        SubElement(entry, "link", {"href": _link(page, one)})
        SubElement(entry, "summary").text = _xml(one.text)
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _json(entries: list[FeedEntry], page: str) -> bytes:
    items = [
        {
            "id": _link(page, one),
            "url": _link(page, one),
            "title": one.title,
            "content_text": one.text,
            "date_modified": _time(one.changed),
        }
        for one in entries
    ]
    feed = {"version": JSON_FEED, "title": _title(), "home_page_url": page, "items": items}
    return json.dumps(feed).encode()


def _link(page: str, entry: FeedEntry) -> str:
    return f"{page}#event={quote(entry.key)}"


def _last(entries: list[FeedEntry]) -> str:
    return max((one.changed for one in entries), default="1970-01-01")


def _time(day: str) -> str:
    return f"{day}T00:00:00Z"


def _xml(text: str) -> str:
    """Return a text without characters that XML 1.0 cannot hold. Texts of measurements are untrusted."""
    return "".join(
        char if char in "\t\n" or " " <= char < "\ud800" or "\ue000" <= char < "\ufffe" else "\ufffd" for char in text
    )

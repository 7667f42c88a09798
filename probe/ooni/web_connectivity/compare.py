"""The page here against the page that the control got, as OONI's probe 0.5 compares them (reference/ooni.md 4.3)."""

import html
from typing import Any

from probe.formats.entries import HTTPTransaction
from probe.privacy.scrub import scrub_text
from probe.steps.http.http_answer import TITLE_LIMIT

ALIKE = 0.7  # a longer body has at most this share's inverse of the shorter one's bytes
LONG_WORD = 5  # bytes

COMMON_HEADERS = frozenset(
    """date content-type server cache-control vary set-cookie location expires x-powered-by content-encoding
    last-modified accept-ranges pragma x-frame-options etag x-content-type-options age via p3p x-xss-protection
    content-language cf-ray strict-transport-security link x-varnish""".split()  # noqa: SIM905
)


def body_proportion(here: HTTPTransaction | None, page: dict[str, Any] | None) -> float:
    """The shorter body's length over the longer one's; 0.0 where one is not known whole."""
    ours, theirs = (here.response.x_body_length if here else 0), (page or {}).get("body_length", 0)
    if here is None or here.response.body_is_truncated or ours <= 0 or not isinstance(theirs, int) or theirs <= 0:
        return 0.0
    return min(ours / theirs, theirs / ours)


def body_length_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    proportion = body_proportion(here, page)
    return None if proportion == 0.0 else proportion > ALIKE


def status_code_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Another status counts only against a control that got its page: it may be the control that is turned away."""
    if here is None or not _answered(page):
        return None
    assert page is not None
    theirs = page.get("status_code")
    if here.response.code == theirs:
        return True
    return False if isinstance(theirs, int) and theirs // 100 == 2 else None


def headers_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Whether they share the name of a header that few servers send."""
    names = {str(name).lower() for name in (page or {}).get("headers") or {}}
    ours = set(here.response.x_header_names or []) if here else set()
    return bool((names & ours) - COMMON_HEADERS) if names and ours else None


def title_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Whether the titles have the same long words."""
    if here is None or here.response.body_is_truncated or not _answered(page):
        return None
    return long_words(here.response.x_title) == long_words(as_written((page or {}).get("title") or ""))


def as_written(title: str) -> str:
    """A title of another program's as ours are written down: unescaped, blanks folded, without addresses, cut."""
    return scrub_text(" ".join(html.unescape(title).split()))[:TITLE_LIMIT]


def long_words(title: str) -> set[str]:
    return {word for word in title.lower().split(" ") if len(word.encode()) >= LONG_WORD}


def same_page(here: HTTPTransaction, page: dict[str, Any] | None) -> bool:
    """OONI's "no diff": the status is the control's, and the body's length, a rare header or the title is too."""
    alike = (body_length_match(here, page), headers_match(here, page), title_match(here, page))
    return status_code_match(here, page) is True and any(one is True for one in alike)


def _answered(page: dict[str, Any] | None) -> bool:
    return page is not None and page.get("failure") is None and isinstance(page.get("status_code"), int)

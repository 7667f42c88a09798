"""Compare the page here with the control's page as OONI's probe 0.5 does (ooni/probe-cli 7cb22410)."""

import html
from typing import Any

from probe.formats.entries import HTTPTransaction
from probe.privacy.scrub import scrub_text
from probe.steps.http.http_answer import TITLE_LIMIT

ALIKE = 0.7  # least ratio of the shorter body's length to the longer one's
LONG_WORD = 5  # bytes

COMMON_HEADERS = frozenset(
    """date content-type server cache-control vary set-cookie location expires x-powered-by content-encoding
    last-modified accept-ranges pragma x-frame-options etag x-content-type-options age via p3p x-xss-protection
    content-language cf-ray strict-transport-security link x-varnish""".split()  # noqa: SIM905
)


def body_proportion(here: HTTPTransaction | None, page: dict[str, Any] | None) -> float:
    """Return the ratio of the shorter body's length to the longer one's, 0.0 if one is not known completely."""
    ours, theirs = (here.response.x_body_length if here else 0), (page or {}).get("body_length", 0)
    if here is None or here.response.body_is_truncated or ours <= 0 or not isinstance(theirs, int) or theirs <= 0:
        return 0.0
    return min(ours / theirs, theirs / ours)


def body_length_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    proportion = body_proportion(here, page)
    return None if proportion == 0.0 else proportion > ALIKE


def status_code_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Compare the status codes. Another status counts only if the control got its page, because the control may be
    refused.
    """
    if here is None or not _answered(page):
        return None
    assert page is not None
    theirs = page.get("status_code")
    if here.response.code == theirs:
        return True
    return False if isinstance(theirs, int) and theirs // 100 == 2 else None


def headers_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Tell whether both pages have an uncommon header name in common."""
    names = {str(name).lower() for name in (page or {}).get("headers") or {}}
    ours = set(here.response.x_header_names or []) if here else set()
    return bool((names & ours) - COMMON_HEADERS) if names and ours else None


def title_match(here: HTTPTransaction | None, page: dict[str, Any] | None) -> bool | None:
    """Tell whether the titles have the same long words."""
    if here is None or here.response.body_is_truncated or not _answered(page):
        return None
    return long_words(here.response.x_title) == long_words(as_written((page or {}).get("title") or ""))


def as_written(title: str) -> str:
    """Return a foreign title in our form: unescaped, whitespace folded, without addresses, cut."""
    return scrub_text(" ".join(html.unescape(title).split()))[:TITLE_LIMIT]


def long_words(title: str) -> set[str]:
    return {word for word in title.lower().split(" ") if len(word.encode()) >= LONG_WORD}


def same_page(here: HTTPTransaction, page: dict[str, Any] | None) -> bool:
    """Tell whether the pages are the same ("no diff"): equal status, and equal length, rare header or title."""
    alike = (body_length_match(here, page), headers_match(here, page), title_match(here, page))
    return status_code_match(here, page) is True and any(one is True for one in alike)


def _answered(page: dict[str, Any] | None) -> bool:
    return page is not None and page.get("failure") is None and isinstance(page.get("status_code"), int)

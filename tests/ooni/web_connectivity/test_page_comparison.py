"""Test the comparison of two pages as in OONI's probe 0.5 (ooni/probe-cli 7cb22410)."""

from typing import Any

import pytest

from probe.formats.entries import HTTPRequest, HTTPResponse, HTTPTransaction
from probe.ooni.web_connectivity import page_comparison

HERE: dict[str, Any] = {
    "code": 200, "x_body_length": 1000, "body_is_truncated": False, "x_title": "Daily News of Today",
    "x_header_names": ["date", "x-rare"],
}  # fmt: skip
THERE: dict[str, Any] = {
    "status_code": 200, "body_length": 1000, "failure": None, "title": "Daily News of Today",
    "headers": {"Date": "x", "X-Rare": "y"},
}  # fmt: skip
NO_PAGE: dict[str, Any] = {"status_code": -1, "body_length": -1, "failure": "unknown_error", "title": "", "headers": {}}


def here(**other: Any) -> HTTPTransaction:
    response = HTTPResponse(**{**HERE, **other})
    return HTTPTransaction(request=HTTPRequest(url="http://a.example/"), response=response)


def there(**other: Any) -> dict[str, Any]:
    return {**THERE, **other}


@pytest.mark.parametrize(
    ("ours", "theirs", "proportion", "match"),
    [
        (1000, 1000, 1.0, True),
        (700, 1000, 0.7, False),
        (1000, 701, 0.701, True),
        (0, 10, 0.0, None),
        (10, -1, 0.0, None),
    ],
)
def test_body_lengths_are_compared_as_in_ooni(ours: int, theirs: int, proportion: float, match: bool | None) -> None:
    pair = here(x_body_length=ours), there(body_length=theirs)
    assert page_comparison.body_proportion(*pair) == pytest.approx(proportion)
    assert page_comparison.body_length_match(*pair) is match


def test_truncated_body_is_not_compared() -> None:
    assert page_comparison.body_length_match(here(body_is_truncated=True), THERE) is None
    assert page_comparison.title_match(here(body_is_truncated=True), THERE) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "match"),
    [(200, 200, True), (404, 404, True), (403, 200, False), (200, 503, None), (200, 403, None), (404, 500, None)],
)
def test_status_codes_are_compared_as_in_ooni(ours: int, theirs: int, match: bool | None) -> None:
    assert page_comparison.status_code_match(here(code=ours), there(status_code=theirs)) is match


@pytest.mark.parametrize(
    ("ours", "theirs", "match"),
    [
        (["x-rare", "date"], ["X-RARE"], True),
        (["date", "server"], ["Date", "Server"], False),  # common headers prove nothing
        (["x-rare"], ["x-other"], False),
        ([], ["x-rare"], None),
        (["x-rare"], [], None),
    ],
)
def test_header_names_are_compared_as_in_ooni(ours: list[str], theirs: list[str], match: bool | None) -> None:
    assert page_comparison.headers_match(here(x_header_names=ours), there(headers=dict.fromkeys(theirs, ""))) is match


@pytest.mark.parametrize(
    ("ours", "theirs", "match"),
    [
        ("Daily News", "daily Gazette", False),
        ("Daily News", "NEWS  daily now", True),  # the words of five bytes and more are the same
        ("A b", "C d", True),  # neither has a long word
        ("", "Daily", False),
        ("Tom & Jerry's Café", "Tom &amp; Jerry&#39;s\n Café", True),
        ("Новости", "новости", True),
    ],
)
def test_titles_are_compared_as_in_ooni(ours: str, theirs: str, match: bool) -> None:
    assert page_comparison.title_match(here(x_title=ours), there(title=theirs)) is match


def test_missing_control_gives_no_comparison() -> None:
    for page in (None, NO_PAGE):
        found = [
            page_comparison.body_length_match(here(), page),
            page_comparison.status_code_match(here(), page),
            page_comparison.headers_match(here(), page),
            page_comparison.title_match(here(), page),
        ]
        assert found == [None] * 4
        assert not page_comparison.same_page(here(), page)


def test_same_page_needs_status_and_another_match() -> None:
    other = {"body_length": 100, "title": "Something else entirely", "headers": {"Date": ""}}
    assert not page_comparison.same_page(here(), there(**other))
    assert not page_comparison.same_page(here(code=403), THERE)
    for key in other:
        assert page_comparison.same_page(here(), there(**{k: v for k, v in other.items() if k != key}))

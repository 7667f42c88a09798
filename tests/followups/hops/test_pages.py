"""Test which pages in the clear show that a middlebox sent them."""

import pytest

from probe.followups.hops.pages import Page, page_of
from probe.formats.entries import HTTPRequest, HTTPResponse, HTTPTransaction

HOST = "news.example"


@pytest.mark.parametrize(
    ("page", "telling"),
    [
        (Page(200, "d1", ""), True),
        (Page(302, "", "notice.example"), True),
        (Page(301, "d1", HOST), False),
        (Page(301, "d1", "www.News.example"), False),
        (Page(204, "", ""), False),
    ],
)
def test_redirect_to_the_same_host_and_empty_answer_tell_nothing(page: Page, telling: bool) -> None:
    assert page.is_telling(HOST) == telling


def test_page_is_that_of_a_whole_answer() -> None:
    response = HTTPResponse(code=200, x_body_length=3, x_body_sha256="d1")
    whole = HTTPTransaction(request=HTTPRequest(url="http://news.example/"), response=response)
    assert page_of([whole]) == Page(200, "d1", "")
    assert page_of([whole.model_copy(update={"failure": "connection_reset"})]) is None
    empty = whole.model_copy(update={"response": response.model_copy(update={"x_body_length": 0})})
    assert page_of([empty]) == Page(200, "", "")

"""Test which pages in the clear show that a middlebox sent them."""

import pytest

from probe.followups.hops.clear_text_page import ClearTextPage, page_of
from probe.followups.hops.hop_cases import HopCases
from probe.formats.entries import HTTPRequest, HTTPResponse, HTTPTransaction
from probe.session.trace import Trace, TransactionFacts
from probe.targets.target import parse_endpoint

HOST = "news.example"


@pytest.mark.parametrize(
    ("page", "telling"),
    [
        (ClearTextPage(200, "d1", ""), True),
        (ClearTextPage(302, "", "notice.example"), True),
        (ClearTextPage(301, "d1", HOST), False),
        (ClearTextPage(301, "d1", "www.News.example"), False),
        (ClearTextPage(204, "", ""), False),
    ],
)
def test_redirect_to_the_same_host_and_empty_answer_tell_nothing(page: ClearTextPage, telling: bool) -> None:
    assert page.is_telling(HOST) == telling


@pytest.mark.parametrize(
    ("corroborated", "fingerprints", "cases"), [(True, ["ir"], 1), (True, [], 0), (False, ["ir"], 0)]
)
async def test_known_block_page_is_searched_at_a_confirmed_address(
    corroborated: bool, fingerprints: list[str], cases: int
) -> None:
    """Test that the server of a block page, to which a false answer led, is not asked again."""
    trace, endpoint = Trace(), parse_endpoint(f"http://{HOST}:80/")
    response = HTTPResponse(code=200, x_body_length=3, x_body_sha256="d1", x_fingerprints=fingerprints)
    page = HTTPTransaction(request=HTTPRequest(url=endpoint.url), response=response)
    facts = TransactionFacts("first", endpoint=endpoint.url, corroborated=corroborated)
    async with trace.transaction(facts) as tx, tx.step(page, 5.0):
        pass
    found = HopCases(trace)
    found.note_attempt(tx.record, endpoint)
    assert [case.kind for case in found.of({HOST})] == ["http"] * cases


def test_page_is_that_of_a_whole_answer() -> None:
    response = HTTPResponse(code=200, x_body_length=3, x_body_sha256="d1")
    whole = HTTPTransaction(request=HTTPRequest(url="http://news.example/"), response=response)
    assert page_of([whole]) == ClearTextPage(200, "d1", "")
    assert page_of([whole.model_copy(update={"failure": "connection_reset"})]) is None
    empty = whole.model_copy(update={"response": response.model_copy(update={"x_body_length": 0})})
    assert page_of([empty]) == ClearTextPage(200, "", "")

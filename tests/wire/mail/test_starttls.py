"""Test lists that offer STARTTLS, mask it or lack it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.mail.starttls import offer_in


@pytest.mark.parametrize(
    ("keywords", "offer"),
    [
        (["SIZE", "STARTTLS", "8BITMIME"], ("offered", "")),
        (["starttls"], ("offered", "")),
        (["SIZE", "XXXXXXXA", "8BITMIME"], ("masked", "XXXXXXXA")),
        (["xxxxxxxx"], ("masked", "XXXXXXXX")),
        (["********"], ("masked", "********")),
        (["STARTTLX"], ("masked", "STARTTLX")),
        (["STXRTTLX"], ("masked", "STXRTTLX")),
        (["SIZE", "8BITMIME", "PIPELINING", "CHUNKING", "SMTPUTF8", "X-EXPS", "XCLIENT"], ("missing", "")),
        (["XXXX", "XXXXXXXXXX"], ("missing", "")),  # what these stood for was no STARTTLS
        (["XXXXXXXA", "STARTTLS"], ("offered", "")),
        ([], ("missing", "")),
    ],
)
def test_list_of_keywords_gives_the_offer(keywords: list[str], offer: tuple[str, str]) -> None:
    assert offer_in(keywords) == offer


@given(st.lists(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVW0123456789-", max_size=12).filter(lambda w: len(w) != 8)))
def test_word_of_another_length_is_no_mask(words: list[str]) -> None:
    assert offer_in(words) == ("missing", "")

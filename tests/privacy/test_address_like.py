"""Test which texts may contain an address, decoded, and which do not."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.privacy import scrub
from probe.privacy.address_like import holds_address, looks_like_address, spells_address
from probe.privacy.decoding import DEEPEST, MOST_FORMS, decode
from probe.privacy.scrub import scrub_text
from tests.privacy.encoded.encodings import ENCODINGS, disguised, spellings

V4, V6 = "203.0.113.207", "2a0e:97c0:108:f7b9:4d7:6de8:6d31:6b4a"
BYTES_IN_WORDS = {"packed, base85"}
"""Spellings of few letters, which only the list of words distinguishes from words."""


@pytest.mark.parametrize("address", [V4, V6])
def test_each_spelling_is_found(address: str) -> None:
    missed = [name for name, text in spellings(address).items() if not holds_address(text)]
    assert set(missed) <= BYTES_IN_WORDS, missed


@pytest.mark.parametrize("name", sorted(ENCODINGS.keys() - {"rot13 of base32"}))
@pytest.mark.parametrize("address", [V4, V6])
def test_each_encoding_is_undone(name: str, address: str) -> None:
    for again in ([], ["percent"], ["base64"], ["base16", "base64"]):
        disguise = disguised(address, "plain", [name, *again])
        assert spells_address(disguise.text), disguise.kinds


@pytest.mark.parametrize(
    "text",
    [
        "404 Not Found",
        "web.telegram.org",
        "Zugriff verweigert - Seite gesperrt",
        "الوصول محجوب",
        "Доступ ограничен",
        "text/html; charset=utf-8",
        "at 12:30:45",
        "Error 1020",
        "Price 9.99",
        "",
    ],
)
def test_ordinary_text_holds_no_address(text: str) -> None:
    assert not spells_address(text)


@pytest.mark.parametrize(
    "text", ["203.0.113.x", "203.0.113.*", "00:1b:44:11:3a:b7", "001b.4411.3ab7", "fe80::21b:44ff"]
)
def test_networks_and_hardware_addresses_are_found(text: str) -> None:
    assert looks_like_address(text)


def test_deeply_encoded_text_counts_as_an_address() -> None:
    text = V4
    for _ in range(DEEPEST + 3):
        text = ENCODINGS["percent, sparse"](text.replace("%", "%25"))
    assert spells_address(text)


@pytest.mark.parametrize(
    "piece", ["1-", "a:", "%41", "0.", ":", "f", "=41", "&#65;", "aGVsbG8g", "\\x41", "MFRGG", "x.y@"]
)
def test_work_on_hostile_text_is_bounded(piece: str) -> None:
    began = time.process_time()
    found = decode(piece * (60_000 // len(piece)))
    assert len(found.texts) <= MOST_FORMS and not found.complete
    assert time.process_time() - began < 2.0


PIECES = [
    *(
        "1",
        "25",
        "255",
        "9",
        "0",
        "a",
        "f",
        "fe80::",
        "::",
        ":",
        ".",
        "-",
        "_",
        "%2e",
        "%252e",
        "&#46;",
        "[.]",
        "%3a",
        "%253A",
    ),
    *(
        "0x",
        "X",
        "g",
        "z",
        " ",
        "=",
        "==",
        "Ab3+",
        "192.0.2.1",
        "%41",
        "%",
        "dead",
        "12345678",
        "&",
        "#",
        "/",
        "\n",
        "٣",
        "ſ",
        "K",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14))
@settings(max_examples=2000)
def test_hints_find_every_token_that_the_pattern_matches(pieces: list[str]) -> None:
    text = "".join(pieces)
    everywhere = scrub._ADDRESS_LIKE.sub(scrub._scrub_address, text)
    assert scrub_text(text) == scrub.BASE64.sub(scrub._scrub_base64, everywhere)

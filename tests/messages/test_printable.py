"""Test that no control character of a value reaches a sentence."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from probe.messages import printable, printable_lines, tr

HARMLESS = {"\u200c", "\u200d"}


@given(st.text(st.characters()))
def test_no_control_character_is_left(text: str) -> None:
    for shown in (printable(text), tr("{name}.", name=text), printable_lines(text).translate({10: "", 9: ""})):
        assert not {char for char in shown if unicodedata.category(char)[0] == "C"} - HARMLESS
        assert not set("\u2028\u2029") & set(shown)


def test_escape_names_the_character() -> None:
    assert printable("a\x1b[2J\x07\u202eb") == "a\\u001b[2J\\u0007\\u202eb"
    assert printable("a\n\tb") == "a  b"
    assert printable_lines("a\n\tb\r") == "a\n\tb "


def test_blanks_that_forbid_a_line_break_are_kept() -> None:
    assert printable("« ici\u00a0»\u202f!\u2003a") == "« ici\u00a0»\u202f! a"


def test_words_of_all_languages_are_kept() -> None:
    for word in ("می‌خواهم", "日本語", "Дом", "é", "👍"):
        assert printable(word) == word

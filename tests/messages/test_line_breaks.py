"""Test the breaking of lines in texts with wide letters, combining marks and few blanks."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from probe.cli.screen import wrapped
from probe.messages.line_breaks import has_only_blanks, lines_of

CHINESE = "《微信》在这个网络上被屏蔽（原因：连接被切断），请稍后再试。"
BURMESE = "ဤကွန်ရက်တွင်ဝန်ဆောင်မှုကိုပိတ်ဆို့ထားသည်။ဆာဗာများအဖြေမပေးပါ၊အင်္ဂလိပ်"


@pytest.mark.parametrize("width", range(6, 40))
def test_chinese_line_begins_and_ends_with_no_wrong_mark(width: int) -> None:
    lines = lines_of(CHINESE, width)
    assert all(cell_len(line) <= width for line in lines) and "".join(lines) == CHINESE
    assert not {line[0] for line in lines} & set("》），。：") and not {line[-1] for line in lines} & set("《（")


@pytest.mark.parametrize("width", range(12, 40))
def test_french_mark_stays_with_its_word(width: int) -> None:
    text = "Réseau\u00a0: bloqué\u202f? «\u00a0oui\u00a0» ou «\u00a0non\u00a0»\u00a0!"
    for lines in (lines_of(text, width), wrapped(text, 79 - width).split("\n")):
        assert not {line.strip(" ")[0] for line in lines} & set("\u00a0\u202f:?»!")
        assert not {line[-1] for line in lines} & set("\u00a0\u202f«")


def test_chinese_line_is_filled() -> None:
    assert lines_of("连接被切断", 6) == ["连接被", "切断"]
    assert lines_of("WhatsApp被屏蔽", 12) == ["WhatsApp被屏", "蔽"]
    assert lines_of("用 `probe show` 查看", 10) == ["用 `probe", "show` 查看"]


@pytest.mark.parametrize("width", range(8, 40))
def test_burmese_line_begins_with_a_syllable(width: int) -> None:
    lines = lines_of(BURMESE, width)
    assert all(cell_len(line) <= width for line in lines) and "".join(lines) == BURMESE
    assert len(lines) > 1 or width > cell_len(BURMESE) - 1
    for line in lines:
        assert line[0] not in "။၊" and 0x1000 <= ord(line[0]) <= 0x102A  # no vowel sign, medial or mark
        assert line[1:2] != "\u103a", "a silent consonant ends the syllable before it"
    assert not any(line.endswith("\u1039") for line in lines)


def test_stacked_consonants_stay_together() -> None:
    assert lines_of("အင်္ဂလိပ်", 3) == ["အင်္ဂ", "လိပ်"]


def test_indented_text_counts_cells() -> None:
    text = wrapped(CHINESE * 4, 4, "  标题: ")
    assert all(cell_len(line) <= 79 for line in text.split("\n")) and text.startswith("  标题: 《微信》")
    assert [line[:4] for line in text.split("\n")[1:]] == ["    "] * text.count("\n")


def test_persian_joiners_need_no_cell() -> None:
    text = " ".join(["می\u200cشود"] * 40)
    assert wrapped(text).split("\n")[0].count(" ") == 12  # 13 words of 5 cells


@given(st.text("abc  -.é", max_size=300), st.integers(0, 20))
def test_text_with_blanks_is_wrapped_as_ever(text: str, indent: int) -> None:
    assert has_only_blanks(text)
    pad = " " * indent
    expected = textwrap.fill(text, 79, initial_indent=pad, subsequent_indent=pad, break_on_hyphens=False)
    assert wrapped(text, indent) == expected

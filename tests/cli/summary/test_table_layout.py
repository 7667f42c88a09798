"""Test the wrapping of text into cells, also of wide characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from probe.cli.summary.table_layout import TableCell, row_lines, wrap


@given(st.text(), st.integers(8, 60), st.none() | st.integers(1, 5))
def test_lines_fit_and_keep_the_words(text: str, width: int, most: int | None) -> None:
    lines = wrap(text, width, most)
    assert all(cell_len(line) <= width for line in lines)
    assert most is None or len(lines) <= most
    if most is None:
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_text_is_cut_at_a_word_as_last_resort() -> None:
    assert wrap("one two three four five", 11, 1) == ["one two..."]
    assert wrap("one two three four five", 11, 2) == ["one two", "three..."]
    assert wrap("one two", 11, 1) == ["one two"]
    assert wrap("unbreakable", 8, 1) == ["unbre..."]


def test_wide_characters_take_two_cells() -> None:
    assert wrap("微信朋友圈", 4) == ["微信", "朋友", "圈"]


@pytest.mark.parametrize("colour", ["", "31"])
def test_row_is_as_high_as_its_highest_cell(colour: str) -> None:
    lines = list(row_lines([TableCell("name"), TableCell("likely blocked", colour), TableCell("why")], [6, 7, 5], 1))
    bare = [line.replace("\x1b[31m", "").replace("\x1b[0m", "") for line in lines]
    assert bare == ["name   likely  why", "       blocked"]

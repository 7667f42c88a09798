"""Break texts into lines by the cells that a terminal needs. Chinese and Burmese have places for a break without blank.

A Chinese line never begins with a closing mark and never ends with an opening one. A Burmese line is broken between
syllables.
"""

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_CLOSING = frozenset("、。，．：；？！）》」』】〉〕｝”’…％%,.:;?!)]}၊။၍၌၏၎")
_OPENING = frozenset("（《「『【〈〔｛“‘([{")
_BLANKS = re.compile(r"[^\S\u00a0\u202f]+")
_WITHOUT_BLANKS = re.compile(r"[\u1000-\u109f\u2e80-\uffef\U00020000-\U0003ffff]")  # Burmese, and wide letters
# A consonant or an independent vowel begins a syllable, unless it is stacked below another, or silent (asat).
_SYLLABLE = re.compile(r"(?<!\u1039)[\u1000-\u102a\u103f\u104c\u104d](?!\u1037?\u103a|\u1039)")


def words_of(text: str) -> list[str]:
    """Return the words between blanks. A blank that forbids a line break separates no words."""
    return [word for word in _BLANKS.split(text) if word]


def has_only_blanks(text: str) -> bool:
    """Return whether each character needs one cell, and lines can break at blanks only."""
    return not can_break_in_words(text) and cell_len(text) == len(text)


def can_break_in_words(text: str) -> bool:
    """Return whether the text has Burmese or wide letters, between which a line can break."""
    return bool(_WITHOUT_BLANKS.search(text))


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the pieces that stay in one line, and whether a blank comes before them."""
    if not can_break_in_words(text):
        yield from ((True, word) for word in words_of(text))
        return
    for word in words_of(text):
        begin = 0
        for place in (place for place in range(1, len(word)) if _can_break(word, place)):
            yield begin == 0, word[begin:place]
            begin = place
        yield begin == 0, word[begin:]


def lines_of(text: str, width: int, first_width: int | None = None) -> list[str]:
    """Return the lines of a text. The first can have another width. A piece that is too long is broken anywhere."""
    lines = [""]
    for blank, piece in pieces(text):
        space = width if first_width is None or len(lines) > 1 else first_width
        joint = " " if blank and lines[-1] else ""
        if cell_len(lines[-1] + joint + piece) <= space:
            lines[-1] += joint + piece
        else:
            lines += chop_cells(piece, width) if cell_len(piece) > width else [piece]
    return lines


def _can_break(word: str, place: int) -> bool:
    before, behind = word[place - 1], word[place]
    if before in _OPENING or behind in _CLOSING:
        return False
    if _SYLLABLE.match(word, place):
        return True
    return (cell_len(before) == 2 or cell_len(behind) == 2) and cell_len(behind) > 0

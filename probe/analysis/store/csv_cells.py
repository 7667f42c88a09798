"""Neutralize texts in CSV files that a spreadsheet would run as a formula. Texts of measurements are untrusted.

A spreadsheet ignores invisible characters and quotes before the sign that begins a formula, and some read it in other
spellings. A comma-separated file is divided at semicolons, tabs and line breaks where these are the separators.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

SIGNS = "=⁼₌﹦＝⩵⩶+⁺₊﬩﹢＋-⁻₋−﹣－@﹫＠"
"""Characters that are = + - or @ in some form: small, full-width, superscript, subscript, the minus sign."""
SEPARATORS = ";\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
MARK = "'"  # before a sign it makes a text of the cell
_QUOTES = "'\"`´＇＂‘’‚‛“”„‟«»‹›"
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a symbol that are shown as nothing
_AFTER_SEPARATOR = re.compile(f"[{SEPARATORS}]")


def neutralized(text: str) -> str:
    """Return the text with a mark at its start, and after each separator, where a formula could begin."""
    return MARK.join(_parts(text))


def original(text: str) -> str:
    """Return the text of which `neutralized` made this one."""
    first, *others = _parts(text)
    return "".join([first, *(part.removeprefix(MARK) for part in others)])


def _parts(text: str) -> list[str]:
    """Divide a text at each place where a formula could begin."""
    places = [0, *_beginnings(text), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def _beginnings(text: str) -> Iterator[int]:
    """Yield the places from which only ignored characters come before a sign."""
    if _sign_follows(text, 0, separators=True):
        yield 0
    for found in _AFTER_SEPARATOR.finditer(text):
        if _sign_follows(text, found.end(), separators=False):
            yield found.end()


def _sign_follows(text: str, place: int, *, separators: bool) -> bool:
    """Return whether a sign follows after ignored characters, which include separators only at the text's start."""
    while place < len(text) and _is_ignored(text[place]) and (separators or text[place] not in SEPARATORS):
        place += 1
    return place < len(text) and text[place] in SIGNS


def _is_ignored(char: str) -> bool:
    """Return whether a character is invisible (separator, control, format, mark) or a quote."""
    return char in _QUOTES + _BLANKS or unicodedata.category(char)[0] in "ZCM"

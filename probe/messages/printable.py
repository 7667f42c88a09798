"""Write control characters of foreign texts as escapes, because they could steer the terminal.

A file name, a target file and a line of a results file can contain any character. Examples are ESC, BEL, line breaks,
and the controls that reverse the direction of a text.
"""

import re

_KEPT = "\u200c\u200d\u00a0\u202f"  # joiners, which Persian and Indic words need, and blanks without a line break
_KEPT_IN_LINES = re.compile(r"([\n\t])")


def printable(text: object) -> str:
    """Return the text in one line without control characters. White space becomes a blank, the rest an escape.

    A blank that forbids a line break stays, because French has one before some marks.
    """
    whole = str(text)
    return whole if whole.isprintable() else "".join(map(_shown, whole))


def printable_lines(text: str) -> str:
    """Return a text of several lines without control characters. Line breaks and tabs are kept."""
    return "".join(part if part in {"\n", "\t"} else printable(part) for part in _KEPT_IN_LINES.split(text))


def _shown(char: str) -> str:
    if char.isprintable() or char in _KEPT:
        return char
    return " " if char.isspace() else f"\\u{ord(char):04x}"

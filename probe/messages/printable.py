"""Write control characters of foreign texts as escapes, because they could steer the terminal.

A file name, a target file and a line of a results file can contain any character. Examples are ESC, BEL, line breaks,
and the controls that reverse the direction of a text.
"""

import re

_JOINERS = "\u200c\u200d"  # zero width (non-)joiner, which Persian and Indic words need
_KEPT_IN_LINES = re.compile(r"([\n\t])")


def printable(text: object) -> str:
    """Return the text in one line without control characters. White space becomes a blank, the rest an escape."""
    whole = str(text)
    return whole if whole.isprintable() else "".join(map(_shown, whole))


def printable_lines(text: str) -> str:
    """Return a text of several lines without control characters. Line breaks and tabs are kept."""
    return "".join(part if part in {"\n", "\t"} else printable(part) for part in _KEPT_IN_LINES.split(text))


def _shown(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    return " " if char.isspace() else f"\\u{ord(char):04x}"

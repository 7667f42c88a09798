"""Mark the directions in lines of Arabic, Persian and Urdu for terminals that order letters themselves (UAX 9).

Such a terminal orders each line as if it were English. Without marks it would mix up the columns of a table, the words
of a sentence with names in it, and options such as `--why`. A mark needs no cell. Files and pipes get none.

Windows Terminal (github.com/microsoft/terminal/issues/538), Termux (github.com/termux/termux-app/issues/920), kitty,
Alacritty, foot and the Linux console do not order letters, read 2026-11-27. Marks would be of no use there. VTE orders
letters and ignores marks (terminal-wg.pages.freedesktop.org/bidi, read 2026-11-27).
"""

import os
import re
from typing import TextIO

from probe.messages import is_right_to_left, language
from probe.messages.directions import END, RIGHT_TO_LEFT, has_right_to_left, latin_isolated
from probe.platforms.systems import is_windows

_COLUMNS = re.compile(r"( {2,})")
_VARIABLES = ("WT_SESSION", "TERMUX_VERSION", "KITTY_WINDOW_ID", "ALACRITTY_WINDOW_ID")
_TERMINALS = ("linux", "dumb", "xterm-kitty", "xterm-ghostty", "alacritty", "foot")


def wants_marks(stream: TextIO) -> bool:
    """Return whether lines on this stream need marks: a right-to-left language on a terminal that orders letters."""
    if not is_right_to_left(language()) or not stream.isatty():
        return False
    unordered = (
        is_windows() or any(map(os.environ.get, _VARIABLES)) or os.environ.get("TERM", "").startswith(_TERMINALS)
    )
    return not unordered


def with_marks(line: str) -> str:
    """Return a line in which each column of right-to-left text, and each Latin run in it, is isolated.

    Two blanks divide columns.
    """
    return "".join(_isolated(part) for part in _COLUMNS.split(line))


def _isolated(part: str) -> str:
    if not has_right_to_left(part):
        return part
    body = part.strip(" ")
    begin = part.index(body)
    return f"{part[:begin]}{RIGHT_TO_LEFT}{latin_isolated(body)}{END}{part[begin + len(body) :]}"

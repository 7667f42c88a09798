"""Show text on an emulated terminal, and offer a stream that looks like one."""

import io
import unicodedata

import pyte
from rich.cells import cell_len


class TerminalStream(io.StringIO):
    """Collect what is printed, as a terminal with UTF-8."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(text: str, columns: int, lines: int) -> list[str]:
    """Return the lines that a terminal of this size shows after the text, without empty ones at its end.

    Lines that have left at the top are included, so that their number tells whether the text fits.
    """
    screen = pyte.HistoryScreen(columns, lines, history=1000)
    pyte.Stream(screen).feed(_known_to_pyte(text).replace("\n", "\r\n"))
    left = ["".join(line[column].data for column in range(columns)) for line in screen.history.top]
    found = [line.rstrip() for line in [*left, *screen.display]]
    while found and not found[-1]:
        found.pop()
    return found


def _known_to_pyte(text: str) -> str:
    """Return the text without marks and vowel signs that need no cell. Pyte leaves out all text behind one of them."""
    return "".join(char for char in text if cell_len(char) or unicodedata.category(char) == "Cc")


def colours_shown(text: str, columns: int, lines: int) -> set[str]:
    """Return the names of the colours on the screen."""
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return {cell.fg for row in screen.buffer.values() for cell in row.values() if cell.data.strip()}

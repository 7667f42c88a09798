"""Lay out columns of text by the cells that a terminal needs: two for a wide character, none for a combining one."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from probe.messages.line_breaks import lines_of, words_of
from probe.messages.terminal_cells import widest

LEAST_WIDTH, LEAST_LINES = 30, 8
MOST_LINES = 3  # of one cell. More words are cut off, with an ellipsis.


def screen_width() -> int:
    """Return the columns that a line may use: one fewer than the terminal has, and 79 without a terminal."""
    return max(shutil.get_terminal_size((80, 24)).columns - 1, LEAST_WIDTH)


def screen_lines(stream: TextIO, taken: int = 0) -> int | None:
    """Return the lines that a result may use: `taken` and the prompt have the others. Without a terminal it is None."""
    return max(shutil.get_terminal_size((80, 24)).lines - 1 - taken, LEAST_LINES) if stream.isatty() else None


@dataclass(frozen=True)
class TableCell:
    """Hold the text of one cell, and the escape sequence of its colour or "" for none."""

    text: str
    colour: str = ""


def wrap(text: str, width: int, most: int | None = None) -> list[str]:
    """Return the lines of a text at word boundaries. A word that is too long is broken.

    From the line `most` on the rest is cut off at a word.
    """
    lines = lines_of(text, width)
    found = [line for line in lines if line] or [""]
    return found if most is None or len(found) <= most else [*found[: most - 1], _cut(found[most - 1], width)]


def _cut(line: str, width: int) -> str:
    """Return the line with an ellipsis in the place of its last word, or of its last character if it has one word."""
    while cell_len(line) > width - 3:
        line = line.rpartition(" ")[0] or set_cell_size(line, width - 3)
    return f"{line}..."


def widest_word(texts: Iterable[str]) -> int:
    """Return the number of cells of the widest word."""
    return widest(word for text in texts for word in words_of(text))


def row_lines(
    cells: Sequence[TableCell],
    widths: Sequence[int],
    gap: int,
    marked: Callable[[str], str] = str,
    *,
    most: int | None = MOST_LINES,
) -> Iterator[str]:
    """Yield the lines of a row of cells. Each cell is wrapped in its own column. `marked` adds marks for directions.

    A cell that needs more than `most` lines is cut off.
    """
    wrapped = [wrap(cell.text, width, most) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, wrapped))):
        parts = [
            _padded(lines[number] if number < len(lines) else "", width, cell.colour, marked)
            for lines, width, cell in zip(wrapped, widths, cells, strict=True)
        ]
        yield (" " * gap).join(parts).rstrip()


def _padded(text: str, width: int, colour: str, marked: Callable[[str], str]) -> str:
    shown = f"\x1b[{colour}m{marked(text)}\x1b[0m" if colour and text else marked(text)
    return shown + " " * (width - cell_len(text))

"""Write Markdown for 80 columns. `code` and `escaped` take untrusted texts, the other functions take their results."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from probe.messages import printable

WIDTH, LONGEST = 79, 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|!&])")


def code(name: Any) -> str:
    """Return a name in the type of code, and any other text escaped."""
    text = str(name)
    return f"`{text}`" if _NAME.fullmatch(text) and len(text) <= LONGEST else escaped(text)


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return a text in which no character has a meaning, cut to `longest` characters. An empty one becomes `-`."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return _SPECIAL.sub(r"\\\1", " ".join(printable(cut).split())) or "-"


def paragraph(text: str, width: int = WIDTH) -> str:
    """Wrap a text. Words longer than a line, such as digests, keep their lines."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def bullets(texts: Iterable[str]) -> str:
    """Return a list with one entry per text."""
    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    entries = (
        textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", **options) for text in texts if text
    )
    return "\n".join(entries)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: int) -> str:
    """Return a table whose last columns, as many as `numbers`, are aligned to the right. None without rows."""
    if not rows:
        return ""
    cells = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    right = [column >= len(heads) - numbers for column in range(len(heads))]
    rule = ["-" * (width - 1) + (":" if at_right else "-") for width, at_right in zip(widths, right, strict=True)]
    lines = [
        [
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        ]
        for row in cells
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])

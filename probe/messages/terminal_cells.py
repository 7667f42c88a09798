"""Pad texts by the cells that a terminal needs: two for a wide character, none for a combining one."""

from collections.abc import Iterable

from rich.cells import cell_len


def widest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)


def padded(text: str, width: int) -> str:
    """Return the text with blanks behind it, up to a number of cells."""
    return text + " " * (width - cell_len(text))

"""Pad texts by the cells that a terminal needs: two for a wide character, none for a combining one."""

from rich.cells import cell_len


def padded(text: str, width: int) -> str:
    """Return the text with blanks behind it, up to a number of cells."""
    return text + " " * (width - cell_len(text))

"""A comparison as text of 80 columns, and as JSON: one object per cell."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.cells import INSUFFICIENT, LEAST, SHARE, Cell, Comparison, network_name

WIDTH = 80
_SERVICE_WIDTH = 22
_CELL_WIDTH = 18  # at least; so three vantage points fit beside each other
_GAP = 2
_SURE = 0.05  # corrected p-value, for the mark of a difference
WORDS = {
    "blocked": "BLOCKED",
    "likely_blocked": "LIKELY BLOCKED",
    "degraded": "WORKS BADLY",
    "impaired": "NOT WORKING",
    "down": "DOWN",
    "ok": "OK",
    "mixed": "MIXED",
}
LEGEND = (
    f"3/4: so many of the measurements that count say so; at least {SHARE:.0%} must, else MIXED.",
    f"(...): fewer than {LEAST} measurements: what these found, no statement about the network.",
    f"*: works less or more often than {{baseline}} (Fisher's exact test, Holm's correction, p < {_SURE}).",
    "-: nobody measured; a gap is not OK.",
)


def to_json(comparison: Comparison) -> str:
    """The comparison as lines of JSON, one per cell."""
    rows = (cell_to_dict(cell) for _, cells in comparison.rows() for cell in cells)
    return "".join(json.dumps(row, separators=(", ", ": "), allow_nan=False) + "\n" for row in rows)


def cell_to_dict(cell: Cell) -> dict[str, Any]:
    """A cell as JSON has it."""
    written = asdict(cell)
    written["networks"] = [network._asdict() for network in cell.networks]
    order = ("service", "vantage", "state", "mechanisms", "n", "by_state", "networks", "reporters_max", "witness")
    return {key: written[key] for key in (*order, "difference", "found", "set_aside")}


def label(vantage: dict[str, str]) -> str:
    """A vantage point's name: `IR AS44244`, `IR 2026-11-24`, `LAB great-firewall`; its network's name stands apart."""
    words = [f"LAB {value}" if axis == "lab" else value for axis, value in vantage.items() if value]
    return " ".join(words) or "everything"


def to_text(comparison: Comparison) -> str:
    """The comparison for people: ASCII, at most 80 columns; more vantage points than fit come in further blocks."""
    fit = max(1, (WIDTH - _SERVICE_WIDTH) // (_CELL_WIDTH + _GAP - 1))
    places = range(len(comparison.vantages))
    blocks = [_block(comparison, places[start : start + fit]) for start in places[::fit]]
    return "\n".join([*blocks, "\n".join(_notes(comparison)) + "\n"])


def _block(comparison: Comparison, places: Sequence[int]) -> str:
    width = (WIDTH - _SERVICE_WIDTH - _GAP * len(places)) // len(places)
    heads = [_head(comparison.vantages[place], comparison.baseline and place == 0, width) for place in places]
    lines = [*_row([[comparison.question.row], *heads], width), "-" * WIDTH]
    for service, cells in comparison.rows():
        columns = [_cell_lines(cells[place], width) for place in places]
        lines += _row([folded(service, _SERVICE_WIDTH), *columns], width)
    return "\n".join(lines) + "\n"


def _head(vantage: dict[str, str], baseline: bool, width: int) -> list[str]:
    named = network_name(vantage["asn"]) if "asn" in vantage else ""
    return [
        *folded(f"{'baseline ' if baseline else ''}{label(vantage)}", width),
        *(folded(named, width) if named else []),
    ]


def _row(cells: list[list[str]], width: int) -> list[str]:
    """Lay cells of several lines side by side."""
    height = max(map(len, cells))
    widths = [_SERVICE_WIDTH, *([width] * (len(cells) - 1))]
    gap = " " * _GAP
    return [
        gap.join(
            (cell[number] if number < len(cell) else "").ljust(wide) for cell, wide in zip(cells, widths, strict=True)
        ).rstrip()
        for number in range(height)
    ]


def _cell_lines(cell: Cell, width: int) -> list[str]:
    """What one cell shows: the state with its counts, the mechanisms, and what was set aside where nothing counts."""
    if cell.found is None:
        aside = [f"{n} not counted: {reason}" for reason, n in cell.set_aside.items()]
        return [line for text in aside for line in folded(text, width)] or ["-"]
    return folded(cell_text(cell), width) + [line for name in cell.mechanisms for line in folded(name, width)]


def cell_text(cell: Cell) -> str:
    """`BLOCKED 7/7 *`; `(BLOCKED 1/1)` where that is too few; `MIXED 3 BLOCKED, 4 OK`."""
    if cell.found in cell.by_state:
        words = f"{WORDS[str(cell.found)]} {cell.by_state[str(cell.found)]}/{cell.n}"
    else:
        words = "MIXED " + ", ".join(f"{n} {WORDS[state]}" for state, n in cell.by_state.items())
    if cell.state == INSUFFICIENT:
        words = f"({words})"
    return f"{words} *" if cell.difference and cell.difference["p_value"] < _SURE else words


def _notes(comparison: Comparison) -> list[str]:
    """What the marks mean, as far as there are any, and what is not in the picture."""
    baseline = label(dict(comparison.question.baseline)) if comparison.baseline else "the others together"
    notes = [line.format(baseline=baseline) for line in LEGEND]
    notes += [
        f"not counted: what {version} says of {service}, for it fails on every network while other versions work."
        for service, version in comparison.instrument
    ]
    beyond, n = comparison.left_out
    if beyond:
        notes.append(f"{beyond} more vantage point(s) with {n} measurement(s) are not shown (--top).")
    return [line for note in notes for line in textwrap.wrap(ascii_only(note), WIDTH - 1)]


def folded(text: str, width: int) -> list[str]:
    """The text in lines of that width, ASCII; a word that is longer is broken behind a mark, if it has one."""
    broken = re.sub(r"\S+", lambda word: " ".join(_pieces(word[0], width)), ascii_only(text))
    return textwrap.wrap(broken, width, break_on_hyphens=False) or [""]


def _pieces(word: str, width: int) -> Iterator[str]:
    while len(word) > width:
        cut = max(word.rfind(mark, 0, width) for mark in "./_-") + 1 or width
        yield word[:cut]
        word = word[cut:]
    yield word


def ascii_only(text: str) -> str:
    """What any terminal can show: no Unicode, no control characters."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)

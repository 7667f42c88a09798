"""Measure how the costs of a store grow, and draw them: `python -m tests.bench.store_growth FOLDER SIZE…`.

The figures are appended to docs/store-growth.csv, and docs/store-growth.svg is drawn from that file. Without arguments
only the picture is drawn again. 10⁶ light measurements take an hour on two cores and 3 GB of disk below FOLDER.
"""

import csv
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from tests.bench.store_costs import Cost, StoreCosts, measure

DOCS = Path(__file__).parents[2] / "docs"
FIGURES, PICTURE = DOCS / "store-growth.csv", DOCS / "store-growth.svg"
STEPS = {"ingest": "ingest", "rejudge": "judge again", "compare": "compare", "query": "DuckDB's read_json"}
COLOURS = {"ingest": "#0072b2", "rejudge": "#d55e00", "compare": "#009e73", "query": "#555555"}
WIDTH, HEIGHT, LEFT, TOP = 400, 320, 60, 46  # of one panel, and its margins
INNER_WIDTH, INNER_HEIGHT = 290, 220
COLUMNS = ("size", "step", "seconds", "cpu", "memory")
Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """Describe one panel: a title, the left edge, and the powers of ten at both ends of its axis."""

    title: str
    left: int
    lowest: int
    highest: int

    def place(self, size: float, value: float) -> Point:
        """Return the place of a value in the picture. Both axes are logarithmic."""
        x = (math.log10(size) - 3) / 3
        y = (math.log10(value) - self.lowest) / (self.highest - self.lowest)
        return self.left + LEFT + x * INNER_WIDTH, TOP + (1 - y) * INNER_HEIGHT


CPU = Panel("CPU in seconds, by measurements", 0, -1, 4)
MEMORY = Panel("MB of the largest process, by measurements", WIDTH, 1, 4)


def rows_of(costs: StoreCosts) -> Iterator[list[str]]:
    """Yield the rows of the file for one size."""
    for step in STEPS:
        cost: Cost = getattr(costs, step)
        yield [str(costs.size), step, f"{cost.seconds:.2f}", f"{cost.cpu:.2f}", str(cost.memory)]


def exponent(points: Iterable[Point]) -> float:
    """Return the slope of the least-squares line through the logarithms: 1 for costs that grow like the number."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    middle_x, middle_y = (sum(axis) / len(logs) for axis in zip(*logs, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in logs)
    return sum((x - middle_x) * (y - middle_y) for x, y in logs) / spread


def picture(rows: Iterable[dict[str, str]]) -> str:
    """Return the picture as SVG, with the exponent of each curve."""
    found: dict[str, list[tuple[int, float, float]]] = {step: [] for step in STEPS}
    for row in rows:
        found[row["step"]].append((int(row["size"]), float(row["cpu"]), float(row["memory"])))
    parts = [*_axes(CPU), *_axes(MEMORY)]
    for place, (step, points) in enumerate(found.items()):
        points.sort()
        by_cpu, by_memory = [(n, cpu) for n, cpu, _ in points], [(n, memory) for n, _, memory in points]
        parts += _curve(CPU, by_cpu, COLOURS[step]) + _curve(MEMORY, by_memory, COLOURS[step])
        words = f"{STEPS[step]}: CPU grows like n to the power of {exponent(by_cpu):.2f}"
        parts.append(_text(LEFT + 370 * (place % 2), HEIGHT + 6 + 18 * (place // 2), f"— {words}", fill=COLOURS[step]))
    title = "Costs of a store by the number of light measurements"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 36}" role="img"'
    style = 'font-family="sans-serif" font-size="12"'
    return "\n".join([f"{head} {style}>", f"<title>{title}</title>", *parts, "</svg>", ""])


def _axes(panel: Panel) -> Iterator[str]:
    yield f'<rect x="{panel.left}" y="0" width="{WIDTH}" height="{HEIGHT + 36}" fill="#fff"/>'
    yield _text(panel.left + LEFT, 20, panel.title, weight="bold")
    for power in range(3, 7):
        x, y = panel.place(10**power, 10**panel.lowest)
        yield _line((x, TOP), (x, y))
        yield _text(x, y + 18, f"{10**power:,}".replace(",", " "), anchor="middle")
    for power in range(panel.lowest, panel.highest + 1):
        x, y = panel.place(1000, 10.0**power)
        yield _line((x, y), (x + INNER_WIDTH, y))
        yield _text(x - 6, y + 4, f"{10.0**power:g}", anchor="end")


def _curve(panel: Panel, points: list[Point], colour: str) -> list[str]:
    places = [panel.place(*point) for point in points]
    lines = [_line(one, other, colour, 2) for one, other in pairwise(places)]
    return lines + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]


def _line(one: Point, other: Point, colour: str = "#ddd", width: int = 1) -> str:
    ends = f'x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal", fill: str = "#222") -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def main(arguments: list[str]) -> None:
    """Measure the named sizes, and draw all that were measured."""
    for size in map(int, arguments[1:]):
        costs = measure(Path(arguments[0]) / str(size), size, light=True)
        head = [] if FIGURES.exists() else [list(COLUMNS)]
        with FIGURES.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([*head, *rows_of(costs)])
    with FIGURES.open(newline="") as file:
        PICTURE.write_text(picture(csv.DictReader(file)))


if __name__ == "__main__":
    main(sys.argv[1:])

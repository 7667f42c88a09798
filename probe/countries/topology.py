"""Decode the polygons of a TopoJSON file. The probe itself does not run this module.

Source: the TopoJSON Format Specification, https://github.com/topojson/topojson-specification, opened on 2026-11-27.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

Point = tuple[float, float]  # longitude and latitude
Ring = list[Point]
Polygon = list[Ring]


def polygons(topology: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], list[Polygon]]]:
    """Iterate over the geometries of an object, each with its polygons."""
    arcs = _arcs(topology)
    for geometry in topology["objects"][name]["geometries"]:
        parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        yield geometry, [[_ring(arcs, ring) for ring in part] for part in parts]


def centroid(ring: Ring) -> Point:
    """Return the centre of gravity of a ring, and the mean of its points if it has no area."""
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    crosses = [a[0] * b[1] - b[0] * a[1] for a, b in pairs]
    if not (twice := sum(crosses)):
        return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)
    x, y = (sum((a[n] + b[n]) * cross for (a, b), cross in zip(pairs, crosses, strict=True)) for n in (0, 1))
    return x / (3 * twice), y / (3 * twice)


def area(ring: Ring) -> float:
    """Return the area of a ring, in the square of its unit."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))) / 2


def cut_at_antimeridian(ring: Ring) -> list[Ring]:
    """Return the parts of a ring west and east of 180 degrees, the ring itself if it does not cross that meridian."""
    turns = accumulate((round((a[0] - b[0]) / 360) for a, b in pairwise(ring)), initial=0)
    straight = [(x + 360 * turn, y) for (x, y), turn in zip(ring, turns, strict=True)]
    parts = []
    for edge in (-180, 180):
        sides = [_beyond(straight, edge, sign) for sign in (-1, 1)]
        if all(sides):
            own, other = sides if edge == 180 else sides[::-1]
            parts += [own, [(x - 2 * edge, y) for x, y in other]]
    return parts or [ring]


def _beyond(ring: Ring, edge: float, sign: int) -> Ring:
    """Clip a ring to one side of a meridian (Sutherland and Hodgman)."""
    kept: Ring = []
    for (x0, y0), (x1, y1) in pairwise(ring):
        if (x0 - edge) * (x1 - edge) < 0:
            kept.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
        if sign * (x1 - edge) > 0:
            kept.append((x1, y1))
    return [*kept, kept[0]] if kept else []


def _arcs(topology: dict[str, Any]) -> list[Ring]:
    scale, start = topology["transform"]["scale"], topology["transform"]["translate"]
    decoded = []
    for arc in topology["arcs"]:
        axes = (accumulate(point[axis] for point in arc) for axis in (0, 1))
        xs, ys = ([scale[n] * value + start[n] for value in values] for n, values in enumerate(axes))
        decoded.append(list(zip(xs, ys, strict=True)))
    return decoded


def _ring(arcs: list[Ring], numbers: list[int]) -> Ring:
    """Join arcs. A negative number ~n is arc n in reverse. The last point of an arc is the first of the next one."""
    joined: Ring = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        joined += arc[1:] if joined else arc
    return joined

"""Generate probe/data/outlines.json. The probe itself does not run this module.

It needs the packages `world-atlas` and `cldr-core` of npm as files (`npm pack NAME`):

    python -m probe.countries.pack_outlines world-atlas-2.0.2.tgz cldr-core-48.2.0.tgz > probe/data/outlines.json

Project longitude and latitude to a plane with the Equal Earth projection.

Source: B. Šavrič, T. Patterson and B. Jenny, The Equal Earth map projection, International Journal of Geographical
Information Science 33 (2019), 454-465. Countries keep their relative areas, so that no country looks more important.

Decode the polygons of a TopoJSON file. The probe itself does not run this module.

Source: the TopoJSON Format Specification, https://github.com/topojson/topojson-specification, opened on 2026-11-27.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

from probe.countries.cldr import member
from probe.countries.country_names import country_codes

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


_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796


def equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    """Return x (east) and y (north) on a sphere of radius 1."""
    theta = asin(sqrt(3) / 2 * sin(radians(latitude)))
    square, sixth = theta**2, theta**6
    slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
    x = 2 * sqrt(3) * radians(longitude) * cos(theta) / (3 * slope)
    return x, theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))


HALF_WIDTH = equal_earth(180, 0)[0]

WIDTH = 2000  # of the plane, in units
NORTH, SOUTH = 84.0, -57.0  # The plane ends there. Antarctica has no users, and would take a fifth of the picture.
SMALL = 60.0  # square units. A country with a smaller outline has a point as well.
_SCALE = WIDTH / (2 * HALF_WIDTH)
_TOP = equal_earth(0, NORTH)[1]
HEIGHT = round(_SCALE * (_TOP - equal_earth(0, SOUTH)[1]))
NO_CODE = ""
# Natural Earth gives these no number of ISO 3166-1. Kosovo has the code that CLDR uses. The others have no code.
_NAMED = {"Kosovo": "XK", "Gibraltar": "GI", "Tuvalu": "TV"}
# Parts with a code of their own, inside the shapes of another country: code of the shape, west, south, east, north.
_PARTS = {
    "GF": ("FR", -55, 2, -51, 6),
    "GP": ("FR", -62, 15.8, -61, 16.6),
    "MQ": ("FR", -61.3, 14.3, -60.7, 15),
    "RE": ("FR", 55, -21.5, 56, -20.8),
    "YT": ("FR", 44.9, -13.1, 45.4, -12.6),
    "SJ": ("NO", 10, 74, 36, 81),
    "BV": ("NO", 3, -55, 4, -54),
    "BQ": ("NL", -69, 12, -62.9, 18),
    "TK": ("NZ", -173, -10, -171, -8),
    "CX": (NO_CODE, 105, -11, 106, -10),
    "CC": (NO_CODE, 96, -13, 97, -11),
}


def packed(atlas: Path, core: Path) -> dict[str, Any]:
    """Return the outlines and points of countries by code, and the outlines of land without a code."""
    numbers = _codes(core)
    coarse = _by_code(member(atlas, "countries-110m.json"), numbers)
    fine = _by_code(member(atlas, "countries-10m.json"), numbers)
    outlines = {code: path for code in sorted(coarse) if (path := _path(coarse[code]))}
    small = [code for code in fine if code and (code not in outlines or _area(coarse[code]) < SMALL)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "outlines": {code: path for code, path in outlines.items() if code},
        "no_code": outlines[NO_CODE],
        "points": {code: placed(_centre(fine[code])) for code in sorted(small) if code != "AQ"},
    }


def _codes(core: Path) -> dict[str, str]:
    """Return the codes of countries by their number. A few numbers have a former code too."""
    mapped = member(core, "supplemental/codeMappings.json")["supplemental"]["codeMappings"]
    return {mapped[code]["_numeric"]: code for code in country_codes() if "_numeric" in mapped.get(code, {})}


def _by_code(topology: dict[str, Any], codes: dict[str, str]) -> dict[str, list[Polygon]]:
    found: dict[str, list[Polygon]] = defaultdict(list)
    for geometry, shapes in polygons(topology, "countries"):
        code = codes.get(geometry.get("id", ""), _NAMED.get(geometry["properties"]["name"], NO_CODE))
        for shape in shapes:
            found[_part(code, centroid(shape[0]))].append(shape)
    return found


def _part(code: str, middle: Point) -> str:
    for part, (whole, west, south, east, north) in _PARTS.items():
        if code == whole and west <= middle[0] <= east and south <= middle[1] <= north:
            return part
    return code


def placed(point: Point) -> list[int]:
    """Return x (east) and y (south) of a place on the plane."""
    x, y = equal_earth(*point)
    return [round(_SCALE * (x + HALF_WIDTH)), round(_SCALE * (_TOP - y))]


def _area(shapes: Iterable[Polygon]) -> float:
    return sum(area([(x, y) for x, y in map(placed, shape[0])]) for shape in shapes)


def _centre(shapes: Iterable[Polygon]) -> Point:
    return centroid(max((shape[0] for shape in shapes), key=area))


def _path(shapes: Iterable[Polygon]) -> str:
    """Return an SVG path of integers, relative after each ring's first point."""
    return "".join(written for shape in shapes for ring in shape for written in _rings(ring))


def _rings(ring: Ring) -> Iterator[str]:
    for part in cut_at_antimeridian(ring):
        yield from _written(part)


def _written(ring: Ring) -> Iterator[str]:
    """Yield the path of a ring, nothing if it has no area on the plane or is beyond its south end."""
    points = [placed(point) for point in ring]
    kept = [points[0], *(b for a, b in pairwise(points) if a != b)]
    if len(kept) > 3 and centroid(ring)[1] > SOUTH:
        x, y = kept[0]
        steps = " ".join(f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(kept[:-1]))
        yield f"M{x} {y}l{steps}z".replace(" -", "-")


if __name__ == "__main__":
    json.dump(packed(Path(sys.argv[1]), Path(sys.argv[2])), sys.stdout, indent=0, ensure_ascii=False)
    print()

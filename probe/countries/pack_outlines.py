"""Generate probe/data/outlines.json. The probe itself does not run this module.

It needs the packages `world-atlas` and `cldr-core` of npm as files (`npm pack NAME`):

    python -m probe.countries.pack_outlines world-atlas-2.0.2.tgz cldr-core-48.2.0.tgz > probe/data/outlines.json
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from probe.countries.equal_earth import HALF_WIDTH, equal_earth
from probe.countries.names import country_codes
from probe.countries.pack import member
from probe.countries.topology import Point, Polygon, Ring, area, centroid, cut_at_antimeridian, polygons

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
    """Return the centre of the largest shape."""
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

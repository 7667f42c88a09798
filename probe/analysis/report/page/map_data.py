"""Return the outlines of a map, and the names of the countries on it."""

from collections.abc import Iterable
from typing import Any

from probe.countries.names import country_name, region_name
from probe.countries.outlines import outlines

LEAST_COUNTRIES = 2  # One country needs no map.


def map_data(codes: Iterable[str]) -> dict[str, Any] | None:
    """Return the map of the countries with these codes, None for too few. All other countries have an outline only."""
    measured, drawn = {code for code in codes if code}, outlines()
    points = {code: point for code, point in drawn.points.items() if code in measured}
    shown = measured & (drawn.outlines.keys() | points)
    if len(shown) < LEAST_COUNTRIES:
        return None
    return {
        "width": drawn.width,
        "height": drawn.height,
        "outlines": drawn.outlines,
        "no_code": drawn.no_code,
        "points": points,
        "names": {code: country_name(code) for code in sorted(shown | drawn.outlines.keys())},
        "regions": {code: region_name(code) for code in sorted(shown)},
        "absent": sorted(measured - shown),
    }

"""Return the outlines of countries on the plane of the Equal Earth projection."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUNDLED = Path(__file__).parents[1] / "data" / "outlines.json"


@dataclass(frozen=True)
class Outlines:
    """Hold outlines as SVG paths, and points of countries that are too small to be seen, by code of ISO 3166-1.

    `no_code` is the outline of land that has no code: Northern Cyprus and Somaliland.
    """

    width: int
    height: int
    outlines: dict[str, str]
    no_code: str
    points: dict[str, list[int]]


@cache
def outlines() -> Outlines:
    return Outlines(**json.loads(BUNDLED.read_text(encoding="utf-8")))

"""Return the name and the region of a country."""

import json
from functools import cache
from pathlib import Path
from typing import Any

BUNDLED = Path(__file__).parents[1] / "data" / "countries.json"


def country_name(code: str) -> str:
    """Return the English name of a country by its code of ISO 3166-1, or the code if it is unknown."""
    name: str = _countries().get(code, [code, ""])[0]
    return name


def region_name(code: str) -> str:
    """Return the English name of a country's region in UN M49, "" if the country is unknown."""
    region: str = _countries().get(code, ["", ""])[1]
    return str(_data()["regions"].get(region, ""))


def country_codes() -> list[str]:
    """Return the codes of all countries, sorted."""
    return sorted(_countries())


def _countries() -> dict[str, list[str]]:
    countries: dict[str, list[str]] = _data()["countries"]
    return countries


@cache
def _data() -> dict[str, dict[str, Any]]:
    data: dict[str, dict[str, Any]] = json.loads(BUNDLED.read_text(encoding="utf-8"))
    return data

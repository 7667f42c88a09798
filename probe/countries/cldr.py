"""Generate probe/data/countries.json. The probe itself does not run this module.

It needs the packages `cldr-core` and `cldr-localenames-full` of npm as files (`npm pack NAME`):

    python -m probe.countries.cldr cldr-core-48.2.0.tgz cldr-localenames-full-48.2.0.tgz > probe/data/countries.json
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WORLD = "001"  # the code of the whole world in UN M49


def packed(core: Path, names: Path) -> dict[str, dict[str, Any]]:
    """Return the regions by code of UN M49, and the countries by code of ISO 3166-1 with name and region."""
    contained = member(core, "supplemental/territoryContainment.json")["supplemental"]["territoryContainment"]
    named = member(names, "main/en/territories.json")["main"]["en"]["localeDisplayNames"]["territories"]
    found = dict(_countries(contained, _WORLD))
    countries = {code: [_short(named, code), found[code]] for code in sorted(found)}
    return {"regions": {code: named[code] for code in sorted(set(found.values()))}, "countries": countries}


def member(archive: Path, name: str) -> Any:
    """Return the content of a JSON file in a package of npm."""
    with tarfile.open(archive) as opened:
        file = opened.extractfile(f"package/{name}")
        if file is None:
            raise FileNotFoundError(f"{archive} has no {name}")
        return json.load(file)


def _short(named: dict[str, str], code: str) -> str:
    """Return the short name of a country, if it is more than two letters such as `UK`."""
    short = named.get(f"{code}-alt-short", "")
    return short if len(short) > 2 else named[code]


def _countries(contained: dict[str, Any], region: str) -> Iterator[tuple[str, str]]:
    """Iterate over the countries of a region, with the smallest region that holds each of them."""
    for code in contained[region]["_contains"]:
        if code in contained:
            yield from _countries(contained, code)
        else:
            yield code, region


if __name__ == "__main__":
    json.dump(packed(Path(sys.argv[1]), Path(sys.argv[2])), sys.stdout, indent=0, ensure_ascii=False)
    print()

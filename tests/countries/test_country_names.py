"""Test the names of countries, and that the bundled file is complete."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from probe.countries.cldr import packed
from probe.countries.country_names import BUNDLED, country_name, region_name


@pytest.mark.parametrize(
    ("code", "name", "region"),
    [
        ("IR", "Iran", "Southern Asia"),
        ("HK", "Hong Kong", "Eastern Asia"),
        ("GB", "United Kingdom", "Northern Europe"),
        ("TV", "Tuvalu", "Polynesia"),
        ("ZZ", "ZZ", ""),  # the code that OONI uses for an unknown country
        ("", "", ""),
    ],
)
def test_country_has_name_and_region(code: str, name: str, region: str) -> None:
    assert (country_name(code), region_name(code)) == (name, region)


def test_every_country_has_a_name_and_a_known_region() -> None:
    data = json.loads(BUNDLED.read_text(encoding="utf-8"))
    assert len(data["countries"]) > 249  # as many as ISO 3166-1 has
    for code, (name, region) in data["countries"].items():
        assert len(code) == 2 and len(name) > 2 and region in data["regions"], code


def test_regions_below_regions_are_followed(tmp_path: Path) -> None:
    tree = {"001": {"_contains": ["142"]}, "142": {"_contains": ["030", "XB"]}, "030": {"_contains": ["XA"]}}
    names = {"142": "Asia", "030": "Eastern Asia", "XA": "Long name", "XA-alt-short": "Short", "XB": "Beta"}
    names["XB-alt-short"] = "XB"
    core = _archive(
        tmp_path / "core.tgz",
        "supplemental/territoryContainment.json",
        {"supplemental": {"territoryContainment": tree}},
    )
    named = {"main": {"en": {"localeDisplayNames": {"territories": names}}}}
    locales = _archive(tmp_path / "names.tgz", "main/en/territories.json", named)
    assert packed(core, locales) == {
        "regions": {"030": "Eastern Asia", "142": "Asia"},
        "countries": {"XA": ["Short", "030"], "XB": ["Beta", "142"]},
    }


def _archive(file: Path, name: str, content: object) -> Path:
    written = json.dumps(content).encode()
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo(f"package/{name}")
        member.size = len(written)
        archive.addfile(member, io.BytesIO(written))
    return file

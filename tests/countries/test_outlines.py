"""Test the packed outlines: they are complete, in their place and small, and the packing follows its rules."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from probe.countries.country_names import country_codes
from probe.countries.outlines import BUNDLED, outlines
from probe.countries.pack_outlines import area, centroid, cut_at_antimeridian, packed, placed, polygons

# Without a shape in Natural Earth: parts of countries that have a reserved code only. AQ would take a fifth of the map.
ABSENT = {"AC", "AQ", "CP", "CQ", "DG", "EA", "IC", "TA"}


def test_every_country_has_an_outline_or_a_point() -> None:
    packed_ = outlines()
    assert set(country_codes()) - set(packed_.outlines) - set(packed_.points) == ABSENT
    assert set(packed_.outlines) | set(packed_.points) <= set(country_codes())
    assert {"SG", "BH", "HK", "MO", "MT", "XK", "GI", "TV"} <= set(packed_.points)
    assert BUNDLED.stat().st_size < 120_000


@pytest.mark.parametrize(
    ("code", "longitude", "latitude"),
    [("IR", 53, 32), ("GF", -53, 4), ("AU", 134, -25), ("SJ", 18, 78.5), ("XK", 20.9, 42.6)],
)
def test_outline_is_in_its_place(code: str, longitude: float, latitude: float) -> None:
    x, y = placed((longitude, latitude))
    xs, ys = zip(*_points(outlines().outlines[code]), strict=True)
    assert min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys)
    assert len(xs) > 4


def test_outlines_are_on_the_plane() -> None:
    packed_ = outlines()
    for code, path in [*packed_.outlines.items(), ("", packed_.no_code)]:
        assert re.fullmatch(r"(M\d+ \d+l[-\d ]+z)+", path), code
        assert all(0 <= x <= packed_.width and 0 <= y <= packed_.height for x, y in _points(path)), code
    assert all(0 <= x <= packed_.width and 0 <= y <= packed_.height for x, y in packed_.points.values())


def _points(path: str) -> list[tuple[int, int]]:
    """Return the corners of a path in absolute coordinates."""
    found = []
    for ring in path.split("M")[1:]:
        x, y, *steps = map(int, re.findall(r"-?\d+", ring))
        found.append((x, y))
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            found.append((x, y))
    return found


def _square(west: int, south: int, size: int) -> list[list[int]]:
    """Return a square as an arc of TopoJSON, whose points after the first are differences."""
    return [[west, south], [size, 0], [0, size], [-size, 0], [0, -size]]


def _topology(*shapes: tuple[str, str, list[list[list[int]]]]) -> dict[str, Any]:
    """Return a topology of countries by number and name, with one arc per polygon."""
    arcs = [arc for _, _, own in shapes for arc in own]
    numbers = iter(range(len(arcs)))
    geometries = [
        {
            "type": "MultiPolygon",
            "arcs": [[[next(numbers)]] for _ in own],
            **({"id": number} if number else {}),
            "properties": {"name": name},
        }
        for number, name, own in shapes
    ]
    transform = {"scale": [1, 1], "translate": [0, 0]}
    return {"transform": transform, "objects": {"countries": {"geometries": geometries}}, "arcs": arcs}


def test_shared_arcs_are_joined_in_both_directions() -> None:
    topology = _topology(("364", "Iran", [[[0, 0], [2, 0], [0, 2]], [[2, 2], [-2, 0], [0, -2]]]))
    topology["objects"]["countries"]["geometries"] = [
        {"type": "Polygon", "arcs": [[0, 1]]},
        {"type": "Polygon", "arcs": [[~1, ~0]]},
    ]
    (_, [[forward]]), (_, [[backward]]) = polygons(topology, "countries")
    assert forward == [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0)]
    assert backward == forward[::-1]
    assert (centroid(forward), area(forward)) == ((1, 1), 4)
    assert centroid([(1, 5), (1, 5)]) == (1, 5)


def test_ring_across_the_antimeridian_is_cut() -> None:
    parts = cut_at_antimeridian([(170, 60), (-170, 60), (-170, 70), (170, 70), (170, 60)])
    assert [sorted({x for x, _ in part}) for part in parts] == [[170, 180], [-180, -170]]
    assert [area(part) for part in parts] == [100, 100]
    mirrored = cut_at_antimeridian([(-170, 60), (170, 60), (170, 70), (-170, 70), (-170, 60)])
    assert [sorted({x for x, _ in part}) for part in mirrored] == [[-180, -170], [170, 180]]
    whole = [(0.0, 0.0), (180.0, 0.0), (180.0, 9.0), (0.0, 0.0)]
    assert cut_at_antimeridian(whole) == [whole]


def test_no_line_goes_around_the_world() -> None:
    """Check the width of every ring. Russia's mainland is the widest one."""
    for code, path in outlines().outlines.items():
        for ring in path.split("M")[1:]:
            xs = [x for x, _ in _points(f"M{ring}")]
            assert max(xs) - min(xs) < outlines().width / 3, code


def test_parts_and_names_get_their_codes(tmp_path: Path) -> None:
    guiana, france, kosovo, nobody = _square(-54, 3, 2), _square(0, 44, 5), _square(20, 42, 1), _square(33, 35, 1)
    coarse = _topology(("250", "France", [guiana, france]), ("", "Kosovo", [kosovo]), ("", "N. Cyprus", [nobody]))
    fine = _topology(("250", "France", [guiana, france]), ("702", "Singapore", [_square(103, 1, 1)]))
    atlas = _archive(tmp_path / "atlas.tgz", {"countries-110m.json": coarse, "countries-10m.json": fine})
    numbers = {"FR": {"_numeric": "250"}, "SG": {"_numeric": "702"}, "GF": {"_numeric": "254"}, "EU": {"_numeric": "1"}}
    core = _archive(
        tmp_path / "core.tgz", {"supplemental/codeMappings.json": {"supplemental": {"codeMappings": numbers}}}
    )
    found = packed(atlas, core)
    assert set(found["outlines"]) == {"FR", "GF", "XK"}
    assert found["no_code"].startswith("M")
    assert found["points"] == {"SG": placed((103.5, 1.5))}


def _archive(file: Path, content: dict[str, Any]) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, value in content.items():
            written = json.dumps(value).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(written)
            archive.addfile(member, io.BytesIO(written))
    return file

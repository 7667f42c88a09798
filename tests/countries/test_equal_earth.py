"""Test the Equal Earth projection against published points, and that it keeps areas."""

from math import radians, sin

import pytest

from probe.countries.pack_outlines import HALF_WIDTH, equal_earth

AUTHALIC = 6371007.181  # metres, the sphere with the area of WGS 84


@pytest.mark.parametrize(
    ("longitude", "latitude", "x", "y"),
    [(180, 0, 17243959.06, 0), (180, 90, 10216474.79, 8392927.60), (-180, 90, -10216474.79, 8392927.60)],
)
def test_corners_equal_published_ones(longitude: float, latitude: float, x: float, y: float) -> None:
    """Compare with PROJ's tests of `+proj=eqearth +ellps=WGS84`. Between the corners, PROJ adapts the latitude."""
    found = equal_earth(longitude, latitude)
    assert (AUTHALIC * found[0], AUTHALIC * found[1]) == pytest.approx((x, y), abs=0.1)


def test_point_equals_published_one() -> None:
    """Compare with the test of `+proj=eqearth +a=6400000` in mapshaper's port of PROJ."""
    x, y = equal_earth(2, 1)
    assert (6.4e6 * x, 6.4e6 * y) == pytest.approx((192457.4623920805, 129648.29470155617), abs=1e-6)
    assert equal_earth(-2, -1) == (-x, -y)
    assert equal_earth(180, 0)[0] == HALF_WIDTH


@pytest.mark.parametrize("latitude", range(-85, 86, 10))
def test_areas_are_kept(latitude: int) -> None:
    """Compare a narrow quadrangle with its area on the sphere."""
    south, north = latitude - 0.1, latitude + 0.1
    width = equal_earth(10.2, latitude)[0] - equal_earth(10, latitude)[0]
    height = equal_earth(10, north)[1] - equal_earth(10, south)[1]
    on_sphere = radians(0.2) * (sin(radians(north)) - sin(radians(south)))
    assert width * height == pytest.approx(on_sphere, rel=1e-4)

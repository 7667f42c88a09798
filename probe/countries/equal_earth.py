"""Project longitude and latitude to a plane with the Equal Earth projection.

Source: B. Šavrič, T. Patterson and B. Jenny, The Equal Earth map projection, International Journal of Geographical
Information Science 33 (2019), 454-465. Countries keep their relative areas, so that no country looks more important.
"""

from math import asin, cos, radians, sin, sqrt

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796


def equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    """Return x (east) and y (north) on a sphere of radius 1."""
    theta = asin(sqrt(3) / 2 * sin(radians(latitude)))
    square, sixth = theta**2, theta**6
    slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
    x = 2 * sqrt(3) * radians(longitude) * cos(theta) / (3 * slope)
    return x, theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))


HALF_WIDTH = equal_earth(180, 0)[0]

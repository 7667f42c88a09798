"""Test the picture in docs/ that shows how the costs of a store grow."""

import csv
from xml.etree import ElementTree

import pytest

from tests.bench.store_growth import FIGURES, PICTURE, STEPS, exponent, picture


def rows() -> list[dict[str, str]]:
    with FIGURES.open(newline="") as file:
        return list(csv.DictReader(file))


def test_picture_is_drawn_from_the_figures() -> None:
    assert PICTURE.read_text() == picture(rows())
    assert {row["step"] for row in rows()} == set(STEPS)


def test_points_are_inside_of_the_picture() -> None:
    root = ElementTree.fromstring(PICTURE.read_text())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    points = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root if one.tag.endswith("circle")]
    assert len(points) == 2 * len(rows())
    assert all(0 < x < width and 0 < y < height for x, y in points)


def test_exponent_is_the_slope() -> None:
    assert exponent([(n, 3 * n**1.5) for n in (10, 100, 1000)]) == pytest.approx(1.5)
    assert exponent([(n, 7) for n in (10, 100, 1000)]) == pytest.approx(0)

"""Test which measurements are artificial."""

from typing import Any

import pytest

from probe.formats.origin import UNNAMED, Origin, origin_of

MARKS: list[tuple[Any, Origin]] = [
    ({"lab": "clean"}, Origin(lab="clean")),
    ({"synthetic": "unkind", "platform": "linux"}, Origin(synthetic="unkind")),
    ({"lab": "clean", "synthetic": "unkind"}, Origin("clean", "unkind")),
    # A mark that is no name must not make a measurement look real.
    ({"synthetic": 3}, Origin(synthetic=UNNAMED)),
    ({"lab": ""}, Origin(lab=UNNAMED)),
    ({"synthetic": ["unkind"]}, Origin(synthetic=UNNAMED)),
]


@pytest.mark.parametrize(("annotations", "origin"), MARKS)
def test_annotation_makes_a_measurement_artificial(annotations: Any, origin: Origin) -> None:
    assert origin_of({"annotations": annotations}) == origin and origin.artificial


@pytest.mark.parametrize("annotations", [None, {}, [], "lab", {"lab": None}, {"platform": "linux"}])
def test_measurement_without_mark_is_real(annotations: Any) -> None:
    assert origin_of({"annotations": annotations}) == origin_of({}) == Origin() and not Origin().artificial

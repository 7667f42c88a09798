"""Distinguish measurements of real networks from artificial ones: made inside the lab, or by `probe synth`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

UNNAMED = "unnamed"  # where the mark is no name


class Origin(NamedTuple):
    """Hold the lab's scenario and the synthetic world that a measurement comes from, "" for none."""

    lab: str = ""
    synthetic: str = ""

    @property
    def artificial(self) -> bool:
        """Return True if the measurement says nothing about a real network."""
        return bool(self.lab or self.synthetic)


REAL = Origin()


def origin_of(measurement: Mapping[str, Any]) -> Origin:
    """Return the origin that the annotations of a measurement name. The measurement is untrusted."""
    annotations = measurement.get("annotations")
    named = annotations if isinstance(annotations, dict) else {}
    return Origin(_name(named.get("lab")), _name(named.get("synthetic")))


def _name(mark: Any) -> str:
    return "" if mark is None else mark if isinstance(mark, str) and mark else UNNAMED

"""Locate the newest measurement that shows the state of a cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.compare.units import CONNECTED
from probe.analysis.rules.rule import SEVERITY

_TIME = 20
NEWEST = (
    f"MAX(SUBSTR(measurement_start_time || '{' ' * _TIME}', 1, {_TIME})"
    " || measurement_line || ' ' || LENGTH(service) || ' ' || service || measurement_file)"
)
"""SQL for the newest row of a group as one text, of which every engine can compute the maximum."""


@dataclass(frozen=True)
class Example:
    """Locate the newest measurement that has the cell's state, and the service whose verdict has it."""

    file: str
    line: int
    service: str
    time: str


def example_of(rows: Sequence[tuple[str, str]], found: str | None) -> Example | None:
    """Return the newest measurement with the cell's state, or without a state the newest that does not count.

    `rows` has states, each with what NEWEST returned. A run's state can differ from those of its measurements. Then the
    gravest state is taken.
    """
    named = found if any(state == found for state, _ in rows) else None
    for wanted in (*SEVERITY, CONNECTED, ""):
        newest = [text for state, text in rows if state == wanted and named in (state, None)]
        if newest:
            time, (line, length, rest) = max(newest)[:_TIME], max(newest)[_TIME:].split(" ", 2)
            return Example(rest[int(length) :], int(line), rest[: int(length)], time.rstrip())
    return None

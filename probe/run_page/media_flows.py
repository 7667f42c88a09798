"""Collect the media flows of a run, and mark each packet as arrived, late, lost or not known."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Literal, NamedTuple

from probe.analysis.observations.lenient_json import number, table, tables, text

LOST, NO_TIME = -1, -2  # codes of the lists `forth` and `back`, see the data dictionary
LATE = 1000  # tenths of a millisecond beyond the least delay. A buffer for five packets of 20 ms delays the whole call.
MOST_PAIRS = 5  # of one run. A deep run has three.
MOST_PACKETS = 500  # of one flow

Mark = Literal["arrived", "late", "lost", "unknown"]
Direction = Literal["forth", "back"]
Shape = Literal["rtp", "whatsapp", "reflector", "opaque"]
APP_SHAPES: tuple[Shape, ...] = ("rtp", "whatsapp", "reflector")
OPAQUE: Shape = "opaque"
Flow = Mapping[str, Any]  # a media entry


class EqualPackets(NamedTuple):
    """Hold packets in a row that have the same mark: the first one's number and how many they are."""

    mark: Mark
    first: int
    packets: int


def flow_pairs(measurement: Mapping[str, Any]) -> dict[int, dict[Shape, Flow]]:
    """Return the pairs of media flows of a measurement: by number of the pair, the app's shape and the opaque flow."""
    found: dict[int, dict[Shape, Flow]] = {}
    for entry in tables(table(table(measurement.get("test_keys")).get("x_followups")).get("media")):
        place = number(entry.get("pair"))
        for shape in (*APP_SHAPES, OPAQUE):
            if text(entry.get("shape")) == shape and (place in found or len(found) < MOST_PAIRS):
                found.setdefault(place, {})[shape] = entry
    return {place: pair for place in sorted(found) if (pair := _pair(found[place]))}


def _pair(flows: Mapping[Shape, Flow]) -> dict[Shape, Flow]:
    """Return one app's shape and the opaque flow, in this order. Return {} if one of both is missing."""
    shape = next((shape for shape in APP_SHAPES if shape in flows), None)
    return {shape: flows[shape], OPAQUE: flows[OPAQUE]} if shape and OPAQUE in flows else {}


def runs_of(flow: Flow, direction: Direction) -> list[EqualPackets]:
    """Return the marks of a flow's packets in one direction, equal ones joined."""
    listed = flow.get(direction)
    marks = [_mark(value) for value in listed[:MOST_PACKETS]] if isinstance(listed, list) else []
    found, first = [], 0
    for mark, group in groupby(marks):
        count = len(list(group))
        found.append(EqualPackets(mark, first, count))
        first += count
    return found


def _mark(value: Any) -> Mark:
    if not isinstance(value, int) or isinstance(value, bool) or value < NO_TIME:
        return "unknown"
    if value == LOST:
        return "lost"
    return "late" if value > LATE else "arrived"

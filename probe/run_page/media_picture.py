"""Return the picture of the media flows: two rows of marks per direction, one mark for each packet."""

from collections.abc import Mapping, Sequence
from typing import Any

from probe.analysis.observations.lenient_json import seconds
from probe.messages import tr
from probe.run_page.media_flows import LATE, MOST_PACKETS, OPAQUE, Direction, EqualPackets, Flow, Mark, Shape, runs_of

MARKS: dict[Mark, float] = {"arrived": 14, "late": 10, "lost": 10, "unknown": 18.5}
"""Middle of the strokes of each mark. Their heights are in `pictures.css`."""
HEIGHT = 20
LONGEST = 60.0  # seconds between the ticks. A pair has 10 s.
DIRECTIONS: tuple[Direction, ...] = ("forth", "back")
APPS: dict[Shape, str] = {"whatsapp": "WhatsApp", "reflector": "Telegram"}  # shapes that one app alone has


def media_picture(pairs: Mapping[int, Mapping[Shape, Flow]]) -> dict[str, Any] | None:
    """Return the pairs of flows of a run with labels and sentences, None without a pair."""
    if not pairs:
        return None
    shown = [_pair(flows, place, len(pairs)) for place, (_, flows) in enumerate(sorted(pairs.items()), 1)]
    kinds = {mark for pair in shown for part in pair["parts"] for row in part["rows"] for mark in row["paths"]}
    return {
        "title": tr("Packets of a call, one by one"),
        "help": tr(
            "Two flows of packets ran at the same time to the test helper, which sent each packet back. One flow "
            "looked like a call, the other had random bytes. Each mark is a packet. The first packet is on the left."
        ),
        "legend": [{"mark": mark, "y": y, "text": _word(mark)} for mark, y in MARKS.items() if mark in kinds],
        "pairs": shown,
        "width": MOST_PACKETS,
        "height": HEIGHT,
    }


def _pair(flows: Mapping[Shape, Flow], place: int, count: int) -> dict[str, Any]:
    length = min(LONGEST, MOST_PACKETS * seconds(flows[OPAQUE].get("interval")))
    return {
        "title": tr("Pair {number} of {count}", number=place, count=count) if count > 1 else "",
        "parts": [
            {"title": _direction(direction), "rows": [_row(flow, shape, direction) for shape, flow in flows.items()]}
            for direction in DIRECTIONS
        ],
        "ticks": [f"{length * part / 5:g}" for part in range(6)] if length > 0 else [],
    }


def _row(flow: Flow, shape: Shape, direction: Direction) -> dict[str, Any]:
    """Return a row: its title, its figures in words, and one path for each kind of mark."""
    runs = runs_of(flow, direction)
    paths = {mark: path for mark in MARKS if (path := _path(runs, mark))}
    return {"title": _shape(shape), "summary": _summary(flow, runs), "paths": paths}


def _path(runs: Sequence[EqualPackets], mark: Mark) -> str:
    """Return the strokes of one kind of mark. Each begins where the one before ends."""
    found, at = "", 0
    for run in runs:
        if run.mark == mark:
            found += f"m{run.first - at} 0h{run.packets}" if found else f"M{run.first} {MARKS[mark]:g}h{run.packets}"
            at = run.first + run.packets
    return found


def _summary(flow: Flow, runs: Sequence[EqualPackets]) -> str:
    if flow.get("established") is not True:
        return tr("This flow did not begin: the test helper gave no answer, or it had no place.")
    counts = {mark: sum(run.packets for run in runs if run.mark == mark) for mark in MARKS}
    figures = tr(
        "Arrived in time: {arrived}. Late: {late}. Lost: {lost}.",
        arrived=counts["arrived"],
        late=counts["late"],
        lost=counts["lost"],
    )
    return " ".join([figures, tr("Not known: {count}.", count=counts["unknown"])]) if counts["unknown"] else figures


def _word(mark: Mark) -> str:
    words: dict[Mark, str] = {
        "arrived": tr("arrived in time"),
        "late": tr("more than {count} ms later than the fastest packet", count=LATE // 10),
        "lost": tr("lost"),
        "unknown": tr("not known"),
    }
    return words[mark]


def _shape(shape: Shape) -> str:
    if shape == OPAQUE:
        return tr("Random packets of the same size")
    app = APPS.get(shape)
    return tr("Packets like those of a call over {app}", app=app) if app else tr("Packets like those of a call")


def _direction(direction: Direction) -> str:
    if direction == "forth":
        return tr("From this device to the test helper")
    return tr("From the test helper to this device")

"""Say in words when, where and how often a service is blocked in part."""

from collections.abc import Sequence

from probe.analysis.compare.cells import Cell
from probe.analysis.compare.partial_tests import HOURS_OF_WEEK, PART_OF_RUNS, SOME_NETWORKS, PartialBlock
from probe.analysis.compare.units import FAILING
from probe.messages import listed, mark, tr

PARTLY_BLOCKED = mark("PARTLY BLOCKED")
_WEEKDAYS = (
    mark("Mondays"),
    mark("Tuesdays"),
    mark("Wednesdays"),
    mark("Thursdays"),
    mark("Fridays"),
    mark("Saturdays"),
    mark("Sundays"),
)
_MOST_NETWORKS = 3  # that are named


def is_partly_blocked(cell: Cell) -> bool:
    """Return True if a cell that does not fail as a whole has a partial block."""
    return bool(cell.partial) and cell.found not in FAILING


def partial_lines(cell: Cell) -> list[str]:
    """Return a text for each partial block of a cell."""
    return [_text(one) for one in cell.partial]


def _text(one: PartialBlock) -> str:
    sure = tr("of such statements at most {percent} % are false", percent=_percent(one.q_value))
    return f"{_where(one)} ({listed([*_counts(one), sure])})"


def _where(one: PartialBlock) -> str:
    if one.kind == SOME_NETWORKS:
        return tr("blocked on some networks only: {networks}", networks=_networks(one.networks))
    if one.kind == PART_OF_RUNS:
        return tr("blocked in part of the runs of most devices")
    hours = (
        "" if one.begin == one.end else tr("{begin}:00 to {end}:00 UTC", begin=f"{one.begin:02}", end=f"{one.end:02}")
    )
    if one.kind == HOURS_OF_WEEK:
        days = tr("on {days}", days=listed(tr(_WEEKDAYS[day]) for day in one.weekdays)) if one.weekdays else ""
        return tr("blocked at some hours only: {hours}", hours=listed(filter(None, (days, hours))))
    days = tr("{first} to {last}", first=one.first, last=one.last)
    return tr("blocked on some days only: {days}", days=listed(filter(None, (days, hours))))


def _networks(names: Sequence[str]) -> str:
    more = [tr("{count} more", count=len(names) - _MOST_NETWORKS)] if len(names) > _MOST_NETWORKS else []
    return listed([*names[:_MOST_NETWORKS], *more])


def _counts(one: PartialBlock) -> list[str]:
    failing, count = one.inside
    if one.kind == PART_OF_RUNS:
        return [tr("{failing} of {count} runs", failing=failing, count=count)]
    if one.kind == SOME_NETWORKS:
        inside = tr("{failing} of {count} devices there", failing=failing, count=count)
        return [inside, tr("{failing} of {count} on other networks", failing=one.outside[0], count=one.outside[1])]
    inside = tr("{failing} of {count} tests then", failing=failing, count=count)
    return [inside, tr("{failing} of {count} at other times", failing=one.outside[0], count=one.outside[1])]


def _percent(rate: float) -> str:
    return f"{max(0.1, 100 * rate):.1f}"

"""Measure interference events on unkind worlds: how many are false, how many are found, and how late."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median
from typing import Any

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.event import INTERFERENCE, Event
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from tests.support.measurements.synthetic_world import is_of
from tests.worlds.claim import Claim
from tests.worlds.unkind import draw

USERS, SEEDS = 1500, range(1, 7)
FALSE = 0.15  # share of events on worlds in which one user in sixteen is behind a local filter


@dataclass
class Interference:
    """Count events, and days from the true onset to the day of detection and to the onset that was found."""

    events: int = 0
    false: int = 0
    on_several: int = 0  # false ones that name several networks
    begun: int = 0
    found: int = 0
    delays: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)


def score(seeds: Iterable[int], users: int = USERS) -> Interference:
    """Find the events of several worlds, and compare them with the truth."""
    total = Interference()
    for seed in seeds:
        made = draw(users, seed)
        all_events = events(VerdictTable.of_rows(made.rows), Question())
        _add(total, [event for event in all_events if event.kind == INTERFERENCE], made.told["events"])
    return total


def _add(total: Interference, found: list[Event], told: list[dict[str, Any]]) -> None:
    false = [event for event in found if not any(is_of(event, one) for one in told)]
    begun = [one for one in told if one["onset"]]
    total.events, total.false = total.events + len(found), total.false + len(false)
    total.on_several += sum(len(event.networks) > 1 for event in false)
    total.begun += len(begun)
    for one in begun:
        event = next((event for event in found if event.onset and is_of(event, one)), None)
        if event is not None and event.onset is not None:
            total.found += 1
            total.delays.append(_days(one["onset"], event.detected_at))
            total.errors.append(abs(_days(one["onset"], event.onset)))


def _days(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    found = score(seeds)
    share = found.false / max(1, found.events)
    yield Claim(
        f"`probe events`: interference, {len(seeds)} worlds of {USERS} users",
        f"at most {FALSE:.0%} false",
        f"{share:.0%} ({found.false} of {found.events}), {found.on_several} on several networks",
        f"found: {found.found} of {found.begun}, {median(found.delays):.0f} days late (median), "
        f"onset off by {median(found.errors):.0f} days",
        share <= FALSE,
    )

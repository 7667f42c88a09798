"""Compare states, marks, events and shutdowns of countries with the truth of a world."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import date

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.over_time.event import INTERFERENCE, SHUTDOWN, Event
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from tests.worlds.full_blocks import SEEN_BY
from tests.worlds.kinds.devices import COUNTRIES, DAYS, FIRST_DAY, Block, World


@dataclass
class Score:
    """Count cells of countries, their marks, and events. Full blocks are those that SEEN_BY devices measured."""

    cells: int = 0
    states: int = 0  # that accuse
    false_states: int = 0
    stars: int = 0
    false_stars: int = 0
    events: int = 0
    false_events: int = 0
    full: int = 0
    full_states: int = 0
    full_events: int = 0
    full_stars: int = 0
    shutdowns: int = 0
    found_shutdowns: int = 0
    false_shutdowns: int = 0
    worlds: int = 0
    errors: list[int] = field(default_factory=list)  # days between the true onset and the one that was found

    @property
    def years(self) -> float:
        return self.worlds * len(COUNTRIES) * DAYS / 365

    def add(self, other: "Score") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def score(draw: Callable[[int], World], seeds: Iterable[int]) -> Score:
    total = Score()
    for seed in seeds:
        total.add(score_of(draw(seed)))
    return total


def score_of(world: World) -> Score:
    rows = list(world.rows())
    found, lasting = Score(worlds=1), {(one.service, one.cc) for one in world.blocks if one.days[1] > DAYS}
    for cell in compare(VerdictTable.of_rows(rows), Question(by=("cc",))).cells.values():
        key = cell.service, cell.vantage["cc"]
        accused, star = cell.state in ACCUSING, cell.difference is not None and cell.difference.worse
        full = any(key == (one.service, one.cc) and _is_full(one, world) for one in world.blocks)
        found.add(
            Score(
                cells=cell.n > 0,
                states=accused,
                false_states=accused and key not in lasting,
                stars=star,
                false_stars=star and key not in lasting,
                full=full,
                full_states=full and accused,
                full_stars=full and star,
            )
        )
    _add_events(found, world, events(VerdictTable.of_rows(rows), Question()))
    return found


def _is_full(block: Block, world: World) -> bool:
    """Return True if a block is on all networks, and enough devices measured it."""
    measured = sum(one.cc == block.cc and one.days[1] > block.days[0] for one in world.devices)
    return block.networks == world.networks[block.cc] and measured >= SEEN_BY


def _add_events(found: Score, world: World, all_events: Iterable[Event]) -> None:
    shown = [event for event in all_events if event.kind == INTERFERENCE]
    found.events += len(shown)
    found.false_events += sum(not any(_is_of(event, one) for one in world.blocks) for event in shown)
    for block in world.blocks:
        own = [event for event in shown if _is_of(event, block)]
        if _is_full(block, world) and own:
            found.full_events += 1
            found.errors += [abs(_day(own[0].onset) - block.days[0])] if own[0].onset else []
    true = {(cc, _text(first)) for cc, (first, _) in world.silences.items()}
    silent = [(event.cc, event.onset) for event in all_events if event.kind == SHUTDOWN]
    found.shutdowns, found.found_shutdowns = len(true), len(true.intersection(silent))
    found.false_shutdowns = sum(one not in true for one in silent)


def _is_of(event: Event, block: Block) -> bool:
    began = _day(event.onset) if event.onset else 0
    ended = _day(event.end) if event.end else DAYS
    overlap = began < block.days[1] and ended > block.days[0]
    return (
        (event.service, event.cc) == (block.service, block.cc) and overlap and set(event.networks) <= {*block.networks}
    )


def _day(text: str) -> int:
    return (date.fromisoformat(text) - FIRST_DAY).days


def _text(day: int) -> str:
    return date.fromordinal(FIRST_DAY.toordinal() + day).isoformat()

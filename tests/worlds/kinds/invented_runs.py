"""Compute how many contributors must invent runs, and on how many networks, to change a statement."""

from collections.abc import Callable, Iterator
from functools import partial

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.worlds.kinds.devices import (
    COUNTRIES,
    DAYS,
    PLATFORMS,
    SERVICES,
    Block,
    Device,
    World,
    plain_world,
    row_of,
    token_on,
)

HONEST = (0, 8, 16)  # devices of the country, half of them on each two networks
TRIED = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24)  # colluding contributors
NETWORKS = 4  # of the country
FIRST = DAYS - 14  # day from which the inventors add runs, and from which a hidden block exists
AT, SERVICE = COUNTRIES[0], SERVICES[0]
OTHERS = COUNTRIES[1:5]  # in which the service works
Shown = Callable[[list[VerdictRow]], bool]


def world(honest: int, *, blocked: bool) -> World:
    """Return a world in which one country has so many honest devices, each with a run on every other day."""
    made = plain_world("invented runs", 0, blocks=0.0)
    networks = made.networks[AT] = tuple(f"AS{number}" for number in range(NETWORKS))
    made.devices = [one for one in made.devices if one.cc in OTHERS] + [
        Device(1000 + n, AT, (networks[n % NETWORKS],), (0, DAYS), 0.5, PLATFORMS[n % len(PLATFORMS)], n % 10)
        for n in range(honest)
    ]
    made.blocks = [Block(SERVICE, AT, networks, (FIRST, DAYS + 1))] if blocked else []
    return made


def invented(inventors: int, networks: int, state: str, *, tokens: bool) -> list[VerdictRow]:
    """Return a run a day of each inventor, with a version and perhaps a token of its own.

    All networks are used in turn.
    """
    return [
        row_of(
            AT,
            f"AS{(inventor + day) % networks}",
            day,
            PLATFORMS[inventor % 5],
            f"invented {inventor}",
            f"{inventor} {day}",
            SERVICE,
            state,
            token_on(-1 - inventor, day) if tokens else "",
        )
        for inventor in range(inventors)
        for day in range(FIRST, DAYS)
    ]


def state_shown(rows: list[VerdictRow]) -> bool:
    return _cell(rows).state in ACCUSING


def star_shown(rows: list[VerdictRow]) -> bool:
    difference = _cell(rows).difference
    return difference is not None and difference.worse


def event_shown(rows: list[VerdictRow]) -> bool:
    found = events(VerdictTable.of_rows(rows), Question(only=(("service", SERVICE),)))
    return any((event.service, event.cc) == (SERVICE, AT) for event in found)


def _cell(rows: list[VerdictRow]) -> Cell:
    comparison = compare(VerdictTable.of_rows(rows), Question(by=("cc",), only=(("service", SERVICE),)))
    return next(cell for cell in comparison.cells.values() if cell.vantage["cc"] == AT)


STATEMENTS: dict[str, Shown] = {"a state": state_shown, "a mark": star_shown, "an event": event_shown}


def fewest(shown: Shown, honest: int, networks: int, *, hide: bool, tokens: bool = False) -> int | None:
    """Return the least of TRIED inventors on so many networks that make a statement, or hide it. None if none does."""
    true = [row for row in world(honest, blocked=hide).rows() if row.service == SERVICE]
    if hide and not shown(true):
        return 0
    added = partial(invented, networks=networks, state="ok" if hide else "blocked", tokens=tokens)
    return next((inventors for inventors in TRIED if shown([*true, *added(inventors)]) != hide), None)


def rows_of_table() -> Iterator[str]:
    """Yield the rows of the table in docs/design/comparison.md: inventors on one, two, three and four networks.

    First without tokens, then with them.
    """
    for hide in (False, True):
        for name, shown in STATEMENTS.items():
            for honest in HONEST[1 if hide else 0 :]:
                counts = [
                    fewest(shown, honest, networks, hide=hide, tokens=tokens)
                    for tokens in (False, True)
                    for networks in range(1, NETWORKS + 1)
                ]
                cells = [f"over {TRIED[-1]}" if one is None else str(one) for one in counts]
                yield f"| {'hide' if hide else 'make'} {name} | {honest} | {' | '.join(cells)} |"


if __name__ == "__main__":
    for row in rows_of_table():
        print(row, flush=True)

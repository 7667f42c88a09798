"""Measure the rule for repeated single failures: how many clean cells it accuses, and how many blocks it finds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.worlds.claim import Claim, percent
from tests.worlds.full_blocks import SEEN_BY, NetworkBlock, full_blocks
from tests.worlds.single_failures import DAYS, FIRST_DAY, World, draw_world, rows_of

REPORTERS, SEEDS = 1200, range(100, 108)
AXES = (("cc",), ("cc", "asn"))
FALSE = 0.01  # of clean cells
OFTEN = 20  # runs


@dataclass
class Accusations:
    """Count the cells with LEAST runs. `failing` are the clean ones in which a network fails.

    `full` are countries with a full block.
    """

    clean: int = 0
    failing: int = 0
    false: int = 0
    blocked: int = 0  # until the end of the period
    found: int = 0
    frequent: int = 0  # blocked cells with OFTEN runs
    frequent_found: int = 0
    full: int = 0
    full_found: int = 0

    def add(self, other: "Accusations") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def score(seeds: Iterable[int], reporters: int = REPORTERS) -> dict[tuple[str, ...], Accusations]:
    """Compare the countries and the networks of several worlds, and count what the rule accuses."""
    total: dict[tuple[str, ...], Accusations] = {axes: Accusations() for axes in AXES}
    for seed in seeds:
        world = draw_world(seed, reporters)
        rows = list(rows_of(world))
        table, full = VerdictTable.of_rows(rows), _full(world, rows)
        for axes in AXES:
            true, lasting = _keys(world.blocked(), axes), _keys(world.lasting(), axes)
            for cell in compare(table, Question(by=axes)).cells.values():
                key = (cell.service, *(cell.vantage[axis] for axis in axes))
                if cell.runs >= LEAST:
                    total[axes].add(_of_cell(cell, key in true, key in lasting, key in full))
    return total


def _keys(blocks: Iterable[tuple[str, str, str]], axes: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {(service, *({"cc": cc, "asn": asn}[axis] for axis in axes)) for service, cc, asn in blocks}


def _full(world: World, rows: list[VerdictRow]) -> set[tuple[str, ...]]:
    """Return service and country of the full blocks."""
    networks: dict[str, set[str]] = defaultdict(set)
    for place in world.places:
        networks[place.cc].add(place.asn)
    blocks = [
        NetworkBlock(service, place.cc, place.asn, (FIRST_DAY + timedelta(days=begin)).isoformat())
        for place in world.places
        for service, (begin, end) in place.blocks.items()
        if end > DAYS
    ]
    return {*full_blocks(blocks, networks, rows, lambda run_id: run_id.partition("-")[0])}


def _of_cell(cell: Cell, true: bool, lasting: bool, full: bool) -> Accusations:
    accused, clean, frequent = cell.derived is not None, not true, lasting and cell.runs >= OFTEN
    return Accusations(
        clean,
        clean and cell.now is not None and cell.now.failing > 0,
        clean and accused,
        lasting,
        lasting and accused,
        frequent,
        frequent and accused,
        full,
        full and accused,
    )


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    """Yield the claims about countries and about networks."""
    for axes, found in score(seeds).items():
        places = "countries" if axes == ("cc",) else "networks"
        yield Claim(
            f"`probe compare`: {places} likely blocked by repetition, {len(seeds)} worlds of {REPORTERS} users",
            f"at most {FALSE:.0%} of the clean cells",
            f"{found.false / max(1, found.clean):.2%} ({found.false} of {found.clean})",
            f"In {found.failing} clean cells a network fails for other reasons. Accused: "
            f"{percent(found.found, found.blocked)} of the cells blocked at the end, "
            f"{percent(found.frequent_found, found.frequent)} of those with {OFTEN} runs"
            + f", {percent(found.full_found, found.full)} of full blocks seen by {SEEN_BY} users"
            * (found.full > 0),
            found.false <= FALSE * found.clean,
        )

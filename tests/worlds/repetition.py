"""Measure the rule for repeated single failures: how many clean cells it accuses, and how many blocks it finds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.units import FAILING
from probe.analysis.compare.verdict_table import VerdictTable
from tests.worlds.claim import Claim, percent
from tests.worlds.single_failures import draw_world, rows_of

REPORTERS, SEEDS = 1200, range(100, 108)
AXES = (("cc",), ("cc", "asn"))
FALSE = 0.01  # of clean cells
OFTEN = 20  # runs


@dataclass
class Accusations:
    """Count the cells with LEAST runs. `failing` are the clean ones whose state is one of those that fail."""

    clean: int = 0
    failing: int = 0
    false: int = 0
    blocked: int = 0  # until the end of the period
    found: int = 0
    frequent: int = 0  # blocked cells with OFTEN runs
    frequent_found: int = 0

    def add(self, other: "Accusations") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def score(seeds: Iterable[int], reporters: int = REPORTERS) -> dict[tuple[str, ...], Accusations]:
    """Compare the countries and the networks of several worlds, and count what the rule accuses."""
    total: dict[tuple[str, ...], Accusations] = {axes: Accusations() for axes in AXES}
    for seed in seeds:
        world = draw_world(seed, reporters)
        table = VerdictTable.of_rows(rows_of(world))
        for axes in AXES:
            true, lasting = _keys(world.blocked(), axes), _keys(world.lasting(), axes)
            for cell in compare(table, Question(by=axes)).cells.values():
                key = (cell.service, *(cell.vantage[axis] for axis in axes))
                if cell.runs >= LEAST:
                    total[axes].add(_of_cell(cell, key in true, key in lasting))
    return total


def _keys(blocks: Iterable[tuple[str, str, str]], axes: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {(service, *({"cc": cc, "asn": asn}[axis] for axis in axes)) for service, cc, asn in blocks}


def _of_cell(cell: Cell, true: bool, lasting: bool) -> Accusations:
    accused, clean, frequent = cell.derived is not None, not true, lasting and cell.runs >= OFTEN
    return Accusations(
        clean,
        clean and cell.found in FAILING,
        clean and accused,
        lasting,
        lasting and accused,
        frequent,
        frequent and accused,
    )


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    """Yield the claims about countries and about networks."""
    for axes, found in score(seeds).items():
        places = "countries" if axes == ("cc",) else "networks"
        yield Claim(
            f"`probe compare`: {places} likely blocked by repetition, {len(seeds)} worlds of {REPORTERS} users",
            f"at most {FALSE:.0%} of the clean cells",
            f"{found.false / max(1, found.clean):.2%} ({found.false} of {found.clean})",
            f"{found.failing} clean cells do not work for other reasons. Accused: "
            f"{percent(found.found, found.blocked)} of the cells blocked at the end, "
            f"{percent(found.frequent_found, found.frequent)} of those with {OFTEN} runs",
            found.false <= FALSE * found.clean,
        )

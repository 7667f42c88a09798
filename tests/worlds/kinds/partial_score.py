"""Compare the partial blocks that are named in countries with the truth of a world."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING
from tests.worlds.kinds.devices import DAYS, World
from tests.worlds.kinds.partial import SHOWN


@dataclass
class PartialScore:
    """Count cells of countries. `partial` are those with a partial block in the newest days.

    `named` have a partial block in the comparison, and `false` ones have none in truth. `found` have one of any kind,
    and `right` one of the true kind. `fine` partial blocks are neither named nor accused. `states` are accused without
    a block.
    """

    cells: int = 0
    named: int = 0
    false: int = 0
    states: int = 0
    partial: int = 0
    found: int = 0
    right: int = 0
    fine: int = 0

    def add(self, other: "PartialScore") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


def score(draw: Callable[[int], World], seeds: Iterable[int]) -> PartialScore:
    total = PartialScore()
    for seed in seeds:
        total.add(score_of(draw(seed)))
    return total


def score_of(world: World) -> PartialScore:
    blocks = {(one.service, one.cc): one for one in world.blocks if one.days[1] > DAYS - SHOWN}
    found = PartialScore()
    for cell in compare(VerdictTable.of_rows(world.rows()), Question(by=("cc",))).cells.values():
        block = blocks.get((cell.service, cell.vantage["cc"]))
        kinds, partial = {one.kind for one in cell.partial}, block is not None and block.kind != ""
        accused = cell.state in ACCUSING
        found.add(
            PartialScore(
                cells=cell.n > 0,
                named=bool(kinds),
                false=bool(kinds) and block is None,
                states=accused and block is None,
                partial=partial,
                found=partial and bool(kinds),
                right=block is not None and block.kind in kinds,
                fine=partial and not kinds and not accused,
            )
        )
    return found

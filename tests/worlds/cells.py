"""Measure the marks of `probe compare`: how many are false, and how many blocks are marked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.difference import RATE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.lab.synth.plan import draw_plan
from tests.worlds.claim import Claim, most_at, percent
from tests.worlds.unkind import UNKIND, Made, draw

SEEDS = range(8)
FEW, MANY = 8, 30  # users for each cell


@dataclass
class Marks:
    """Count cells: marked ones, the false ones among them, and those with a true block that are marked or not."""

    marked: int = 0
    false: int = 0
    blocked: int = 0
    found: int = 0
    lasting: int = 0  # cells that are blocked at the end of the period
    lasting_found: int = 0

    def add(self, other: "Marks") -> None:
        self.marked += other.marked
        self.false += other.false
        self.blocked += other.blocked
        self.found += other.found
        self.lasting += other.lasting
        self.lasting_found += other.lasting_found

    def allowed(self) -> int:
        """Return the number of false marks that the promise allows, with the binomial error of the sample."""
        return most_at(RATE, self.marked)


def marks(made: Made, axes: tuple[str, ...]) -> Marks:
    """Compare the vantage points of a world and count the marks. A block counts with LEAST runs in its cell."""
    comparison = compare(VerdictTable.of_rows(made.rows), Question(by=axes))
    everything, last = _blocked(made, axes), _blocked(made, axes, lasting=True)
    found = Marks()
    for (service, column), cell in comparison.cells.items():
        vantage = comparison.vantages[column]
        key = (service, *(vantage[axis] for axis in axes))
        star = cell.difference is not None and cell.difference.worse
        true, now = (key in cells and cell.runs >= LEAST for cells in (everything, last))
        found.add(Marks(star, star and key not in everything, true, star and true, now, star and now))
    return found


def _blocked(made: Made, axes: tuple[str, ...], *, lasting: bool = False) -> set[tuple[str, ...]]:
    """Return the cells that a true event touches at any time, or only those of events without end."""
    country = {network.asn: network.country for network in made.plan.networks}
    return {
        (event["service"], *({"cc": country[asn], "asn": asn}[axis] for axis in axes))
        for event in made.told["events"]
        for asn in event["networks"]
        if not (lasting and event["end"])
    }


def total(users: int, axes: tuple[str, ...], seeds: Iterable[int]) -> Marks:
    """Count the marks of several worlds with so many users for each cell, the average."""
    found = Marks()
    for seed in seeds:
        networks = draw_plan(seed, UNKIND.keys).networks
        places = {tuple({"cc": one.country, "asn": one.asn}[axis] for axis in axes) for one in networks}
        found.add(marks(draw(users * len(places), seed), axes))
    return found


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    """Yield the claims about marks, of countries and of networks, with few and with many users."""
    for axes in (("cc",), ("cc", "asn")):
        for users in (FEW, MANY):
            yield _claim(total(users, axes, seeds), users, axes, len(seeds))


def _claim(found: Marks, users: int, axes: tuple[str, ...], worlds: int) -> Claim:
    places = "countries" if axes == ("cc",) else "networks"
    return Claim(
        f"`probe compare`: marks of {places}, {users} users a cell, {worlds} worlds",
        f"at most {RATE:.0%} false",
        f"{found.false} of {found.marked} false",
        f"marked: {percent(found.found, found.blocked)} of all blocked cells, "
        f"{percent(found.lasting_found, found.lasting)} of those blocked at the end",
        found.false <= found.allowed(),
    )

"""Measure the marks of `probe compare`: how many are false, and how many blocks are marked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.difference import RATE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.lab.synth.plan import draw_plan
from tests.worlds.claim import Claim, most_at, percent
from tests.worlds.full_blocks import SEEN_BY, NetworkBlock, full_blocks
from tests.worlds.unkind import UNKIND, Made, draw

SEEDS = range(8)
FEW, MANY = 8, 30  # users for each cell


@dataclass
class Marks:
    """Count cells: marked ones, the false ones among them, and those with a true block that are marked or not.

    `full` are those of full blocks.
    """

    marked: int = 0
    false: int = 0
    blocked: int = 0
    found: int = 0
    lasting: int = 0  # cells that are blocked at the end of the period
    lasting_found: int = 0
    full: int = 0
    full_found: int = 0

    def add(self, other: "Marks") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def allowed(self) -> int:
        """Return the number of false marks that the promise allows, with the binomial error of the sample."""
        return most_at(RATE, self.marked)


def marks(made: Made, axes: tuple[str, ...]) -> Marks:
    """Compare the vantage points of a world and count the marks. A block counts with LEAST runs in its cell."""
    comparison = compare(VerdictTable.of_rows(made.rows), Question(by=axes))
    everything, last = _blocked(made, axes), _blocked(made, axes, lasting=True)
    full = _full(made) if axes == ("cc",) else set()
    found = Marks()
    for (service, column), cell in comparison.cells.items():
        vantage = comparison.vantages[column]
        key = (service, *(vantage[axis] for axis in axes))
        star = cell.difference is not None and cell.difference.worse
        true, now = (key in cells and cell.runs >= LEAST for cells in (everything, last))
        whole = now and key in full
        found.add(
            Marks(star, star and key not in everything, true, star and true, now, star and now, whole, star and whole)
        )
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


def _full(made: Made) -> set[tuple[str, ...]]:
    """Return the cells of countries with a full block."""
    country = {network.asn: network.country for network in made.plan.networks}
    networks: dict[str, set[str]] = defaultdict(set)
    for network in made.plan.networks:
        networks[network.country].add(network.asn)
    blocks = [
        NetworkBlock(event["service"], country[asn], asn, event["onset"] or "")
        for event in made.told["events"]
        for asn in event["networks"]
        if not event["end"]
    ]
    return {*full_blocks(blocks, networks, made.rows, made.user_of.__getitem__)}


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
        f"{percent(found.lasting_found, found.lasting)} of those blocked at the end"
        + f", {percent(found.full_found, found.full)} of full blocks seen by {SEEN_BY} users"
        * (found.full > 0),
        found.false <= found.allowed(),
    )

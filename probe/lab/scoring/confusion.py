"""Count which mechanisms were found in place of which: a confusion matrix, by mechanism or by protocol."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from probe.messages import tr

NONE = "none"
Confusion = dict[str, dict[str, int]]  # expected mechanism, found mechanism, verdicts. "none" stands for no mechanism


def count_pairs(confusion: Confusion, expected: Iterable[str], found: Iterable[str]) -> None:
    """Add one verdict. Equal names are pairs. Of what is left, the first expected one is paired with the first found.

    A verdict without expected and found mechanisms is one pair of "none".
    """
    wanted, named = set(expected), set(found)
    pairs = [(name, name) for name in wanted & named]
    pairs += zip_longest(sorted(wanted - named), sorted(named - wanted), fillvalue=NONE)
    for one, other in pairs or [(NONE, NONE)]:
        row = confusion.setdefault(one, {})
        row[other] = row.get(other, 0) + 1


def merged(one: Confusion, other: Confusion) -> Confusion:
    together = {name: dict(row) for name, row in one.items()}
    for expected, row in other.items():
        for found, count in row.items():
            mine = together.setdefault(expected, {})
            mine[found] = mine.get(found, 0) + count
    return together


def by_protocol(confusion: Confusion) -> list[tuple[str, ...]]:
    """Return the matrix of the first parts of the names as rows with a head: `tls` for `tls.reset.sni`."""
    small: Confusion = {}
    for expected, row in confusion.items():
        for found, count in row.items():
            mine = small.setdefault(_protocol(expected), {})
            mine[_protocol(found)] = mine.get(_protocol(found), 0) + count
    names = sorted({*small, *(found for row in small.values() for found in row)}, key=lambda name: (name == NONE, name))
    return [
        (tr("expected, and found"), *names),
        *((name, *(_shown(small.get(name, {}).get(found, 0)) for found in names)) for name in names),
    ]


def by_mechanism(confusion: Confusion) -> list[tuple[str, ...]]:
    """Return a row per expected mechanism: verdicts, how many found it, and what the others found."""
    rows: list[tuple[str, ...]] = [(tr("expected mechanism"), tr("verdicts"), tr("found"), tr("found in its place"))]
    for name in sorted(confusion, key=lambda name: (name == NONE, name)):
        row = confusion[name]
        rows.append((name, str(sum(row.values())), str(row.get(name, 0)), _others(name, row)))
    return rows


def _others(name: str, row: Mapping[str, int]) -> str:
    others: Sequence[tuple[str, int]] = sorted((found, count) for found, count in row.items() if found != name)
    return ", ".join(f"{found} {count}" for found, count in others)


def _protocol(name: str) -> str:
    return name.partition(".")[0]


def _shown(count: int) -> str:
    return str(count) if count else "·"

"""Count the hops of accusing verdicts in runs whose censors are all at one known hop."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from probe.messages import tr

RIGHT, WRONG, NONE_EXPECTED = "right", "wrong", "none expected"
NO_PLACE = frozenset({"resolver", "rate", "answers_changed"})  # values of `hop_reason` for what shows no hop at all
Places = dict[str, dict[str, int]]
"""Verdicts by mechanisms (joined by a comma) and outcome: `RIGHT`, `WRONG`, `NONE_EXPECTED`, or a `hop_reason`."""


def outcome_of(record: Mapping[str, Any], truth: int | None) -> str:
    """Return the outcome of one accusing verdict. `truth`: the censor's hop, None if none can be known."""
    found = (record.get("hop") or {}).get("ttl")
    if found is not None:
        return RIGHT if found == truth else WRONG
    return NONE_EXPECTED if truth is None else str(record.get("hop_reason"))


def count_place(places: Places, record: Mapping[str, Any], truth: int | None) -> None:
    """Add one accusing verdict."""
    row = places.setdefault(", ".join(sorted(record.get("mechanisms") or [])), {})
    outcome = outcome_of(record, truth)
    row[outcome] = row.get(outcome, 0) + 1


def totals(places: Places) -> tuple[dict[str, int], dict[str, int]]:
    """Return verdicts by outcome: those that may have a hop, and those whose interference shows none."""
    known: dict[str, int] = {}
    placeless: dict[str, int] = {}
    for row in places.values():
        for outcome, count in row.items():
            counts = placeless if outcome in {*NO_PLACE, NONE_EXPECTED} else known
            counts[outcome] = counts.get(outcome, 0) + count
    return known, placeless


def by_mechanisms(places: Places) -> list[tuple[str, ...]]:
    """Return a head and a row per set of mechanisms: verdicts, right and wrong hops, and why the others have none."""
    rows: list[tuple[str, ...]] = [(tr("mechanisms"), tr("verdicts"), tr("right hop"), tr("wrong hop"), tr("no hop"))]
    for names, row in sorted(places.items()):
        numbers = (sum(row.values()), row.get(RIGHT, 0), row.get(WRONG, 0))
        rows.append((names, *map(str, numbers), counted(row, without=(RIGHT, WRONG))))
    return rows


def counted(row: Mapping[str, int], *, without: Collection[str] = ()) -> str:
    """Return the outcomes with their numbers, the most frequent first."""
    others: Sequence[tuple[str, int]] = sorted(row.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{outcome} {count}" for outcome, count in others if outcome not in without)

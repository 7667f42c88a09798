"""Add the attempts of a second answer of a helper to those of its first."""

from collections.abc import Iterator
from typing import Any

from probe.formats import failures as f
from probe.formats.keys import LISTS
from probe.formats.plain_json import places_of_entries

Answer = dict[str, Any]
Table = dict[str, Any]
WORSE = f"{f.UNKNOWN}: helper: its own network works worse than before"


def add_attempts(answer: Answer, fresh: Answer) -> str | None:
    """Add the transactions of `fresh` and their entries to `answer`, with new numbers. Return why nothing was added.

    If the helper's own network has failed since the first answer, its failures prove nothing.
    """
    if fresh.get("failure") is not None:
        return str(fresh["failure"])
    before, now = _table(answer.get("preflight")), _table(fresh.get("preflight"))
    if any(works is True and now.get(what) is not True for what, works in before.items()):
        return WORSE
    keys, more = answer["test_keys"], _table(fresh.get("test_keys"))
    shift = max((_number(each) for each in tables(keys.get("x_transactions"))), default=0)
    keys["x_transactions"] = [*tables(keys.get("x_transactions")), *_shifted(more.get("x_transactions"), shift)]
    entries = _table(keys.get("x_endpoints"))
    for place in places_of_entries(more):
        for name in LISTS:
            entries[name] = [*tables(entries.get(name)), *_shifted(place.get(name), shift)]
    keys["x_endpoints"] = entries
    return None


def tables(value: Any) -> list[Table]:
    """Return the objects of a list, none if it is no list. An answer can contain anything."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _shifted(value: Any, shift: int) -> Iterator[Table]:
    for each in tables(value):
        yield {**each, "transaction_id": _number(each) + shift}


def _number(transaction: Table) -> int:
    number = transaction.get("transaction_id")
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _table(value: Any) -> Table:
    return value if isinstance(value, dict) else {}

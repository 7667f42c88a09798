"""Walk every field of an answer, and set it to every value of a small set."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from probe.formats import failures as f

Path = tuple[str, ...]
"""Keys from the root of an answer. "[]" stands for every element of a list."""

ELEMENTS: Final = "[]"
MISSING: Final = object()
FAILURES = (f.TIMEOUT, f.RESET, f.REFUSED, f.SSL_UNKNOWN_AUTHORITY, f.DNS_NXDOMAIN, f.NOT_CONTACTED)
VALUES: tuple[Any, ...] = (
    *(MISSING, None, True, False, "", [], {}, [None]),
    *(0, -1, 401, 0.5, 1e9, 2**62, 2**63, float("nan")),
    *("\x1b[2J\x07\x00\n", "\ud800", "10.0.0.1", "success", "offered"),
    *FAILURES,
)
"""Values of every JSON type, numbers at and beyond the limits, hostile texts, and words of the format."""


def paths(answer: Any) -> list[Path]:
    """Return the path of every field at every depth, once for all elements of a list."""
    return list(dict.fromkeys(_paths(answer, ())))


def _paths(value: Any, here: Path) -> Iterator[Path]:
    if here:
        yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*here, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, (*here, ELEMENTS))


def with_value(answer: Any, path: Path, value: Any) -> Any:
    """Return a copy of the answer with another value at the path, in every element of the lists on it."""
    copy = json.loads(json.dumps(answer))
    for holder, key in list(_places(copy, path)):
        if value is MISSING:
            del holder[key]
        else:
            holder[key] = value
    return copy


def _places(value: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the holder and the key of every field at the path. The last elements of a list come first."""
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        keys: Iterable[Any] = reversed(range(len(value))) if step == ELEMENTS else ()
    else:
        keys = [step] if isinstance(value, dict) and step in value else ()
    for key in keys:
        if rest:
            yield from _places(value[key], rest)
        else:
            yield value, key

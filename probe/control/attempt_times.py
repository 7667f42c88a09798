"""Note when each attempt of a helper began, on the clock of our probe."""

from collections.abc import Iterator
from typing import Any

from probe.signatures.evidence_age import HELPERS_CACHE

BEGAN, AGE = "began", "age"


def date_by_age(test_keys: dict[str, Any], asked: float, arrived: float) -> None:
    """Replace each transaction's `age` by `began`. `asked` and `arrived` are times of the monotonic clock.

    Without an age the answer may come from the helper's cache. The earliest possible begin is noted then.
    """
    for transaction in _transactions(test_keys):
        age = transaction.pop(AGE, None)
        usable = isinstance(age, int | float) and not isinstance(age, bool) and age >= 0
        transaction[BEGAN] = arrived - age if usable else asked - HELPERS_CACHE


def age_in_cache(header: str) -> float:
    """Return the seconds that an answer was in a cache on the way (RFC 9111, section 5.1), 0 without the header.

    An unreadable value stands for the longest time that a helper's answer is shared.
    """
    if not header:
        return 0.0
    return float(header) if header.isascii() and header.isdigit() and len(header) < 10 else HELPERS_CACHE


def since(zero: float, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with every `began` counted from `zero`, a time of the monotonic clock. It may be negative."""
    for transaction in _transactions(answer.get("test_keys")):
        if isinstance(began := transaction.get(BEGAN), float):
            transaction[BEGAN] = round(began - zero, 3)
    return answer


def _transactions(test_keys: Any) -> Iterator[dict[str, Any]]:
    found = test_keys.get("x_transactions") if isinstance(test_keys, dict) else None
    yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()

"""The failures that a fault of the network may leave behind: OONI's df-007 strings, and no word for a fault of ours."""

import re

from probe.formats import failures
from probe.session import classify

_NAMED = frozenset(value for value in vars(failures).values() if isinstance(value, str)) | frozenset(
    classify._BY_ERRNO.values()
)
_LOCAL = frozenset(
    {
        *(failures.FILES_EXHAUSTED, failures.BUG, failures.BUDGET, failures.INTERRUPTED),
        *(failures.NO_QUIC, failures.NO_FINGERPRINT),
    }
)
_PYTHONS = re.compile(r"unknown_failure: (errno \S+|[A-Z]\w*(Error|Exception|Stop\w*|EOF))$")


def is_named(failure: str) -> bool:
    """Say whether `failure` is of the closed list, and no name of a Python class or number that nobody gave a word."""
    if _PYTHONS.fullmatch(failure) or failure == failures.UNKNOWN:
        return False
    return failure in _NAMED or failure.startswith(f"{failures.UNKNOWN}: ")


def is_of_the_network(failure: str) -> bool:
    """Say whether it is of the closed list and tells of the other side, not of us."""
    return is_named(failure) and not failure.startswith(tuple(_LOCAL))
